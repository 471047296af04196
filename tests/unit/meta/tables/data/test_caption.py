"""The note says what the numbers stand on, and what is missing."""

from __future__ import annotations

import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.tables import TableSpec
from meta.tables.data.table import make_table

MAX = {"accuracy": MetricSection(goal="max")}


def note(records, **asked) -> str:
    return " ".join(make_table(TableSpec(y="accuracy", rows=("lr",), **asked), records).notes)


def test_survivors_and_missing_are_named(make_records) -> None:
    """Failed experiments are counted by cause, and the cells that show survivors are named."""

    def results(parameters, repetition: int):
        if parameters["lr"] == 1 and repetition > 1:
            return None
        return (
            {"accuracy": float("nan")}
            if parameters["lr"] == 2 and not repetition
            else {"accuracy": repetition}
        )

    records = make_records(
        {"lr": [1, 2, 3]},
        results=lambda p, r: {} if p["lr"] == 3 and r == 4 else results(p, r),
        missing=lambda p: {"timed_out": 2, "error": 1} if p["lr"] == 1 else {"running": 1},
        retired=7,
    )
    text = note(records)
    assert "Running, 88 % complete." in text
    assert "1 error, 2 timed out, 2 running of" in text
    assert "Shown by survivors only: lr=1 (2 of 5)." in text
    assert "1 completed without 'accuracy' left out." in text
    assert "1 NaN or infinite reading left out." in text
    assert "7 completed but no longer in the series file left out." in text
    assert "n = 2 to 4 repetitions" in text


def first(records, **asked) -> str:
    """Return the sentence on what the numbers are."""
    return make_table(TableSpec(y="accuracy", rows=("lr",), **asked), records).notes[0]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "mean ± half of the 95 % t interval over n = 10 repetitions in each cell."),
        ({"ends": True}, "mean with the 95 % t interval over n = 10 repetitions in each cell."),
        ({"interval": "percentile"}, "mean ± half of the 95 % percentile interval over n = 10"),
        (
            {"estimator": "median", "interval": "bca", "level": 0.9},
            "median ± half of the 90 % BCa interval over",
        ),
        ({"estimator": "iqm"}, "interquartile mean ± half of the 95 % expanded percentile interval over"),
        ({"estimator": "median"}, "median ± half of the 97.85 % interval of order statistics over"),
        ({"interval": "sd"}, "mean ± one standard deviation over n = 10 repetitions in each cell."),
        ({"interval": "se", "ends": True}, "mean with one standard error to each side over n = 10"),
        (
            {"estimator": "iqm", "interval": "none"},
            "interquartile mean over n = 10 repetitions in each cell.",
        ),
    ],
)
def test_the_interval_is_named(make_records, asked, expected: str) -> None:
    """What stands beside the estimate is said in words, with the level that it really has."""
    records = make_records(
        {"lr": [1]}, results=lambda _p, r: {"accuracy": r * 0.1}, repetitions=10, labels=MAX
    )
    assert first(records, **asked).startswith(f"made-up: {expected}")


def test_the_range_of_five_holds_the_median_less_often(make_records) -> None:
    """Its true level is 1 - 2 / 2**5."""
    records = make_records({"lr": [1]}, results=lambda _p, r: {"accuracy": r * 0.1}, labels=MAX)
    assert "median ± half of the 93.75 % interval (the range) over n = 5" in first(
        records, estimator="median"
    )


def test_a_trimmed_mean_that_cuts_nothing_is_the_mean(make_records) -> None:
    """The note says so, as the number is named otherwise."""
    records = make_records({"lr": [1]}, results=lambda _p, r: {"accuracy": r * 0.1}, labels=MAX)
    text = first(records, estimator="trimmed_mean")
    assert "t interval" in text
    assert "nothing is cut" in text
    assert "it is the mean" in text


@pytest.mark.parametrize("count", [1, 2])
def test_few_repetitions_have_no_interval(make_records, count: int) -> None:
    """The estimates of one or two repetitions stand alone, and the note says why."""
    records = make_records(
        {"lr": [1, 2]}, results=lambda p, r: {"accuracy": p["lr"] + r}, repetitions=count, labels=MAX
    )
    assert first(records).endswith("; too few for an interval.")


def test_cells_of_few_repetitions_are_told_by_their_number(make_records) -> None:
    """Where other cells have intervals, the note says at which n there is none."""
    records = make_records(
        {"lr": [1, 2]},
        results=lambda p, r: None if p["lr"] == 2 and r > 1 else {"accuracy": r * 0.1},
        labels=MAX,
    )
    text = first(records)
    assert "95 % t interval over n = 2 to 5 repetitions" in text
    assert "none where n = 2" in text


def test_equal_readings_are_told_once(make_records) -> None:
    """Where nothing varied there is no interval, however many readings."""
    equal = make_records({"lr": [1, 2]}, results=lambda _p, _r: {"accuracy": 0.1}, labels=MAX)
    assert first(equal) == "made-up: mean over n = 5 repetitions in each cell; nothing varied (n = 5)."
    some = make_records({"lr": [1, 2]}, results=lambda p, r: {"accuracy": r * (p["lr"] == 2)}, labels=MAX)
    assert "nothing varied (n = 5) at 1 of 2 cells." in first(some)


def test_skewed_readings_are_told(make_records) -> None:
    """From eight readings on, with how often such an interval holds the mean of lognormal ones."""
    records = make_records(
        {"lr": [1, 2]},
        results=lambda p, r: {"accuracy": 2.0**r if p["lr"] == 1 else float(r)},
        repetitions=10,
        labels=MAX,
    )
    held = "of lognormal ones such an interval holds the mean in about 83 %."
    assert f"Readings are skewed at 1 of 2 cells: {held}" in note(records)


def test_bounds_are_offered_where_an_interval_leaves_them(make_records) -> None:
    """An interval above 1 of readings that all lie between 0 and 1."""
    records = make_records(
        {"lr": [1]}, results=lambda _p, r: {"accuracy": [0.9, 0.95, 1.0][r]}, repetitions=3, labels=MAX
    )
    assert "metrics.accuracy.bounds: [0, 1]" in note(records)


def test_averages_say_of_what(make_records) -> None:
    """The mean of means, or the interquartile mean of all readings: another number."""
    records = make_records(
        {"lr": [1, 2], "game": ["a", "b"]}, results=lambda _p, r: {"accuracy": r * 0.1}, labels=MAX
    )
    assert "Averages over game (2 values): mean of their means." in note(records, over=("game",))
    pooled = note(records, over=("game",), estimator="iqm")
    assert "Averages over game (2 values): interquartile mean of all readings." in pooled


def test_unbalanced_repetitions_are_told(make_records) -> None:
    """Where numbers of repetitions differ without a failure, the cells with the fewest are named."""
    records = make_records(
        {"lr": [1, 2]},
        results=lambda p, r: None if p["lr"] == 2 and r > 5 else {"accuracy": r},
        repetitions=8,
    )
    assert "Repetitions are unbalanced; fewest: lr=2 (6)." in note(records)
