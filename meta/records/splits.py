"""The share of test to training cases, where repetitions are splits of one data set."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from experiments.series_file.models import ResampledSection
from meta.records.errors import GraphError
from meta.records.measures import as_reading
from meta.records.series_records import ConfigurationRecord
from meta.statistics.estimators.arrays import Floats


def split_ratios(resampled: ResampledSection | None, members: Sequence[ConfigurationRecord]) -> Floats:
    """Return the ratio of test to training cases of each configuration.

    It is added to 1/n in the variance of a mean over overlapping splits (C. Nadeau and Y. Bengio, *Inference
    for the generalization error*, Machine Learning 52, 2003).

    Returns
    -------
    ndarray, shape (configurations,)
        0 where `analysis` says nothing of splits.

    Raises
    ------
    GraphError
        A name is no parameter or result, or is not one number above 0 within a configuration.
    """
    if resampled is None:
        return np.zeros(len(members))
    tested, trained = (
        np.array([_count(member, given, key) for member in members], dtype=np.float64)
        for key, given in (("test", resampled.test), ("train", resampled.train))
    )
    return np.asarray(tested / trained)


def _count(member: ConfigurationRecord, given: float | str, key: str) -> float:
    if not isinstance(given, str):
        return given
    if given in member.parameters:
        found = {_positive(member.parameters[given])}
    else:
        found = {_positive(experiment.results.get(given)) for experiment in member.completed}
    if len(found) == 1 and (count := found.pop()) is not None:
        return count
    raise GraphError(
        f"analysis.resampled.{key}: {given!r} is not one number above 0 in all experiments of a "
        "configuration; give that of the split as a parameter, or write the number"
    )


def _positive(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    count = as_reading(value)
    return count if 0 < count < math.inf else None
