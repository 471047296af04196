"""What is known of a result from the readings of the whole series."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments.series_file.models import MetricSection
from meta.records.selection.parameter_filter import with_parameters
from meta.statistics.estimators.curves import Curve
from tests.made_up_records import MakeRecords


@pytest.mark.parametrize(
    ("values", "kind", "is_rate"),
    [
        ([True, True, True], None, True),
        ([0, 1, 1.0], None, True),
        ([0, 1, math.nan, None, "text"], None, True),
        ([1, 1, 1], None, False),
        ([0, 1, 0.5], None, False),
        ([], None, False),
        ([1, 1, 1], "rate", True),
        ([True, False], "number", False),
    ],
)
def test_a_rate_is_told_by_all_readings(
    make_records: MakeRecords, values: list[Any], kind: Any, is_rate: bool
) -> None:
    """Booleans, 0 and 1 that both occur, or what the file says."""
    records = make_records(
        {"k": [0]},
        results=lambda _, repetition: {"y": values[repetition]},
        repetitions=len(values),
        labels={"y": MetricSection(kind=kind)},
    )
    assert records.measure("y").is_rate is is_rate


def test_it_is_of_the_whole_series_also_in_a_selection(make_records: MakeRecords) -> None:
    """A cell in which all runs succeed is of the same kind as its neighbours."""
    records = make_records({"k": [0, 1, 2]}, results=lambda parameters, _: {"y": min(parameters["k"], 1)})
    cell = with_parameters(with_parameters(records, {"k": [1, 2]}), {"k": 2})
    assert [len(part.configurations) for part in (records, cell)] == [3, 1]
    assert cell.whole is records
    assert cell.measure("y").is_rate
    assert not replace(cell, whole=None).measure("y").is_rate
    assert (cell.measure("y").low, cell.measure("y").high) == (0, 1)


def test_low_and_high_are_of_finite_readings(make_records: MakeRecords) -> None:
    """Neither NaN nor an infinity is one; without any, both are NaN."""
    values = [3, -2.5, math.inf, math.nan, 10**400]
    records = make_records({}, results=lambda _, n: {"y": values[n], "z": math.nan}, repetitions=5)
    assert (records.measure("y").low, records.measure("y").high) == (-2.5, 3)
    assert math.isnan(records.measure("z").low)
    assert math.isnan(records.measure("z").high)


def test_metrics_are_measured_by_their_curves(make_records: MakeRecords) -> None:
    """All readings of all curves count, and the summary of a metric has its kind."""
    steps = np.arange(3)
    curves = [np.array([0.0, 1.0, np.nan]), np.array([1.0, 1.0, 1.0]), np.array([0.0, -np.inf, 0.0])]
    records = make_records(
        {},
        curves=lambda _, n: {"hit": Curve(steps, curves[n]), "loss": Curve(steps, curves[n] - 0.5)},
        results=lambda *_: {"metrics.hit.last": 1.0, "metrics.sure.last": 1.0, "metrics.sure.count": 1},
        repetitions=3,
        labels={"sure": MetricSection(kind="rate")},
    )
    assert records.measure("hit").is_rate
    assert not records.measure("loss").is_rate
    assert (records.measure("loss").low, records.measure("loss").high) == (-0.5, 0.5)
    assert not records.measure("metrics.hit.last").is_rate
    assert records.measure("metrics.sure.last").is_rate
    assert not records.measure("metrics.sure.count").is_rate
