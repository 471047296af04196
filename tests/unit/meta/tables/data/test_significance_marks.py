"""What is best, and what differs from it by more than chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.tables import TableSpec
from meta.statistics.comparisons.significance import holm
from meta.tables.data.table import make_table

SHIFT = {"a": 0.0, "b": 0.1, "c": 2.0}


def reading(method: str, data: int, repetition: int) -> float:
    """Return a reading of which a part belongs to the seed and cancels in pairs."""
    luck = np.random.default_rng([data, repetition]).normal()
    own = np.random.default_rng([data, repetition, ord(method)]).normal()
    return float(SHIFT[method] + 3 * luck + own)


@pytest.fixture
def records(make_records):
    """Return three methods on two data sets, 12 repetitions each."""
    return make_records(
        {"method": ["a", "b", "c"], "data": [1, 2]},
        results=lambda p, r: {"score": reading(p["method"], p["data"], r)},
        repetitions=12,
        labels={"score": MetricSection(goal="max")},
    )


def readings(method: str, data: int) -> list[float]:
    return [reading(method, data, repetition) for repetition in range(12)]


def test_p_against_the_best_is_corrected_for_all_pairs(records) -> None:
    """Against the best of a column, Holm counts every pair in every column (scipy's tests, by hand)."""
    table = make_table(TableSpec(y="score", rows=("method",), columns=("data",)), records)
    pairs = [(one, other, data) for data in (1, 2) for one, other in (("a", "b"), ("a", "c"), ("b", "c"))]
    raw = [stats.wilcoxon(readings(one, data), readings(other, data)).pvalue for one, other, data in pairs]
    corrected = dict(zip(pairs, holm(raw), strict=True))
    assert table.marks.comparisons == 6
    for data in (1, 2):
        column = (data - 1,)
        assert ((2,), column) in table.marks.best
        for place, method in enumerate("ab"):
            found = table.marks.p_value(((place,), column))
            assert found == pytest.approx(corrected[method, "c", data])
            assert table.marks.differs(((place,), column)) == (found <= 0.05)
    assert any(map(table.marks.differs, table.marks.tests))


def test_a_baseline_takes_fewer_comparisons(records) -> None:
    """Against a value named beforehand only the pairs with it count."""
    table = make_table(TableSpec(y="score", rows=("method",), columns=("data",), baseline="a"), records)
    assert table.marks.comparisons == 4
    assert set(table.marks.tests) == {((row,), (column,)) for row in (1, 2) for column in (0, 1)}
    assert "differs from method=a (Wilcoxon signed-rank test of pairs with the same seed" in table.notes[2]


def test_without_shared_seeds_the_test_is_another(records) -> None:
    """Repetitions with seeds of their own are independent: Mann-Whitney, not Wilcoxon."""
    table = make_table(
        TableSpec(y="score", rows=("method",), columns=("data",)), replace(records, shares_seeds=False)
    )
    assert table.marks.test == "Mann-Whitney test"
    assert "of independent repetitions" in table.notes[2]


def test_the_best_of_a_row_is_among_its_columns(records) -> None:
    """`within: row` compares the columns of each row."""
    spec = TableSpec(y="score", rows=("data",), columns=("method",), within="row")
    table = make_table(spec, records)
    assert table.marks.best == {((0,), (2,)), ((1,), (2,))}


@pytest.mark.parametrize("goal", ["max", "min"])
def test_means_that_differ_by_rounding_are_both_best(make_records, goal: str) -> None:
    """The same readings in another order have the same mean, but for its last bit: both are bold."""
    readings = {"a": [0.39, 0.14, 0.72, 0.53, 0.31], "b": [0.53, 0.72, 0.14, 0.31, 0.39]}
    readings["c"] = [{"max": 0.1, "min": 0.9}[goal]] * 5
    assert np.mean(readings["a"]) != np.mean(readings["b"])
    labels = {"score": MetricSection(goal=goal)}
    grid = {"method": ["a", "b", "c"], "data": [1, 2]}
    records = make_records(grid, results=lambda p, r: {"score": readings[p["method"]][r]}, labels=labels)
    table = make_table(TableSpec(y="score", rows=("method",), columns=("data",)), records)
    assert len(table.marks.best) == 4
    # Of equal settings the first is taken, whichever mean is larger in the last bit.
    chosen = make_table(TableSpec(y="score", rows=("data",), select="best_per_row"), records)
    assert [cell.setting for cell in chosen.cells.cells.values()] == [(0,), (0,)]


def test_without_a_goal_nothing_is_best(records) -> None:
    """A metric without a goal has no best; the note says so."""
    table = make_table(TableSpec(y="score", rows=("method",), columns=("data",)), replace(records, labels={}))
    assert not table.marks.best
    assert not table.marks.tests
    assert "No best is marked, as metrics gives no goal for score." in table.notes


def test_too_few_repetitions_are_told(make_records) -> None:
    """Where no readings could differ significantly, the note says how many repetitions would do."""
    records = make_records(
        {"method": ["a", "c"]},
        results=lambda p, r: {"score": reading(p["method"], 1, r)},
        repetitions=3,
        labels={"score": MetricSection(goal="min")},
    )
    table = make_table(TableSpec(y="score", rows=("method",)), records)
    note = " ".join(table.notes)
    assert table.marks.best == {((0,), ())}
    assert "No cell differs significantly from the best of its column" in note
    assert "pairs with the same seed, p <= 0.05). That" in note  # one comparison is not corrected
    assert "That does not mean that they are equal." in note
    assert "is too small for the Wilcoxon signed-rank test" in note


def test_marks_can_be_left_out(records) -> None:
    """`bold: none` and `significance: false` leave the numbers alone."""
    spec = TableSpec(y="score", rows=("method",), columns=("data",), bold="none", significance=False)
    table = make_table(spec, records)
    assert (table.marks.best, table.marks.tests) == (frozenset(), {})


def test_too_many_comparisons_are_not_made(make_records) -> None:
    """Beyond a thousand pairs the note says why nothing is marked, and what to do."""
    records = make_records(
        {"method": list(range(46))},
        results=lambda p, r: {"score": p["method"] + r},
        repetitions=2,
        labels={"score": MetricSection(goal="max")},
    )
    table = make_table(TableSpec(y="score", rows=("method",)), records)
    assert not table.marks.tests
    assert table.marks.best == {((45,), ())}
    assert "Not tested: 1,035 comparisons are more than 1,000; name a baseline" in " ".join(table.notes)
    assert make_table(TableSpec(y="score", rows=("method",), baseline=0), records).marks.comparisons == 45


@pytest.mark.parametrize("shares_seeds", [True, False])
def test_equal_cells_are_not_bold_and_no_question_of_repetitions(make_records, shares_seeds: bool) -> None:
    """Where all cells of a column are equal none is the best, and the note says that nothing was to test."""
    records = make_records(
        {"method": ["a", "b", "c"]},
        results=lambda _p, _r: {"score": 0.0},
        repetitions=3,
        labels={"score": MetricSection(goal="max")},
    )
    table = make_table(TableSpec(y="score", rows=("method",)), replace(records, shares_seeds=shares_seeds))
    assert (table.marks.best, table.marks.ties, table.marks.warnings) == (frozenset(), 1, [])
    assert table.notes[1:] == [
        "Higher is better.",
        "Nothing is bold, as all cells are equal.",
        "Nothing to test: the readings of the cells are equal.",
    ]


def test_only_the_columns_that_tie_are_without_bold(make_records) -> None:
    """One column of equal cells takes the marks of the others from nobody."""
    records = make_records(
        {"method": ["a", "b"], "data": [1, 2]},
        results=lambda p, r: {"score": float(r) if p["data"] == 1 else reading(p["method"], 2, r)},
        repetitions=12,
        labels={"score": MetricSection(goal="max")},
    )
    table = make_table(TableSpec(y="score", rows=("method",), columns=("data",)), records)
    assert {column for _, column in table.marks.best} == {(1,)}
    assert "Nothing is bold where all cells of a column are equal." in table.notes


def test_single_repetitions_are_not_tested(make_records) -> None:
    """Of n = 1 nothing is tested, nor counted by Holm: one short sentence, and no lecture."""
    labels = {"score": MetricSection(goal="max")}
    grid = {"method": ["a", "b", "c"]}
    single = make_records(
        grid, results=lambda p, r: {"score": reading(p["method"], 1, r)}, repetitions=1, labels=labels
    )
    table = make_table(TableSpec(y="score", rows=("method",)), single)
    assert (table.marks.comparisons, table.notes[-1]) == (0, "Not tested: n = 1.")

    def results(parameters, repetition: int):
        few = parameters["method"] == "b" and repetition
        return None if few else {"score": reading(parameters["method"], 1, repetition)}

    table = make_table(
        TableSpec(y="score", rows=("method",)),
        make_records(grid, results=results, repetitions=12, labels=labels),
    )
    assert table.marks.comparisons == 1
    assert np.isnan(table.marks.p_value(((1,), ())))
    assert "Not tested, as n = 1: method=b." in table.notes
    against = make_table(
        TableSpec(y="score", rows=("method",), baseline="b"),
        make_records(grid, results=results, repetitions=12, labels=labels),
    )
    assert "Not tested, as the baseline has n = 1: method=a; method=c." in against.notes


def test_what_is_too_few_is_named_with_its_number(make_records) -> None:
    """Where cells have different numbers of repetitions, the note says of which one it speaks."""

    def results(parameters, repetition: int):
        few = parameters["method"] == "b" and repetition > 2
        return None if few else {"score": reading(parameters["method"], 1, repetition)}

    records = make_records(
        {"method": ["a", "b", "c"]},
        results=results,
        repetitions=12,
        labels={"score": MetricSection(goal="max")},
    )
    (warning,) = make_table(TableSpec(y="score", rows=("method",)), records).marks.warnings
    assert warning.startswith(
        "method=b: n = 3 is too small for the Wilcoxon signed-rank test to find anything"
    )


def test_pairs_that_are_equal_are_not_few_repetitions(make_records) -> None:
    """Twelve repetitions of which one differs are twelve, and more of them would not help."""
    records = make_records(
        {"method": ["a", "b"]},
        results=lambda p, r: {"score": 1.0 if p["method"] == "a" and r == 3 else 0.0},
        repetitions=12,
        labels={"score": MetricSection(goal="max")},
    )
    (warning,) = make_table(TableSpec(y="score", rows=("method",)), records).marks.warnings
    assert warning == (
        "Too few pairs of method=b differ for a test to find anything: 1 of 12. More repetitions help "
        "only if more of them differ."
    )


def test_differences_are_those_of_the_cell(records) -> None:
    """With each test stands the interval of the cell less what it is compared with, by itself (scipy)."""
    spec = TableSpec(y="score", rows=("method",), columns=("data",), level=0.9)
    test = make_table(spec, records).marks.tests[(0,), (0,)]
    apart = np.subtract(readings("a", 1), readings("c", 1))
    expected = stats.ttest_1samp(apart, 0).confidence_interval(0.9)
    assert test.difference is not None
    found = (test.difference.estimate, test.difference.low, test.difference.high)
    assert found == pytest.approx((apart.mean(), expected.low, expected.high))


def test_a_column_with_a_single_cell_has_no_best(make_records) -> None:
    """What has nothing beside it is compared with nothing; the other columns are as ever."""
    records = make_records(
        {"method": ["a", "b"], "data": [1, 2]},
        results=lambda p, r: (
            None if (p["method"], p["data"]) == ("b", 2) else {"score": reading(p["method"], p["data"], r)}
        ),
        repetitions=12,
        labels={"score": MetricSection(goal="max")},
    )
    marks = make_table(TableSpec(y="score", rows=("method",), columns=("data",)), records).marks
    assert {column for _, column in marks.best} == {(0,)}
    assert (marks.comparisons, {column for _, column in marks.tests}) == (1, {(0,)})
