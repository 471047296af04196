"""What a comparison says where its test and its interval agree, and where they do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from meta import comparison_text
from meta.comparison import ValueComparison, compare_values
from meta.statistics.comparisons.significance import wilcoxon
from meta.tables.data.rounding import shown_apart

LUCK = np.random.default_rng(0).normal(size=40)


def compared(make_records, methods: dict[str, Sequence[float]], **asked) -> ValueComparison:
    """Compare methods by their readings; pairs unless asked otherwise."""
    repetitions = len(next(iter(methods.values())))
    records = make_records(
        {"opt": list(methods)},
        results=lambda p, r: {"y": float(methods[p["opt"]][r])},
        repetitions=repetitions,
    )
    return compare_values(records, "opt", "y", **asked)


def verdicts(found: ValueComparison) -> list[str]:
    return [
        comparison_text.conclusion(pair, pair.result, found)
        for pair in found.pairs
        if pair.result is not None
    ]


def scores(differences: Sequence[float]) -> dict[str, list[float]]:
    """Return two methods whose pairs differ by these."""
    return {
        "a": (LUCK[: len(differences)] + differences).tolist(),
        "b": LUCK[: len(differences)].tolist(),
    }


def test_test_and_interval_find_a_difference(make_records) -> None:
    """Corrected p at most 0.05, 0 left out: the direction is told."""
    found = compared(make_records, scores(1 + 0.1 * np.arange(10)))
    [said] = verdicts(found)
    assert said == (
        "y is higher with opt a than with b; chance alone would seldom show such a difference "
        "(p 0.002, at most 0.05)."
    )


def test_ranks_differ_where_the_mean_may_not(make_records) -> None:
    """Corrected p at most 0.05, 0 held: one pair differs by so much that the mean may be 0."""
    differences = [0.5 + 0.01 * number for number in range(17)] + [-9.0]
    found = compared(make_records, scores(differences))
    result = found.compared[0]
    assert result.corrected_p <= 0.05
    assert result.difference.low < 0 < result.difference.high
    [said] = verdicts(found)
    low, high = stats.ttest_1samp(differences, 0).confidence_interval()
    assert said.startswith(
        f"Ranks differ (p {comparison_text.p_text(wilcoxon(differences, [0] * 18).p_value)})"
    )
    assert said.endswith(f"; the mean difference may be 0: differences from {low:.1f} to {high:.1f} fit.")
    assert (
        comparison_text.seeds(found.pairs[0], result)
        == "No more seeds are needed to distinguish their ranks."
    )


def test_one_of_many_comparisons_would_count_by_itself(make_records) -> None:
    """Corrected p above 0.05, 0 left out, p by itself at most 0.05."""
    generator = np.random.default_rng(2)
    noise = {name: (LUCK[:12] + generator.normal(size=12)).tolist() for name in "cde"}
    found = compared(make_records, {**scores(0.2 + 0.15 * np.arange(-4, 8)), **noise})
    assert (found.compared[0].first, found.compared[0].second) == ("a", "b")
    result, said = found.compared[0], verdicts(found)[0]
    assert result.significance.p_value <= 0.05 < result.corrected_p
    low, high = result.difference.low, result.difference.high
    assert low > 0
    assert said == (
        f"By itself this difference would count (p {comparison_text.p_text(result.significance.p_value)}; "
        f"from {low:.2f} to {high:.2f}); among 10 comparisons chance gives one like it too often "
        f"(corrected p {comparison_text.p_text(result.corrected_p)})."
    )


def test_the_interval_of_the_mean_leaves_out_0_and_ranks_do_not(make_records) -> None:
    """Corrected and plain p above 0.05, 0 left out: what each assumes and finds."""
    differences = [4.0, 3.0, 2.5, 2.2, 1.0, -1.1, -1.2, 3.5]
    found = compared(make_records, scores(differences))
    result = found.compared[0]
    assert result.significance.p_value > 0.05
    assert result.difference.low > 0
    [said] = verdicts(found)
    assert said == (
        "The interval of the mean, which assumes nearly normal differences, leaves out 0; "
        f"the rank test does not find it (p {comparison_text.p_text(result.significance.p_value)})."
    )


@pytest.mark.parametrize(("paired", "least"), [(True, "6 pairs"), (False, "4 repetitions of each")])
def test_the_rank_test_can_find_nothing_in_so_few(make_records, paired: bool, least: str) -> None:
    """Below its n it finds no difference, whatever there is: that is told, and not that there is none."""
    unpaired = {"a": [5.0, 5.1, 5.2], "b": [1.0, 1.1, 1.2]}
    found = compared(make_records, scores([3.0, 3.1, 2.9, 3.05, 2.95]) if paired else unpaired, paired=paired)
    [said] = verdicts(found)
    smallest = found.compared[0].significance.smallest_p
    what = "differences" if paired else "readings"
    assert said == (
        f"The interval of the mean, which assumes nearly normal {what}, leaves out 0; the rank test does not "
        f"find it (p {comparison_text.p_text(smallest)}), and cannot with fewer than {least}."
    )


def test_neither_finds_a_difference(make_records) -> None:
    """Corrected p above 0.05, 0 held: only then no difference was found, and the interval says what fits."""
    differences = [0.3, -0.2, 0.1, -0.4, 0.25, 0.05, -0.15, 0.12]
    found = compared(make_records, scores(differences))
    [said] = verdicts(found)
    low, high = stats.ttest_1samp(differences, 0).confidence_interval()
    assert said == (
        "No difference between a and b was found, which does not mean that there is none: differences from "
        f"{low:.2f} to {high:.2f} fit these readings."
    )


def test_intervals_are_headed_by_what_they_hold(make_records) -> None:
    """Each by itself; with `simultaneous` those of Bonferroni beside it, which leave out less."""
    methods = {"a": LUCK[:9], "b": LUCK[9:18], "c": LUCK[18:27]}
    found = compared(make_records, methods)
    assert comparison_text.heads(found) == [
        "n",
        "difference",
        "95 %, each by itself",
        "Cliff's delta",
        "corrected p",
        "more seeds",
    ]
    assert comparison_text.heads(found, simultaneous=True)[3] == "95 %, all together"
    assert "where each has 98.33 % (Bonferroni)" in comparison_text.preamble(found, simultaneous=True)[2]
    assert found.simultaneous_level == pytest.approx(1 - 0.05 / 3)
    expected = stats.ttest_rel(methods["a"], methods["b"]).confidence_interval(1 - 0.05 / 3)
    wide = found.compared[0].simultaneous
    assert (wide.low, wide.high) == pytest.approx(tuple(expected))
    cells = comparison_text.row(found.pairs[0], found, simultaneous=True)
    ends = shown_apart(wide.estimate, wide.low, wide.high)
    assert cells[4] == f"[{ends.low}, {ends.high}]"


def test_noise_of_large_readings_is_planned(make_records) -> None:
    """Readings near 1e9 that vary by 1e-3 are not equal, and the plan is that of their noise."""
    found = compared(make_records, {"a": 1e9 + 1e-3 * LUCK[:12], "b": 1e9 + 1e-3 * (LUCK[12:24] + 0.3)})
    small = compared(make_records, {"a": LUCK[:12], "b": LUCK[12:24] + 0.3})
    assert found.pairs[0].more_seeds == pytest.approx(small.pairs[0].more_seeds, rel=0.01)
    assert "equal" not in " ".join(comparison_text.sentences(found.pairs[0], found))


def test_deltas_of_averages_are_not_those_of_games(make_records) -> None:
    """An average over games varies less than each game: both deltas are given, named."""
    generator = np.random.default_rng(6)
    noise = generator.normal(size=(2, 8, 4))
    records = make_records(
        {"opt": ["a", "b"], "game": [0, 1, 2, 3]},
        results=lambda p, r: {"y": float(noise["ab".index(p["opt"]), r, p["game"]] + (p["opt"] == "a"))},
        repetitions=8,
    )
    found = compare_values(records, "opt", "y", over=["game"])
    [pair] = found.pairs
    a, b = noise[0] + 1, noise[1]

    def delta(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.sign(one[:, None] - other).mean())

    assert pair.result is not None
    assert pair.result.effects.cliffs_delta == pytest.approx(delta(a.mean(axis=1), b.mean(axis=1)))
    assert pair.mean_delta == pytest.approx(np.mean([delta(a[:, game], b[:, game]) for game in range(4)]))
    assert pair.mean_delta < pair.result.effects.cliffs_delta
    assert comparison_text.heads(found)[3:5] == ["Cliff's delta of the averages", "mean over game"]
    assert comparison_text.row(pair, found)[5].startswith(f"{pair.mean_delta:.2f} (")
