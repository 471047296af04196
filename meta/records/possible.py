"""Readings that there cannot be, by what the series file says of a metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from meta.records.errors import GraphError
from meta.records.readings import number
from meta.records.series_records import SeriesRecords


def refuse_impossible(records: SeriesRecords, key: str, *, of_curves: bool = False) -> None:
    """Refuse finite readings outside of `bounds`, and those of a rate that are neither 0 nor 1.

    Parameters
    ----------
    records : SeriesRecords
    key : str
        The dotted name of a result; of curves, the metric.
    of_curves : bool
        Whether the logged points are shown.

    Raises
    ------
    GraphError
        There are such readings; it names the first experiment.
    """
    label = records.label_of(key)
    if label.bounds is None and label.kind != "rate":
        return
    low, high = label.bounds or (None, None)
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    for experiment, readings in _readings(records, key, of_curves=of_curves):
        outside = [value for value in readings if not low <= value <= high]
        if outside:
            raise GraphError(
                f"{key!r} of experiment {experiment} is {outside[0]:.6g}, but metrics says bounds: "
                f"[{_end(low)}, {_end(high)}]; correct them, or leave that experiment out (where)"
            )
        others = [value for value in readings if value not in (0, 1)] if label.kind == "rate" else []
        if others:
            raise GraphError(
                f"{key!r} of experiment {experiment} is {others[0]:.6g}, but metrics says kind: rate: "
                "readings of a rate are 0 or 1; leave kind out"
            )


def _readings(records: SeriesRecords, key: str, *, of_curves: bool) -> Iterator[tuple[int, Iterable[float]]]:
    """Yield each experiment's least and largest reading, and one between 0 and 1 if there is any."""
    for member in records.configurations:
        for experiment in member.completed:
            if of_curves:
                curve = records.curves.get(key, {}).get(experiment.id)
                found = np.empty(0) if curve is None else curve.readings[np.isfinite(curve.readings)]
                if found.size:
                    between = found[(found > 0) & (found < 1)][:1].tolist()
                    yield experiment.id, [float(found.min()), float(found.max()), *between]
            elif (reading := number(experiment, key)) is not None and math.isfinite(reading):
                yield experiment.id, [reading]


def _end(end: float) -> str:
    return f"{end:g}" if math.isfinite(end) else "null"
