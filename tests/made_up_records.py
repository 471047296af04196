"""Records of made-up series, so that graphs are tested without a database."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from experiments.series_file.models import MetricSection
from meta.records.series_records import CompletedExperiment, ConfigurationRecord, RetiredRecord, SeriesRecords
from meta.statistics.estimators.curves import Curve

#: None where the repetition was not completed.
Results = Callable[[Mapping[str, Any], int], Mapping[str, Any] | None]
Curves = Callable[[Mapping[str, Any], int], Mapping[str, Curve]]
Missing = Callable[[Mapping[str, Any]], Mapping[str, int]]
MakeRecords = Callable[..., SeriesRecords]


def unfinished(missing: Mapping[str, int]) -> dict[int, str]:
    """Return so many experiments of each end; no completed experiment has a negative id."""
    return {-number: end for number, end in enumerate(Counter(missing).elements(), 1)}


@pytest.fixture
def make_records() -> MakeRecords:
    """Return a function that makes the records of a grid, from functions of parameters and repetition."""

    def make(
        grid: Mapping[str, Sequence[Any]],
        *,
        results: Results = lambda _parameters, _repetition: {},
        curves: Curves = lambda _parameters, _repetition: {},
        repetitions: int = 5,
        missing: Missing = lambda _parameters: {},
        retired: int = 0,
        labels: Mapping[str, MetricSection] | None = None,
    ) -> SeriesRecords:
        number = itertools.count(1)
        logged: dict[str, dict[int, Curve]] = {}
        configurations = []
        for values in itertools.product(*grid.values()):
            parameters = dict(zip(grid, values, strict=True))
            completed = []
            for repetition in range(repetitions):
                found = results(parameters, repetition)
                if found is None:
                    continue
                experiment = CompletedExperiment(next(number), repetition, found)
                for metric, curve in curves(parameters, repetition).items():
                    logged.setdefault(metric, {})[experiment.id] = curve
                completed.append(experiment)
            identity = len(configurations) + 1
            configurations.append(
                ConfigurationRecord(identity, parameters, completed, unfinished(missing(parameters)))
            )
        return SeriesRecords(
            "made-up",
            configurations,
            no_longer_named=[RetiredRecord(0, {}, range(retired))] if retired else [],
            curves=logged,
            labels=labels or {},
        )

    return make
