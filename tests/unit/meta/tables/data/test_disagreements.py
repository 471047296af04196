"""Where the star of a corrected p and the interval of a difference disagree, the note says both."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.tables import TableSpec
from meta.tables.data.disagreements import disagreements
from meta.tables.data.table import make_table

#: By how much readings of a cell are above those of the baseline, by repetition.
NEARLY_ALIKE = [1.2, 1.3, 1.1, 1.4, 0.2, 0.1, 0.3, -0.5]
FEW = [1.0, 1.1, 0.9, 1.2]
NOISE = [0.5, -0.6, 0.1, -0.2, 0.4, -0.3, 0.2, -0.15]
HARDLY = [0.2, 1.4, 0.7, 1.3, 0.5, 1.1, -0.6, 0.9]


def table(make_records, apart: dict[str, list[float]], *, shares_seeds: bool = True, **asked):
    """Return a table of methods that are so far from the baseline, which is 0 or noise."""
    repetitions = max(map(len, apart.values()))

    def results(parameters, repetition: int):
        if parameters["method"] == "base":
            return {"score": 0.0}
        far = apart[parameters["method"]]
        return {"score": far[repetition]} if repetition < len(far) else None

    records = make_records(
        {"method": ["base", *apart]},
        results=results,
        repetitions=repetitions,
        labels={"score": MetricSection(goal="max")},
    )
    spec = TableSpec(y="score", rows=("method",), baseline="base", **asked)
    return make_table(spec, replace(records, shares_seeds=shares_seeds))


def interval(apart: list[float]) -> tuple[float, float]:
    found = stats.ttest_1samp(apart, 0).confidence_interval()
    return float(found.low), float(found.high)


def told(made) -> list[str]:
    return disagreements(made.plan, made.marks)


def test_where_both_say_the_same_nothing_is_told(make_records) -> None:
    """A star with an interval without 0, and none with one that holds 0."""
    clear = [float(number) for number in range(5, 15)]
    noise = [0.5, -0.6, 0.1, -0.2, 0.4, -0.3, 0.2, -0.15, 0.05, -0.1]
    made = table(make_records, {"clear": clear, "noise": noise})
    assert made.marks.differs(((1,), ()))
    assert not made.marks.differs(((2,), ()))
    assert told(made) == []


def test_ranks_may_differ_where_means_do_not(make_records) -> None:
    """A star beside an interval that holds 0: one outlier moves the mean, not the ranks."""
    apart = [*np.arange(1.0, 20.0).tolist(), -60.0]
    made = table(make_records, {"odd": apart})
    low, high = interval(apart)
    p_value = stats.wilcoxon(apart).pvalue
    assert low < 0 < high
    assert p_value < 0.05
    (sentence,) = told(made)
    head = f"Ranks differ (corrected p {p_value:.2g}); the mean difference may be 0"
    assert sentence == f"{head}: method=odd less the baseline, from {low:.1f} to {high:.1f}."
    assert sentence in made.notes


def test_a_correction_may_take_the_star_away(make_records) -> None:
    """Without a star beside an interval without 0: by itself the difference would count."""
    made = table(make_records, {"by itself": HARDLY, **{f"noise {n}": NOISE for n in range(4)}})
    (p_value, (low, high)) = stats.wilcoxon(HARDLY).pvalue, interval(HARDLY)
    assert p_value <= 0.05 < 4 * p_value
    (sentence,) = told(made)
    itself = f"By itself this difference would count (p {p_value:.2g}; from {low:.2f} to {high:.2f})"
    among = f"among 5 comparisons chance gives one like it too often (corrected p {5 * p_value:.2g})"
    assert sentence == f"{itself}; {among}: method=by itself less the baseline."


def test_the_interval_may_find_what_ranks_do_not(make_records) -> None:
    """Without a star and with an uncorrected p above the limit, what the interval assumes is said."""
    made = table(make_records, {"nearly": NEARLY_ALIKE})
    p_value, (low, high) = stats.wilcoxon(NEARLY_ALIKE).pvalue, interval(NEARLY_ALIKE)
    assert p_value > 0.05
    assert low > 0
    (sentence,) = told(made)
    interval_of = "The interval of the mean, which assumes nearly normal differences, leaves out 0"
    test = f"the rank test does not find it (p {p_value:.2g})"
    assert (
        sentence == f"{interval_of}; {test}: method=nearly less the baseline, from {low:.2f} to {high:.2f}."
    )


@pytest.mark.parametrize(
    ("shares_seeds", "far", "reason"),
    [
        (True, FEW, "cannot with fewer than 6 pairs"),
        (False, FEW[:3], "cannot with fewer than 4 repetitions of each"),
        (True, [*FEW, 0.0, 0.0], "cannot with fewer than 6 pairs that differ"),
    ],
)
def test_few_repetitions_cannot_be_found_by_ranks(make_records, shares_seeds, far, reason) -> None:
    """Below the number at which ranks find anything, that is the reason."""
    made = table(make_records, {"few": far}, shares_seeds=shares_seeds)
    (sentence,) = told(made)
    assumed = "differences" if shares_seeds else "readings"
    found = f"nearly normal {assumed}, leaves out 0; the rank test does not find it (p 0.1"
    assert found in sentence
    assert f"), and {reason}: method=few less the baseline, from " in sentence


def test_several_cells_are_told_in_one_sentence(make_records) -> None:
    """At most four are named, the others are counted."""
    made = table(make_records, {f"m{number}": FEW for number in range(6)}, level=0.95)
    (sentence,) = told(made)
    assert sentence.startswith("Intervals of the mean, which assume nearly normal differences, leave")
    assert re.findall(r"m\d", sentence) == ["m0", "m1", "m2", "m3"]
    assert sentence.endswith("(p 0.12; from 0.84 to 1.26) and 2 more.")


def test_differences_are_of_means_whatever_is_shown(make_records) -> None:
    """A table of medians says of which number the interval is, as comparisons do."""
    made = table(make_records, {"few": FEW}, estimator="median")
    assert told(made)[0].startswith("The interval of the mean, which")
    assert "from 0.84 to 1.26" in told(made)[0]
