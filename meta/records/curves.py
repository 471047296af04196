"""The logged curves of a series: from chunks of bytes to one curve per experiment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.errors import NotFoundError
from database.models import Experiment, ExperimentStatus, MetricChunk
from database.suggestions import suggestion
from meta.statistics.estimators.arrays import Floats, Integers
from meta.statistics.estimators.curves import Curve

#: A selected row; its type differs between SQLAlchemy 2.0 and 2.1.
_ChunkRow = Any

#: Rows fetched at once; a chunk may hold many points.
_ROWS_PER_FETCH = 500


@dataclass(frozen=True)
class TimedCurve:
    """One experiment's metric over steps, with the time of each point.

    Attributes
    ----------
    experiment_id : int
    curve : Curve
        For one step the later attempt wins, and within an attempt the later point.
    seconds : ndarray of float64, shape (points,)
        Since the start of the attempt that logged the point.
    """

    experiment_id: int
    curve: Curve
    seconds: Floats


def metric_names(session: Session, series_id: int) -> list[str]:
    """Return the names of all metrics that any experiment of a series logged."""
    logged = (
        select(MetricChunk.metric)
        .join(Experiment, Experiment.id == MetricChunk.experiment_id)
        .where(Experiment.series_id == series_id)
    )
    return sorted(session.scalars(logged.distinct()))


def known_metrics(chosen: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return `chosen` without repeats.

    Raises
    ------
    NotFoundError
        One of them was never logged; the message names the most similar ones that were.
    """
    for name in chosen:
        if name not in known:
            raise NotFoundError(
                f"no experiment logged a metric named {name!r}; {suggestion(name, known, kind='logged')}"
            )
    return list(dict.fromkeys(chosen))


def read_curves(session: Session, series_id: int, metric: str) -> dict[int, Curve]:
    """Return the curves of the completed experiments, by experiment.

    Experiments that logged at the same steps share the array of steps.
    """
    return {
        timed.experiment_id: timed.curve
        for timed in _joined(_chunks(session, series_id, metric, for_graphs=True, timed=False))
    }


def read_timed_curves(
    session: Session, series_id: int, metric: str, *, for_graphs: bool = False
) -> Iterator[TimedCurve]:
    """Yield the curves of all experiments; for graphs only of the completed ones that are not retired."""
    return _joined(_chunks(session, series_id, metric, for_graphs=for_graphs, timed=True))


def _chunks(
    session: Session, series_id: int, metric: str, *, for_graphs: bool, timed: bool
) -> Iterator[_ChunkRow]:
    """Yield chunks in the order they were logged, attempt by attempt."""
    statement = (
        select(
            MetricChunk.experiment_id,
            MetricChunk.steps,
            MetricChunk.readings,
            *((MetricChunk.seconds,) if timed else ()),
        )
        .join(Experiment, Experiment.id == MetricChunk.experiment_id)
        .where(Experiment.series_id == series_id, MetricChunk.metric == metric)
        .order_by(MetricChunk.experiment_id, MetricChunk.attempt_number, MetricChunk.number)
        .execution_options(yield_per=_ROWS_PER_FETCH)
    )
    if for_graphs:
        statement = statement.where(
            Experiment.status == ExperimentStatus.COMPLETED, Experiment.retired.is_(False)
        )
    yield from session.execute(statement)


def _joined(chunks: Iterable[_ChunkRow]) -> Iterator[TimedCurve]:
    layouts = _Layouts()
    for experiment_id, group in groupby(chunks, key=lambda chunk: chunk[0]):
        parts = list(group)
        steps, kept = layouts.of(b"".join(part[1] for part in parts))
        readings: Floats = np.frombuffer(b"".join(part[2] for part in parts), dtype="<f8")
        timed = len(parts[0]) > 3
        seconds: Floats = np.frombuffer(b"".join(part[3] for part in parts) if timed else b"", dtype="<f8")
        if kept is not None:
            readings, seconds = readings[kept], seconds[kept] if timed else seconds
        yield TimedCurve(experiment_id, Curve(steps, readings), seconds)


class _Layouts:
    """The distinct sequences of steps of a series: most experiments log at the same ones."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Integers, Integers | None]] = {}

    def of(self, encoded: bytes) -> tuple[Integers, Integers | None]:
        """Return ascending distinct steps, and which points they keep (None: all, as they are)."""
        known = self._known.get(encoded)
        if known is None:
            known = self._known[encoded] = _ascending(np.frombuffer(encoded, dtype="<i8"))
        return known


def _ascending(steps: Integers) -> tuple[Integers, Integers | None]:
    if (steps[1:] > steps[:-1]).all():
        return steps, None
    # In reverse order the first point of each step is the one logged last.
    ascending, from_end = np.unique(steps[::-1], return_index=True)
    return ascending, len(steps) - 1 - from_end
