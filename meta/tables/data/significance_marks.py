"""The best cells, and those that differ significantly from the best or from a baseline.

The cells of one column (or row) are compared with each other. The best of them is known only after looking,
so that p values against it are corrected by Holm's method for all pairs among the cells: those with the best
are some of them, whichever it turns out to be. A baseline is named beforehand: only the pairs with it count.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from meta.records.errors import GraphError
from meta.records.pairing import Together, finite_readings, pair
from meta.records.series_records import SeriesRecords
from meta.statistics.comparisons.difference import Difference, difference_over
from meta.statistics.comparisons.resampled_splits import corrected_resampled_t
from meta.statistics.comparisons.sample_size import significance_warnings
from meta.statistics.comparisons.significance import (
    Significance,
    holm,
    mann_whitney,
    smallest_p,
    wilcoxon,
)
from meta.statistics.estimators.ties import merged_scores
from meta.tables.data.cells import Cell, Cells, Place
from meta.tables.data.plan import Key, TablePlan

#: The level of the tests if the interval has none.
_LEVEL = 0.95
_WITHOUT_LEVEL = ("sd", "se", "quantiles", "none")
#: Corrected for more comparisons, no test of usual sample sizes is significant, and they take long.
MOST_COMPARISONS = 1_000


@dataclass(frozen=True)
class CellTest:
    """The comparison of a cell with the best, or with the baseline.

    Attributes
    ----------
    reference : (row, column)
        What it is compared with.
    result : Significance
    corrected_p : float
        NaN where nothing was tested.
    difference : Difference or None
        Of means, the cell less what it is compared with; its interval is by itself. None where nothing was
        tested.
    sizes : tuple of int
        How many readings of the cell, and of what it is compared with, are compared.
    left_out : int
        How many readings have no partner.
    """

    reference: Place
    result: Significance
    corrected_p: float
    difference: Difference | None
    sizes: tuple[int, int]
    left_out: int


@dataclass(frozen=True)
class Marks:
    """The marks of the cells: which are best, and which differ.

    Attributes
    ----------
    best : frozenset of (row, column)
        Without those of columns (or rows) of which all cells are equal.
    ties : int
        Of how many columns (or rows) all cells are equal.
    tests : mapping of (row, column) to CellTest
        Against the best of the column (or row), or against the baseline.
    test : str
        Its name; empty where nothing was tested.
    comparisons : int
        For how many the p values are corrected.
    level : float
        A cell differs when its p is at most 1 less this.
    paired : bool
    warnings : sequence of str
        Warnings of samples that are too small.
    untested : str
        Why nothing was tested, although it was asked for.
    """

    best: frozenset[Place] = frozenset()
    ties: int = 0
    tests: Mapping[Place, CellTest] = field(default_factory=dict)
    test: str = ""
    comparisons: int = 0
    level: float = _LEVEL
    paired: bool = False
    warnings: Sequence[str] = ()
    untested: str = ""

    def p_value(self, place: Place) -> float:
        """Return the corrected p of a cell; NaN where it is not tested."""
        return self.tests[place].corrected_p if place in self.tests else math.nan

    def differs(self, place: Place) -> bool:
        """Return whether a cell differs from what it is compared with."""
        return self.p_value(place) <= 1 - self.level


def make_marks(plan: TablePlan, cells: Cells, records: SeriesRecords) -> Marks:
    """Return the best cells, and the tests of the others."""
    level = _LEVEL if plan.spec.interval in _WITHOUT_LEVEL else plan.aggregator.level
    groups: dict[Key, dict[Place, Cell]] = {}
    for place, cell in cells.cells.items():
        if cell.has_estimate:
            groups.setdefault(place[1 if plan.spec.within == "column" else 0], {})[place] = cell
    best = {key: _best(plan, group) for key, group in groups.items()}
    tied = [key for key, places in best.items() if places and len(places) == len(groups[key])]
    bold = frozenset(place for key, places in best.items() if key not in tied for place in places)
    if plan.spec.bold != "best":
        bold, tied = frozenset(), []
    if not plan.spec.significance or (plan.baseline is None and not any(best.values())):
        return Marks(bold, len(tied), level=level)
    references = {key: _reference(plan, group, best[key]) for key, group in groups.items()}
    pairs = [
        (key, places)
        for key, group in groups.items()
        for places in itertools.combinations(group, 2)
        if plan.baseline is None or references[key] in places
    ]
    if len(pairs) > MOST_COMPARISONS:
        too_many = f"{len(pairs):,} comparisons are more than {MOST_COMPARISONS:,}"
        reason = f"{too_many}; name a baseline, or choose fewer cells (where)"
        return Marks(bold, len(tied), level=level, untested=reason)
    try:
        comparer = _Comparer.of(plan, groups, records, level)
    except GraphError as error:  # which is about the tests only: the numbers are as right as ever
        return Marks(bold, len(tied), level=level, untested=str(error))
    # What is compared with the reference comes first: differences are those of the cell.
    ordered = [places[::-1] if references[key] == places[0] else places for key, places in pairs]
    compared = [
        comparer.compare(groups[key], places, with_difference=references[key] == places[1])
        for (key, _), places in zip(pairs, ordered, strict=True)
    ]
    corrected = holm([one.result.p_value for one in compared]).tolist()
    tests = [replace(one, corrected_p=p_value) for one, p_value in zip(compared, corrected, strict=True)]
    against = {
        places[0]: test
        for (key, _), places, test in zip(pairs, ordered, tests, strict=True)
        if references[key] == places[1]
    }
    return Marks(
        bold,
        len(tied),
        against,
        test=tests[0].result.test if tests else "",
        comparisons=sum(not math.isnan(p_value) for p_value in corrected),
        level=level,
        paired=comparer.together.paired,
        # Of resampled splits more repetitions are no remedy.
        warnings=[] if comparer.together.resampled else _warnings(plan, against, tests, level),
    )


def _warnings(
    plan: TablePlan, against: Mapping[Place, CellTest], tests: Sequence[CellTest], level: float
) -> list[str]:
    """Return the warnings of the test with the fewest readings among those that found no difference.

    Parameters
    ----------
    plan : TablePlan
    against : mapping of (row, column) to CellTest
        Those with the best, or the baseline.
    tests : sequence of CellTest
        All. Holm's method corrects their p values as if the significant tests had not been made.
    level : float
    """
    undecided = sum(test.corrected_p > 1 - level for test in tests)
    # Equal readings are no question of number.
    testable = {
        place: test
        for place, test in against.items()
        if test.corrected_p > 1 - level and not test.result.note
    }
    if not testable:
        return []
    # Wilcoxon's test leaves equal pairs out: how many readings there are is not how many it used.
    place, fewest = min(testable.items(), key=lambda one: min(one[1].sizes))
    smallest = smallest_p(fewest.sizes, paired=fewest.result.paired)
    of_all = replace(fewest.result, sizes=fewest.sizes, smallest_p=smallest)
    if warnings := significance_warnings(of_all, comparisons=undecided, level=level):
        are_alike = len({test.sizes for test in tests}) == 1
        return [text if are_alike else f"{plan.place_label(*place)}: {text}" for text in warnings]
    place, fewest = min(testable.items(), key=lambda one: min(one[1].result.sizes))
    if not significance_warnings(fewest.result, comparisons=undecided, level=level):
        return []
    differing, pairs = fewest.result.sizes[0], fewest.sizes[0]
    few = f"Too few pairs of {plan.place_label(*place)} differ for a test to find anything"
    return [f"{few}: {differing:,} of {pairs:,}. More repetitions help only if more of them differ."]


def _best(plan: TablePlan, group: Mapping[Place, Cell]) -> list[Place]:
    if plan.goal is None or len(group) < 2:
        return []
    extreme = max if plan.goal == "max" else min
    estimates = merged_scores([[cell.estimate for cell in group.values()]])[0].tolist()
    top = extreme(estimates)
    return [place for place, estimate in zip(group, estimates, strict=True) if estimate == top]


def _reference(plan: TablePlan, group: Mapping[Place, Cell], best: Collection[Place]) -> Place | None:
    """Return the cell that the others are compared with; a single one is not the best."""
    if plan.baseline is None:
        return next((place for place in group if place in best), None)
    side = 0 if plan.spec.within == "column" else 1
    return next((place for place in group if place[side] == plan.baseline), None)


@dataclass(frozen=True)
class _Comparer:
    """Compares two cells.

    Attributes
    ----------
    plan : TablePlan
    together : Together
        What belongs together in the cells of a column (or row).
    level : float
    """

    plan: TablePlan
    together: Together
    level: float

    @classmethod
    def of(
        cls, plan: TablePlan, groups: Mapping[Key, Mapping[Place, Cell]], records: SeriesRecords, level: float
    ) -> _Comparer:
        """Return how the cells of each group are compared.

        Raises
        ------
        GraphError
            Repetitions that are no pairs are to be compared as such.
        """
        # Only configurations of one group are compared with each other.
        members = {
            plan.place_label(*place): [((*key, *block), member) for block, member in cell.by_block(plan)]
            for key, group in groups.items()
            for place, cell in group.items()
        }
        together = Together.of(
            records,
            members,
            " and ".join(plan.spec.compared),
            paired=plan.spec.paired,
            strata=plan.spec.strata,
            resampled=None,
        )
        return cls(plan, together, level)

    def compare(
        self, group: Mapping[Place, Cell], places: tuple[Place, Place], *, with_difference: bool
    ) -> CellTest:
        """Return the comparison of two cells, uncorrected."""
        paired = self.together.paired
        members = [group[place].by_block(self.plan) for place in places]
        first, second = (finite_readings(blocks, self.plan.y.key) for blocks in members)
        readings = pair(first, second, paired=paired)
        sizes = len(readings.first), len(readings.second)
        left_out = sum(readings.left_out)
        strata = self.together.strata_of(members[0], first, second)
        if self.together.resampled is not None and strata:
            result = corrected_resampled_t(strata)
        else:
            result = (wilcoxon if paired else mann_whitney)(readings.first, readings.second)
        if min(sizes) < 2:  # no test of a single repetition finds anything, and Holm's correction is of tests
            return CellTest(places[1], replace(result, p_value=math.nan), math.nan, None, sizes, left_out)
        apart = None
        if with_difference:
            # Of means whatever the table shows, as in comparisons: those of drawings would take minutes.
            resampling = replace(self.plan.aggregator.resampling, level=self.level)
            apart = difference_over(strata, resampling, paired=paired)
        return CellTest(places[1], result, math.nan, apart, sizes, left_out)
