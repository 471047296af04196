"""Values of a parameter compared two by two: the numbers, and the words for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from experiments.series_file.models import MetricSection
from meta import comparison_text
from meta.comparison import ComparisonError, compare_values
from meta.records.errors import GraphError
from meta.statistics.comparisons.significance import holm

MAX = {"score": MetricSection(goal="max", label="Score")}
SHIFT = {"a": 0.0, "b": 0.05, "c": 2.0}


def reading(parameters, repetition: int) -> float:
    """Return a reading of which a part belongs to the seed and cancels in pairs."""
    luck = np.random.default_rng([repetition]).normal(scale=3)
    own = np.random.default_rng([parameters["lr"], repetition, ord(parameters["opt"])]).normal()
    return float(SHIFT[parameters["opt"]] + 5 * parameters["lr"] + luck + own)


@pytest.fixture
def records(make_records):
    """Return three methods at two learning rates, 12 repetitions each."""
    return make_records(
        {"opt": ["a", "b", "c"], "lr": [1, 2]},
        results=lambda p, r: {"score": reading(p, r)},
        repetitions=12,
        labels=MAX,
    )


def means(opt: str) -> np.ndarray:
    """Return the mean of each repetition over the learning rates."""
    return np.array([np.mean([reading({"opt": opt, "lr": lr}, r) for lr in (1, 2)]) for r in range(12)])


def text_of(found) -> str:
    return " ".join(line for one in found.pairs for line in comparison_text.sentences(one, found))


def test_pairs_are_seeds_over_the_other_parameters(records) -> None:
    """Differences, tests and Holm's correction are those of the repetitions' means (by scipy)."""
    found = compare_values(records, "opt", "score", over=["lr"])
    assert [(one.first, one.second) for one in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    raw = [stats.wilcoxon(means(one.first), means(one.second)).pvalue for one in found.pairs]
    for one, p_value in zip(found.pairs, holm(raw), strict=True):
        assert one.result.difference.estimate == pytest.approx((means(one.first) - means(one.second)).mean())
        assert one.result.difference.sizes == (12, 12)
        assert one.result.corrected_p == pytest.approx(p_value)
    assert found.over == ["lr"]
    assert "Each repetition counts once" in comparison_text.preamble(found)[2]


def test_unpaired_is_wider(records) -> None:
    """Without pairs, the luck that both share counts against the difference: wider intervals."""
    paired, unpaired = (
        compare_values(records, "opt", "score", over=["lr"], paired=one) for one in (True, False)
    )
    assert unpaired.compared[0].significance.test == "Mann-Whitney test"
    for one, other in zip(paired.compared, unpaired.compared, strict=True):
        width = one.difference.high - one.difference.low
        assert width < other.difference.high - other.difference.low
    assert compare_values(replace(records, shares_seeds=False), "opt", "score", over=["lr"]).paired is False


def test_verdicts_say_no_more_than_the_numbers(records) -> None:
    """A difference is told with direction and goal; none found is not equality; seeds are planned."""
    found = compare_values(records, "opt", "score", over=["lr"])
    text = text_of(found)
    assert "Score is lower with opt a than with c, which is worse; chance alone would seldom" in text
    assert "No difference between a and b was found, which does not mean that there is none" in text
    assert "more seeds" in text
    assert "prove" not in text
    of_errors = replace(records, labels={"score": MetricSection(goal="min")})
    worse = compare_values(of_errors, "opt", "score", over=["lr"])
    assert "score is lower with opt a than with c, which is better" in text_of(worse)


def test_a_baseline_is_compared_with_the_others_only(records) -> None:
    """With a baseline there are fewer pairs, and the p values are corrected for those."""
    found = compare_values(records, "opt", "score", over=["lr"], baseline="c")
    assert [(one.first, one.second) for one in found.pairs] == [("a", "c"), ("b", "c")]
    assert "corrected by Holm for 2 comparisons" in comparison_text.preamble(found)[1]


def test_too_few_repetitions_are_told(make_records) -> None:
    """With three seeds nothing could be significant; the words and the plan say so."""
    records = make_records(
        {"opt": ["a", "c"], "lr": [1]}, results=lambda p, r: {"score": reading(p, r)}, repetitions=3
    )
    text = text_of(compare_values(records, "opt", "score", over=["lr"]))
    assert "Too few repetitions to distinguish a and c, whatever their readings." in text
    assert "n = 3 is too small for the Wilcoxon signed-rank test" in text
    one = make_records(
        {"opt": ["a", "c"], "lr": [1]}, results=lambda p, r: {"score": reading(p, r)}, repetitions=1
    )
    found = compare_values(one, "opt", "score")
    assert text_of(found) == (
        "a - c: One repetition of each says nothing of how others would differ: run at least 6 of each."
    )
    assert comparison_text.row(found.pairs[0], found)[3] == "-"


def test_equal_readings_are_told(make_records) -> None:
    """Where nothing differs there is nothing to decide."""
    records = make_records({"opt": ["a", "b"]}, results=lambda _p, r: {"score": r}, repetitions=8)
    assert text_of(compare_values(records, "opt", "score")) == "a - b: All readings of a and b are equal."


def test_what_has_no_partner_is_left_out_and_told(make_records) -> None:
    """Failed repetitions leave their partners out; a value with nothing alike cannot be compared."""

    def results(parameters, repetition: int):
        failed = (
            (parameters["opt"] == "a" and repetition < 2)
            or (parameters["lr"] == 2 and parameters["opt"] == "c")
            or (parameters["lr"] == 1 and parameters["opt"] == "b")
        )
        return None if failed else {"score": reading(parameters, repetition)}

    records = make_records(
        {"opt": ["a", "b", "c"], "lr": [1, 2]},
        results=results,
        repetitions=8,
        missing=lambda p: {"error": 2} if p["opt"] == "a" else {},
        labels=MAX,
    )
    found = compare_values(records, "opt", "score", over=["lr"])
    text = text_of(found)
    assert "Left out, as nothing of the other corresponds: 6 of a and 2 of c." in text
    assert (
        "b - c: nothing to compare: b has 8 readings and c has 8 readings, but no repetition of both of "
        "configurations that are alike in lr."
    ) in text
    assert comparison_text.row(found.pairs[2], found)[1:3] == ["0", "-"]
    assert len(found.compared) == 2
    assert found.notes == ["Experiments left out: opt = a: 4 errors."]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"of": "optt"}, "no parameter named 'optt'; did you mean 'opt'"),
        ({"of": "seed"}, "no parameter named 'seed'; parameters of the series: opt, lr"),
        ({"on": "scor"}, "no result or metric named 'scor'; did you mean 'score'"),
        ({"baseline": "d"}, "opt is never 'd'; its values: a, b, c"),
        ({"over": ["lrr"]}, "no parameter named 'lrr'; did you mean 'lr'"),
        ({"over": ["lr", "opt"]}, "opt is the parameter compared: it cannot be averaged over as well"),
        ({"over": []}, r"are not named: .* also differ in lr \(2 values\).* add --over lr "),
        ({"paired": True, "shares_seeds": False}, "do not share their seeds"),
    ],
)
def test_wrong_wishes_are_refused(records, asked, message: str) -> None:
    """Each wrong name is told with the valid ones; pairs need shared seeds, averages a name."""
    wish = {"of": "opt", "on": "score", "over": ["lr"], **asked}
    records = replace(records, shares_seeds=wish.pop("shares_seeds", True))
    with pytest.raises((ComparisonError, GraphError), match=message):
        compare_values(records, **wish)


def test_nothing_to_compare_is_told(make_records) -> None:
    """One value, nothing completed, and nothing alike are refused with the reason."""
    with pytest.raises(ComparisonError, match="lr is always 1"):
        compare_values(make_records({"lr": [1]}, results=lambda _p, _r: {"score": 1}), "lr", "score")
    alone = make_records(
        {"opt": ["a", "b"], "lr": [1, 2]},
        results=lambda p, _r: {"score": 1.0} if (p["opt"] == "a") == (p["lr"] == 1) else None,
    )
    with pytest.raises(
        ComparisonError, match="no repetitions of two values of opt have a finite 'score' and are alike in lr"
    ):
        compare_values(alone, "opt", "score", over=["lr"])


def test_means_against_ranks_are_told(make_records) -> None:
    """When the mean and most pairs point in different directions, no direction is claimed."""

    def results(parameters, repetition: int):
        if parameters["opt"] == "a":
            return {"score": 0.0}
        return {"score": 10.0 + repetition / 100 if repetition % 5 == 0 else -1.0 - repetition / 1000}

    records = make_records({"opt": ["a", "b"]}, results=results, repetitions=300, labels=MAX)
    assert "means and ranks do not agree" in text_of(compare_values(records, "opt", "score"))


def test_a_wrong_name_lists_results_and_metrics(make_records) -> None:
    """Comparisons read no curves: metrics are known by their summaries, and the nearest name is told."""
    summary = {"metrics.loss.last": 1.0, "metrics.loss.count": 3, "accuracy": 0.5}
    made = make_records({"opt": ["a", "b"]}, results=lambda _p, _r: summary)
    for wrong, right in (("acuracy", "accuracy"), ("los", "loss")):
        with pytest.raises(GraphError) as caught:
            compare_values(made, "opt", wrong)
        assert str(caught.value) == (
            f"on: there is no result or metric named {wrong!r}; did you mean {right!r}? "
            "results and metrics: accuracy, loss"
        )


def test_averages_of_scores_of_very_different_size_are_told(make_records) -> None:
    """What one task contributes a thousand times as much to says little of the others."""
    records = make_records(
        {"opt": ["a", "b"], "task": ["hill", "valley"]},
        results=lambda p, r: {"y": (20_000.0 if p["task"] == "hill" else 2.0) + r},
        repetitions=6,
    )
    (note,) = compare_values(records, "opt", "y", over=["task"]).notes
    assert note == (
        "Scores differ in size (task hill: 20,002, median of the others: 4.5): the averages are nearly those "
        "of the largest alone; compare values of task one by one (--where), or by a table with normalise."
    )
