"""What notes say of intervals: which one the numbers have, where there is none, what it holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments.series_file.models import AnalysisSection, MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.captions.intervals import sizes_text
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.curves import Curve
from tests.figures import make_drawn

#: Readings without skewness, of at least 0.
EVEN = np.array([3.0, 4.0, 5.0, 6.0, 7.0, 4.5, 5.5, 5.1, 4.9, 5.2, 4.8, 5.3, 4.7])
SKEWED = np.array([1.0, 1.1, 1.2, 1.3, 1.2, 1.1, 1.0, 1.2, 1.1, 9.0])


def drawn_line(records: SeriesRecords, **spec: Any) -> str:
    """Return the first line below a graph, without the name of the series."""
    asked = GraphSpec.model_validate({"kind": "bar", "y": "y", "x": "x", **spec})
    return make_drawn(asked, records).note.lines[0].removeprefix("made-up: ")


@pytest.fixture
def of(make_records):
    """Return a function that makes records of several x, each with some readings of y."""

    def make(*readings: Any, **others: Any) -> SeriesRecords:
        found = dict(enumerate(readings))
        return make_records(
            {"x": list(found)},
            results=lambda p, r: {"y": found[p["x"]][r]} if r < len(found[p["x"]]) else None,
            repetitions=max(map(len, readings)),
            **others,
        )

    return make


@pytest.mark.parametrize(
    ("readings", "spec", "text"),
    [
        ([EVEN[:5]], {}, "mean with 95 % t interval (whiskers) over n = 5 repetitions."),
        (
            [EVEN[:5], EVEN[:2]],
            {},
            "mean with 95 % t interval (whiskers) over n = 2 to 5 repetitions; none where n = 2.",
        ),
        (
            [EVEN[:5], EVEN[:2], EVEN[:1]],
            {},
            "mean with 95 % t interval (whiskers) over n = 1 to 5 repetitions; none where n < 3.",
        ),
        ([EVEN[:1]], {}, "mean over n = 1 repetition; too few for an interval."),
        ([np.ones(5)], {}, "mean over n = 5 repetitions; nothing varied (n = 5)."),
        (
            [np.ones(5), EVEN[:6]],
            {},
            "over n = 5 to 6 repetitions; nothing varied (n = 5) at 1 of 2 points.",
        ),
        (
            [[True, False, True]],
            {},
            "mean with 95 % Clopper-Pearson interval (whiskers) over n = 3 repetitions.",
        ),
        (
            [EVEN[:5]],
            {"estimator": "median"},
            "median with 93.75 % interval (the range; whiskers) over n = 5 repetitions.",
        ),
        (
            [EVEN[:10], EVEN[:12], EVEN[:5], EVEN[:4]],
            {"estimator": "median"},
            "96.14 to 97.85 % interval of order statistics or 93.75 % interval (the range) where n = 5",
        ),
        (
            [EVEN[:9]],
            {"estimator": "trimmed_mean"},
            "t interval (whiskers) over n = 9 repetitions; nothing is cut, so that it is the mean.",
        ),
        (
            [EVEN[:3], EVEN[:4], EVEN[:8]],
            {"estimator": "iqm"},
            "; nothing is cut where n = 3, so that it is the mean there; none where n = 4.",
        ),
        ([EVEN], {"interval": "sd"}, "mean with one standard deviation to each side (whiskers) over n = 13"),
        (
            [EVEN],
            {"scale": "log"},
            "mean with 95 % t interval, bounds taken from the log scale (whiskers) over",
        ),
        (
            [EVEN[:5]],
            {"interval": "percentile"},
            "such an interval holds the mean of normal readings in about 85 %",
        ),
        ([EVEN[:5]], {"interval": "none"}, "mean over n = 5 repetitions."),
    ],
)
def test_the_note_names_the_interval_of_the_numbers(of, readings: Any, spec: Any, text: str) -> None:
    """And says where there is none, and why."""
    assert text in drawn_line(of(*readings), **spec)


def test_bounds_of_the_file_are_named(of) -> None:
    """The interval lies within them."""
    records = of(EVEN / 10, labels={"y": MetricSection(bounds=(0, 1))})
    assert drawn_line(records).startswith(
        "mean with 95 % t interval within its bounds (whiskers) over n = 13 "
    )


@pytest.mark.parametrize(
    ("readings", "offer"),
    [
        (
            [0.0, 5.0, 9.0],
            "Intervals reach beyond 0, no reading does: if none can, metrics.y.bounds: [0, null] keeps",
        ),
        (
            [0.0, -5.0, -9.0],
            "Intervals reach beyond 0, no reading does: if none can, metrics.y.bounds: [null, 0] keeps",
        ),
        (
            [0.9, 0.95, 0.5],
            "Intervals reach above 1, no reading does: if none can, metrics.y.bounds: [0, 1] keeps",
        ),
        (
            [0.9, 0.95, 0.1],
            "Intervals reach beyond 0 and above 1, no reading does: if none can, metrics.y.bounds: [0, 1]",
        ),
        ([-1.0, 5.0, 9.0], ""),
        ([8.0, 8.1, 9.0], ""),
    ],
)
def test_bounds_are_offered_where_an_interval_reaches_beyond_readings(of, readings: Any, offer: str) -> None:
    """Once, and only where all readings of the series are on one side."""
    told = drawn_line(of(readings, readings))
    assert told.count("bounds") == (1 if offer else 0)
    assert offer in told
    known = of(readings, labels={"y": MetricSection(bounds=(None, 1e9))})
    assert "if none can" not in drawn_line(known)


def test_skewed_readings_are_told_from_eight_on(of) -> None:
    """With the share of lognormal readings at the next smaller n; another interval says nothing of it."""
    assert (
        "Readings are skewed: of lognormal ones such an interval holds the mean in about 83 %."
        in drawn_line(of(SKEWED))
    )
    some = drawn_line(of(SKEWED[1:], EVEN))
    assert "Readings are skewed at 1 of 2 points: of lognormal ones" in some
    assert "about 82 %." in some
    assert "at 1 of 3 points: of lognormal ones" in drawn_line(of(SKEWED, EVEN, EVEN[:3]))
    assert "skewed" not in drawn_line(of(SKEWED[-7:]))
    assert "holds the mean in at least 91 %." in drawn_line(of(np.tile(SKEWED, 11)))
    assert "holds the mean in clearly less than 90 %." in drawn_line(of(SKEWED), interval="ci90")
    for spec in ({"interval": "sd"}, {"estimator": "median"}, {"scale": "log"}):
        assert "Readings are skewed" not in drawn_line(of(SKEWED), **spec)


def test_curves_are_skewed_where_most_steps_are(make_records) -> None:
    """One step in twenty is skewed by chance."""

    def told(skewed_steps: int) -> str:
        readings = np.where(np.arange(20) < skewed_steps, SKEWED[:, None], EVEN[:10, None])
        records = make_records(
            {"x": [1]}, curves=lambda _p, r: {"m": Curve(np.arange(20), readings[r])}, repetitions=10
        )
        return drawn_line(records, kind="curve", y="m", x="step")

    assert "Readings are skewed: of lognormal ones" in told(11)
    assert "skewed" not in told(9)


def test_an_average_is_skewed_as_the_means_of_repetitions(make_records) -> None:
    """What is skewed in one direction here, and in the other there, is not skewed together."""
    records = make_records(
        {"x": [1], "d": [1, 2, 3]},
        results=lambda p, r: {"y": {1: SKEWED[r], 2: -SKEWED[r], 3: EVEN[r]}[p["d"]]},
        repetitions=10,
    )
    assert "skewed" not in drawn_line(records, over=["d"])
    assert "Readings are skewed" in drawn_line(records, over=["d"], where={"d": [1, 3]})


@pytest.mark.parametrize(
    ("estimator", "text"),
    [
        ("mean", "mean of their means"),
        ("median", "median of their means"),
        ("iqm", "interquartile mean of all readings"),
    ],
)
def test_averages_say_what_they_are(make_records, estimator: str, text: str) -> None:
    """An interquartile mean of all readings is another number than that of the means."""
    records = make_records(
        {"x": [1], "d": [1, 2, 3]}, results=lambda p, r: {"y": p["d"] + EVEN[r]}, repetitions=5
    )
    told = drawn_line(records, over=["d"], estimator=estimator)
    assert "over n = 5 repetitions of 3 configurations (15 experiments)." in told
    assert f"Averages over d (3 values): {text}." in told


def test_what_the_file_says_belongs_together_is_told(make_records) -> None:
    """Intervals depend on it; repetitions without all configurations are counted."""
    records = make_records(
        {"x": [1], "d": [1, 2]},
        results=lambda p, r: {"y": p["d"] + EVEN[r]} if p["d"] == 1 or r < 5 else None,
        repetitions=6,
    )
    plain = drawn_line(records, over=["d"])
    assert "; without 1 repetition that lacks a configuration." in plain
    assert "as the file says" not in plain
    assert "; drawn within d, as the file says" in drawn_line(records, over=["d"], strata=["d"])
    some = make_records(
        {"x": [1, 2], "d": [1, 2]},
        results=lambda p, r: {"y": p["d"] + EVEN[r]} if p["d"] == p["x"] == 1 or r < 5 else None,
        repetitions=6,
    )
    assert "; without 0 to 1 repetitions that lack a configuration." in drawn_line(some, over=["d"])


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ([5, 5], "n = 5"),
        ([1, 2], "n < 3"),
        ([3, 5], "n = 3 or 5"),
        ([4, 1, 2], "n = 1, 2 or 4"),
        ([3, 4, 5], "n = 3 to 5"),
        ([1, 4, 7, 9], "n = 1 to 9"),
    ],
)
def test_numbers_of_repetitions_are_listed_or_a_range(sizes: list[int], text: str) -> None:
    """Three in a row, or more than three, are a range."""
    assert sizes_text(np.array(sizes)) == text


def test_resampled_splits_are_told(of) -> None:
    """The interval is wider than that of independent repetitions."""
    analysis = AnalysisSection.model_validate({"resampled": {"test": 45, "train": 105}})
    records = replace(of(EVEN), analysis=analysis)
    said = "Corrected for resampled splits of one data set, test/train 45/105 (Nadeau and Bengio 2003)."
    assert said in drawn_line(records)
    assert "Corrected" not in drawn_line(records, interval="sd")


@pytest.mark.parametrize("estimator", ["mean", "median"])
def test_splits_are_those_of_each_data_set_that_is_averaged_over(make_records, estimator: str) -> None:
    """The interval of another estimator's average is corrected too."""
    records = make_records(
        {"x": [1], "d": [1, 2, 3]}, results=lambda p, r: {"y": p["d"] + EVEN[r]}, repetitions=5
    )
    analysis = AnalysisSection.model_validate({"resampled": {"test": 45, "train": 105}, "strata": ["d"]})
    told = drawn_line(replace(records, analysis=analysis), over=["d"], estimator=estimator)
    assert "Corrected for resampled splits of each data set, test/train 45/105" in told


def test_both_results_of_a_scatter_graph_name_their_interval(make_records) -> None:
    """A rate along x, a number along y."""
    records = make_records(
        {"k": [1, 2]}, results=lambda _p, r: {"y": EVEN[r], "hit": r % 2 == 0}, repetitions=5
    )
    note = make_drawn(GraphSpec(kind="scatter", y="y", x="hit"), records).note
    assert (
        "mean with 95 % t interval (whiskers) over n = 5 repetitions. Along x: 95 % Clopper-Pearson"
        in note.below
    )
    assert note.intervals == {"y": ("t",), "hit": ("Clopper-Pearson",)}
