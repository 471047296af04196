"""The note says what the numbers stand on, and what is missing."""

from __future__ import annotations

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


def test_small_samples_are_told(make_records) -> None:
    """An interval of few repetitions comes with a warning."""
    records = make_records(
        {"lr": [1]}, results=lambda _p, r: {"accuracy": 0.0 if r else 1.0}, repetitions=4, labels=MAX
    )
    text = note(records)
    assert "n = 4 is too small for a 95 % interval of the mean; 5 are needed." in text


def test_the_interval_is_named(make_records) -> None:
    """What stands after the sign of plus and minus is said in words."""
    records = make_records(
        {"lr": [1]}, results=lambda _p, r: {"accuracy": r * 0.1}, repetitions=10, labels=MAX
    )
    assert "mean ± half of its 95 % bootstrap interval over n = 10 repetitions in each cell." in note(records)
    assert "median with its 90 % BCa bootstrap interval over" in note(
        records, estimator="median", interval="bca", level=0.9, ends=True
    )
    assert "mean ± one standard deviation over" in note(records, interval="sd")
    assert "iqm" not in note(records, interval="none", estimator="iqm")
    assert "interquartile mean over n = 10 repetitions" in note(records, interval="none", estimator="iqm")


def test_single_repetitions_have_no_interval(make_records) -> None:
    """One repetition shows its value, and the note says why there is no interval."""
    records = make_records(
        {"lr": [1, 2]}, results=lambda p, _r: {"accuracy": p["lr"]}, repetitions=1, labels=MAX
    )
    assert "single repetitions (n = 1), so there is no interval." in note(records)


def test_unbalanced_repetitions_are_told(make_records) -> None:
    """Where numbers of repetitions differ without a failure, the cells with the fewest are named."""
    records = make_records(
        {"lr": [1, 2]},
        results=lambda p, r: None if p["lr"] == 2 and r > 5 else {"accuracy": r},
        repetitions=8,
    )
    assert "Repetitions are unbalanced; fewest: lr=2 (6)." in note(records)
