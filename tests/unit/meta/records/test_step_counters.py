"""What only counts the steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from meta.graphs.figure.default_graphs import default_graphs
from meta.records.step_counters import left_out_note, with_step_counters
from meta.statistics.estimators.curves import Curve
from meta.tables.data.plan import default_tables

STEPS = np.arange(4)


def summary(metric: str, readings: Any) -> dict[str, float | int]:
    ends = {"last": readings[-1], "min": np.min(readings), "max": np.max(readings)}
    return {f"metrics.{metric}.{end}": float(found) for end, found in ends.items()} | {
        f"metrics.{metric}.count": len(readings)
    }


@pytest.fixture
def logged(make_records) -> Callable[..., Any]:
    """Return a function that makes records of logged metrics, by functions of the experiment's number."""

    def make(
        metrics: Mapping[str, Callable[[int], Any]], steps: Any = STEPS, grid: Any = None, **results: Any
    ) -> Any:
        def readings(parameters: Any, repetition: int) -> dict[str, Any]:
            number = 10 * int(parameters["lr"]) + repetition
            return {name: np.asarray(read(number), dtype=float) for name, read in metrics.items()}

        def returned(parameters: Any, repetition: int) -> dict[str, Any]:
            found = dict(results)
            for name, array in readings(parameters, repetition).items():
                found |= summary(name, array)
            return found

        records = make_records(
            grid or {"lr": [1, 2]},
            results=returned,
            curves=lambda *one: {
                name: Curve(np.asarray(steps)[: len(array)], array) for name, array in readings(*one).items()
            },
            repetitions=2,
        )
        return with_step_counters(None, None, records)  # type: ignore[arg-type]  # all curves are there

    return make


def measured(records: Any) -> tuple[list[str], list[str]]:
    """Return what has a default graph and a default table."""
    return [one.y for one in default_graphs(records).specs], [one.y for one in default_tables(records).specs]


def test_what_counts_the_steps_is_left_out(logged) -> None:
    """Metrics from 0 and from 1, and results that are their number, have no default graph and table."""
    records = logged(
        {"epoch": lambda _n: STEPS, "round": lambda _n: STEPS + 1, "loss": lambda n: n / (STEPS + 1)},
        epochs=4,
        last_epoch=3,
        accuracy=0.5,
    )
    assert measured(records) == (["loss", "accuracy"], ["accuracy", "loss"])
    graphs, tables = default_graphs(records).counting, default_tables(records).counting
    assert set(graphs) == set(tables) == {"epoch", "round", "epochs", "last_epoch"}
    assert (
        left_out_note(["epoch", "round", "epoch"]) == "left out: 'epoch', 'round', which only count the steps"
    )
    assert left_out_note([]) is None


@pytest.mark.parametrize(
    ("readings", "others"),
    [
        (STEPS + 1, STEPS),  # from 1 in one experiment
        ([0, 1, 1, 3], STEPS),
        ([0, 1, np.nan, 3], STEPS),
        (STEPS + 2, STEPS + 2),
        (2 * STEPS, 2 * STEPS),
        (STEPS / 2, STEPS),
    ],
)
def test_what_says_more_is_shown(logged, readings: Any, others: Any) -> None:
    """A metric that differs from the step in a single experiment, or by more than one, is shown."""
    records = logged({"m": lambda number: readings if number == 11 else others})
    assert measured(records) == (["m"], ["m"])


def test_steps_as_they_were_given(logged) -> None:
    """What equals steps that are far from each other counts them too; what counts the calls does not."""
    records = logged({"sample": lambda _n: 100 * STEPS, "call": lambda _n: STEPS}, 100 * STEPS, samples=300)
    assert measured(records) == (["call"], ["call"])
    assert set(default_graphs(records).counting) == {"sample", "samples"}


def test_few_steps_and_other_numbers_are_no_counts(logged) -> None:
    """Two readings may be 0 and 1 by chance, a perfect accuracy is no number, and results may differ."""
    assert measured(logged({"m": lambda _n: [0, 1]}, hits=2)) == (["m", "hits"], ["hits", "m"])
    records = logged({"m": lambda n: n + STEPS / 3}, percent=4.0, solved=True, best=2)
    assert measured(records)[0] == ["m", "percent", "solved", "best"]


def test_how_long_experiments_ran_is_shown(logged) -> None:
    """Where experiments end at different steps, the number of steps is a result like others."""
    records = logged({"epoch": np.arange}, np.arange(99))
    assert measured(records) == ([], ["epoch"])


def test_a_parameter_that_is_the_number_of_steps_is_no_axis(logged) -> None:
    """If nothing varies, results stand over another parameter; if there is none, over that one."""
    metrics = {"m": lambda n: n + STEPS / 3}
    records = logged(metrics, grid={"epochs": [4], "lr": [1]}, y=0.5)
    assert [(one.y, one.x) for one in default_graphs(records).specs] == [("m", "step"), ("y", "lr")]
    assert {one.rows for one in default_tables(records).specs} == {("lr",)}
    assert default_graphs(logged(metrics, grid={"lr": [4]}, y=0.5)).specs[1].x == "lr"
