"""The best cells, and those that differ significantly from the best or from a baseline.

The cells of one column (or row) are compared with each other. The best of them is known only after looking,
so that p values against it are corrected by Holm's method for all pairs among the cells: those with the best
are some of them, whichever it turns out to be. A baseline is named beforehand: only the pairs with it count.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from meta.records.pairing import pair
from meta.records.series_records import SeriesRecords
from meta.statistics.comparisons.sample_size import significance_warnings
from meta.statistics.comparisons.significance import Significance, holm, mann_whitney, wilcoxon
from meta.statistics.estimators.ties import merged_scores
from meta.tables.data.cells import Cell, Cells, Place
from meta.tables.data.plan import Key, TablePlan

#: The level of the tests if the interval has none.
_LEVEL = 0.95
_WITH_LEVEL = ("ci", "bca", "exact")
#: Corrected for more comparisons, no test of usual sample sizes is significant, and they take long.
MOST_COMPARISONS = 1_000


@dataclass(frozen=True)
class Marks:
    """The marks of the cells: which are best, and which differ.

    Attributes
    ----------
    best : frozenset of (row, column)
    p_values : mapping of (row, column) to float
        Against the best of the column (or row), or against the baseline; corrected.
    test : str
        Its name; empty where nothing was tested.
    comparisons : int
        For how many the p values are corrected; without p values, too many to make.
    level : float
        A cell differs when its p is at most 1 less this.
    paired : bool
    warnings : sequence of str
        Warnings of samples that are too small.
    left_out : int
        Readings without a partner, which the tests do not use.
    """

    best: frozenset[Place] = frozenset()
    p_values: Mapping[Place, float] = field(default_factory=dict)
    test: str = ""
    comparisons: int = 0
    level: float = _LEVEL
    paired: bool = False
    warnings: Sequence[str] = ()
    left_out: int = 0

    def differs(self, place: Place) -> bool:
        """Return whether a cell differs from what it is compared with."""
        return self.p_values.get(place, math.nan) <= 1 - self.level


@dataclass(frozen=True)
class _Test:
    places: tuple[Place, Place]
    result: Significance
    left_out: int


def make_marks(plan: TablePlan, cells: Cells, records: SeriesRecords) -> Marks:
    """Return the best cells, and the p values of the others."""
    level = plan.spec.level if plan.spec.level and plan.spec.interval in _WITH_LEVEL else _LEVEL
    groups: dict[Key, dict[Place, Cell]] = {}
    for place, cell in cells.cells.items():
        if cell.has_estimate:
            groups.setdefault(place[1 if plan.spec.within == "column" else 0], {})[place] = cell
    best = frozenset(place for group in groups.values() for place in _best(plan, group))
    bold = best if plan.spec.bold == "best" else frozenset()
    if not plan.spec.significance or (plan.baseline is None and not best):
        return Marks(bold, level=level)
    references = {key: _reference(plan, group, best) for key, group in groups.items()}
    pairs = [
        (group, places)
        for key, group in groups.items()
        for places in itertools.combinations(group, 2)
        if plan.baseline is None or references[key] in places
    ]
    if len(pairs) > MOST_COMPARISONS:
        return Marks(bold, comparisons=len(pairs), level=level)
    tests = [_test(plan, group, places, shares_seeds=records.shares_seeds) for group, places in pairs]
    p_values: dict[Place, float] = {}
    left_out = 0
    corrected = holm([test.result.p_value for test in tests]).tolist()
    for test, p_value in zip(tests, corrected, strict=True):
        against = [place for place in test.places if place in references.values()]
        if len(against) == 1:
            p_values[test.places[1 - test.places.index(against[0])]] = p_value
            left_out += test.left_out
    return Marks(
        bold,
        p_values,
        test=tests[0].result.test if tests else "",
        comparisons=sum(not math.isnan(p_value) for p_value in corrected),
        level=level,
        paired=records.shares_seeds,
        warnings=_warnings(tests, corrected, level),
        left_out=left_out,
    )


def _warnings(tests: Sequence[_Test], corrected: Sequence[float], level: float) -> list[str]:
    """Return the warnings of the test with the fewest readings among those that found no difference.

    Holm's method corrects their p values as if the significant tests had not been made.
    """
    undecided = [
        test.result for test, p_value in zip(tests, corrected, strict=True) if not p_value <= 1 - level
    ]
    testable = [result for result in undecided if not result.note]  # equal readings are no question of number
    if not testable:
        return []
    fewest = min(testable, key=lambda result: min(result.sizes))
    return list(significance_warnings(fewest, comparisons=len(undecided), level=level))


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


def _test(
    plan: TablePlan, group: Mapping[Place, Cell], places: tuple[Place, Place], *, shares_seeds: bool
) -> _Test:
    first, second = (group[place].readings(plan) for place in places)
    readings = pair(first, second, paired=shares_seeds)
    test = wilcoxon if shares_seeds else mann_whitney
    return _Test(places, test(readings.first, readings.second), sum(readings.left_out))
