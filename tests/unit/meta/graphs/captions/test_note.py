"""What stands below a graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.curves import Curve
from tests.figures import make_drawn, whole_note


def note_of(records: SeriesRecords, **spec: str) -> str:
    return whole_note(GraphSpec(**spec), records)


def test_note_says_what_the_whiskers_are_and_over_how_many(make_records) -> None:
    """The statistic, its level, the mark and the number of repetitions are always stated."""
    records = make_records({"x": [1]}, results=lambda _p, r: {"y": float(r)}, repetitions=1_200)
    assert note_of(records, y="y", x="x") == (
        "made-up: mean with 95 % t interval (whiskers) over n = 1,200 repetitions."
    )


def test_note_counts_what_is_left_out(make_records) -> None:
    """Failed, pending and running experiments, missing results and retired ones are counted."""
    records = make_records(
        {"x": [1, 2]},
        results=lambda p, r: {"y": [1.0, "text", np.nan, np.inf, 2.0, 3.0][r]} if p["x"] == 1 else {"y": 1},
        repetitions=6,
        missing=lambda p: {"error": 2, "timed_out": 1, "pending": 2, "running": 1} if p["x"] == 1 else {},
        retired=4,
        labels={"y": MetricSection(goal="min")},
    )
    note = make_drawn(GraphSpec(y="y", x="x"), records).note
    drawn, worst = note.lines
    assert drawn == (
        "made-up: mean with 95 % t interval (whiskers) over n = 3 to 6 repetitions; nothing varied (n = 6) "
        "at 1 of 2 points. Intervals reach beyond 0, no reading does: if none can, metrics.y.bounds: "
        "[0, null] keeps them within."
    )
    assert worst == (
        "Running, 83 % complete. Shown by survivors only: x=1 (3 of 6). "
        "1 completed without a number in 'y' left out: 'text' (1). 2 NaN or infinite readings left out."
    )
    assert note.details == (
        "Lower is better.",
        "2 errors, 1 timed out, 1 running, 2 pending of 18 experiments left out.",
        "4 completed but no longer in the series file left out.",
    )
    assert note.intervals == {"y": ("t", "nothing varied")}


def test_note_of_curves_counts_points_and_windows(make_records) -> None:
    """Curves of unequal length have a range of repetitions; long ones say that points are averages."""

    def curves(_parameters: object, repetition: int) -> dict[str, Curve]:
        if repetition == 6:
            return {}
        points = 5_000 if repetition else 4_000
        readings = np.ones(points)
        readings[:3] = np.nan
        return {"loss": Curve(np.arange(points), readings)}

    records = make_records({"x": [1]}, curves=curves, repetitions=7)
    assert note_of(records, y="loss", x="step") == (
        "made-up: mean over n = 5 to 6 repetitions; nothing varied (n = 5 or 6). "
        "1 completed without 'loss' left out. 18 NaN or infinite readings left out. "
        "Each point averages 5 consecutive steps. "
        "Later points are over fewer repetitions, as some end early: all (1 of 6 before step 4,997)."
    )


@pytest.mark.parametrize(
    ("repetitions", "text"),
    [
        (9, "n = 9 repetitions. Boxes: median and quartiles; whiskers: the furthest readings within 1.5 "),
        (4, "n = 4 repetitions. Of fewer than 5 repetitions each reading is shown."),
        (1, "n = 1 repetition. Of fewer than 5 repetitions each reading is shown."),
    ],
)
def test_note_of_boxes_explains_them(make_records, repetitions: int, text: str) -> None:
    """A box plot says what its parts are, as far as it has them."""
    records = make_records({"x": [1]}, results=lambda _p, r: {"y": float(r)}, repetitions=repetitions)
    assert text in note_of(records, y="y", x="x", kind="box")


def test_note_says_which_experiments_it_is_about(make_records) -> None:
    """A graph of some experiments cannot be taken for one of all."""
    records = make_records({"x": [1]}, results=lambda _p, r: {"y": float(r)}, repetitions=30)
    told = note_of(replace(records, where="x == 1 and y < 9"), y="y", x="x")
    assert " over n = 30 repetitions. Only where x == 1 and y < 9." in told
