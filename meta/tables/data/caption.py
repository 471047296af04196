"""The note below each table: what the numbers are, the tests behind the marks, and what is missing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from experiments.series_file.sections.graphs import IntervalName
from experiments.units import many
from meta.graphs.captions.experiments_code import code_text
from meta.graphs.captions.intervals import (
    averaged_exceptions,
    bounds_text,
    describe,
    drawn_warnings,
    skewness_text,
    splits_text,
)
from meta.graphs.captions.missing_data import (
    counts_text,
    imbalance,
    progress_text,
    survivorship,
    texts_text,
)
from meta.graphs.captions.phrases import averages_text, sample_size_text, selection_text
from meta.graphs.captions.scores import scores_text
from meta.graphs.data.graph_data import Coverage, Estimates, SampleSizes
from meta.graphs.data.skewed import Skewed
from meta.records.series_records import SeriesRecords
from meta.tables.data.cells import Cell, Cells, Place
from meta.tables.data.disagreements import disagreements
from meta.tables.data.ends import BothEnds
from meta.tables.data.plan import TablePlan
from meta.tables.data.significance_marks import Marks

#: So many settings that could not be chosen are named; the others are counted.
_MOST_NAMED = 4


def notes(
    plan: TablePlan, cells: Cells, marks: Marks, *, ends: BothEnds, records: SeriesRecords
) -> list[str]:
    """Return the sentences of the note."""
    first, *others = _statistic(plan, cells, ends, records)
    return [
        f"{records.name}: {first}",
        *others,
        *_best(plan, marks),
        *_significance(plan, cells, marks),
        *selection_text(plan.spec.where, records.where),
        *([averages_text(plan.spec.over, plan.values, plan.aggregator.estimator)] if plan.spec.over else []),
        *scores_text(plan.spec, plan.y, records),
        *_selection(plan, cells),
        *_missing(plan, cells, records),
        *code_text(
            records.experiments_code,
            [[member.id for member in cell.members] for cell in cells.cells.values()],
            "in each cell",
        ),
    ]


def _statistic(plan: TablePlan, cells: Cells, ends: BothEnds, records: SeriesRecords) -> list[str]:
    """Return the sentences on what the numbers are, with which interval and of how many repetitions."""
    aggregator = plan.aggregator
    shown = [cell for cell in cells.cells.values() if cell.has_estimate]
    if not shown:
        return ["nothing to show."]
    estimates = _estimates(shown)
    label = aggregator.estimator.label
    over = sample_size_text(estimates.sample_sizes)
    if len({cell.repetitions for cell in shown}) == 1:
        over += " in each cell"
    if aggregator.interval == "none":
        return [f"{label} over {over}."]
    found = describe(aggregator, estimates, unit="cell")
    if found.names:
        label += f" {_how(aggregator.interval, found.names, in_all=len(ends.columns) == len(cells.columns))}"
    sentence = "; ".join(
        [f"{label} over {over}", *found.exceptions, *averaged_exceptions(aggregator, estimates)]
    )
    bounds = plan.y.label.bounds
    skewed = Skewed.of_points([cell.point.scores for cell in shown], estimates.method)
    return [
        f"{sentence}.",
        *_ends(cells, ends),
        *splits_text(aggregator, estimates),
        *drawn_warnings(aggregator, estimates),
        *skewness_text(aggregator.level, [skewed], over_steps=False, unit="cell"),
        *([] if bounds else bounds_text(plan.y.measured, estimates, records.measure(plan.y.key))),
    ]


def _how(interval: IntervalName, names: str, *, in_all: bool) -> str:
    """Return how the interval stands beside the estimate."""
    if interval in ("sd", "se"):
        return f"with {names}" if in_all else f"± {names.removesuffix(' to each side')}"
    names = f"the {names.removeprefix('the ')}"
    return f"with {names}" if in_all else f"± half of {names}"


def _estimates(shown: Sequence[Cell]) -> Estimates:
    """Return the numbers of cells as those of points."""
    estimate, low, high = np.array([(cell.estimate, cell.low, cell.high) for cell in shown]).T
    return Estimates(
        estimate,
        low,
        high,
        SampleSizes.of_points(cell.point.sizes for cell in shown),
        np.array([cell.method for cell in shown]),
        np.array([cell.left_out for cell in shown]),
    )


def _ends(cells: Cells, ends: BothEnds) -> list[str]:
    """Return the sentence on columns that show both ends, although half of the width was asked for."""
    if not ends.unasked:
        return []
    reasons = []
    if ends.lopsided:
        reasons.append("an interval reaches further to one side")
    if ends.beyond:
        reasons.append("half of the width would reach beyond what is possible")
    where = "" if len(ends.columns) == len(cells.columns) else " of some columns"
    return [f"Both ends{where} are shown, as {' and '.join(reasons)}."]


def _best(plan: TablePlan, marks: Marks) -> list[str]:
    if plan.goal is None:
        return [f"No best is marked, as metrics gives no goal for {plan.y.measured}."]
    word = "Higher" if plan.goal == "max" else "Lower"
    bold = f"; bold: the best of each {plan.spec.within}" if marks.best else ""
    tied = []
    if marks.ties:
        where = (
            f" where all cells of a {plan.spec.within} are equal"
            if marks.best
            else ", as all cells are equal"
        )
        tied = [f"Nothing is bold{where}."]
    return [f"{word} is better{bold}.", *tied]


def _significance(plan: TablePlan, cells: Cells, marks: Marks) -> list[str]:
    if marks.untested:
        return [f"Not tested: {marks.untested}."]
    tested = {place: test for place, test in marks.tests.items() if not math.isnan(test.corrected_p)}
    untested = _untested(plan, cells, marks)
    if not tested:
        return untested
    if all(test.result.note for test in tested.values()):
        return ["Nothing to test: the readings of the cells are equal.", *untested]
    against = (
        f"the best of its {plan.spec.within}"
        if plan.baseline is None
        else plan.described(plan.spec.compared, plan.baseline)
    )
    pairs = "pairs with the same seed" if marks.paired else "independent repetitions"
    family = ""
    if marks.comparisons > 1:  # a single one needs no correction
        family = f", corrected by Holm for {marks.comparisons:,} comparisons"
        if plan.baseline is None:
            family += f" (all pairs in each {plan.spec.within}, as the best is known only after looking)"
    any_differs = any(map(marks.differs, tested))
    mark = "*: differs from" if any_differs else "No cell differs significantly from"
    sentences = [f"{mark} {against} ({marks.test} of {pairs}, p <= {1 - marks.level:.3g}{family})."]
    sentences.append(
        "No mark does not mean equal." if any_differs else "That does not mean that they are equal."
    )
    sentences += [*disagreements(plan, marks), *untested]
    if left_out := sum(test.left_out for test in tested.values()):
        sentences.append(f"Not in the tests: {many(left_out, 'reading')} without a partner.")
    return [*sentences, *marks.warnings]


def _untested(plan: TablePlan, cells: Cells, marks: Marks) -> list[str]:
    """Return the sentences on cells that are not tested, as a test needs several repetitions of both."""
    singles = [place for place, test in marks.tests.items() if min(test.sizes) == 1]
    if not singles:
        return []
    if all(cells.cells[place].repetitions == "1" for place in marks.tests):
        return ["Not tested: n = 1."]
    against = "the best" if plan.baseline is None else "the baseline"
    reasons: dict[str, list[str]] = {}
    for place in singles:
        reason = f"only one repetition is that of {against} too"
        if cells.cells[marks.tests[place].reference].repetitions == "1":
            reason = f"{against} has n = 1"
        if cells.cells[place].repetitions == "1":
            reason = "n = 1"
        reasons.setdefault(reason, []).append(plan.place_label(*place))
    sentences = []
    for reason, labels in reasons.items():
        more = f" and {len(labels) - _MOST_NAMED:,} more" if len(labels) > _MOST_NAMED else ""
        sentences.append(f"Not tested, as {reason}: {'; '.join(labels[:_MOST_NAMED])}{more}.")
    return sentences


def _selection(plan: TablePlan, cells: Cells) -> list[str]:
    if not plan.chosen:
        return []
    unit = {"best_per_row": "row", "best_per_column": "column"}.get(plan.spec.select or "", "cell")
    chosen: dict[str, None] = {}
    for place, cell in cells.cells.items():
        if cell.setting:
            named = plan.place_label(*plan.shared(*place)) or plan.place_label(*place)
            chosen[f"{named}: {plan.described(plan.chosen, cell.setting)}"] = None
    several = {"row": len(cells.columns), "column": len(cells.rows)}.get(unit, 1) > 1
    by = ", by mean rank" if several else ""
    heads = ", ".join(plan.heads(plan.chosen))
    text = (
        f"Best of up to {many(cells.settings, 'setting')} of {heads} for each {unit}{by}, by the same "
        f"readings, so that they look better than new ones would ({'; '.join(chosen)})."
    )
    sentences = [text]
    if cells.refused:
        more = f" and {len(cells.refused) - _MOST_NAMED:,} more" if len(cells.refused) > _MOST_NAMED else ""
        named = "; ".join(cells.refused[:_MOST_NAMED])
        sentences.append(f"Not to choose from, as some readings are missing: {named}{more}.")
    if cells.unfit:
        sentences.append(f"No setting has all readings: {'; '.join(cells.unfit)}.")
    return sentences


def _missing(plan: TablePlan, cells: Cells, records: SeriesRecords) -> list[str]:
    sentences = progress_text(records)
    shown = list(cells.cells.items())
    counts = sum((Counter(cell.missing) for _, cell in shown), Counter[str]())
    if counts.total():
        total = counts.total() + sum(len(member.completed) for _, cell in shown for member in cell.members)
        sentences.append(f"{counts_text(counts)} of {many(total, 'experiment')} left out.")
    coverage = [_coverage(plan, place, cell) for place, cell in shown]
    sentences += [*survivorship(coverage), *imbalance(coverage)]
    # Without a choice, the configurations of a cell are not to be averaged.
    partly = [
        covered.lacking_label
        for covered, (_, cell) in zip(coverage, shown, strict=True)
        if covered.lacking and (cell.setting or not plan.chosen)
    ]
    if partly:
        named = "; ".join(partly)
        sentences.append(
            f"Empty, as some configurations that would be averaged have no finite reading: {named}."
        )
    without = sum(cell.point.without for _, cell in shown)
    non_finite = sum(cell.point.non_finite for _, cell in shown)
    if without:
        sentences.append(f"{without:,} completed without {plan.y.name!r} left out.")
    sentences += texts_text(repr(plan.y.name), sum((cell.point.texts for _, cell in shown), Counter[str]()))
    if non_finite:
        sentences.append(f"{many(non_finite, 'NaN or infinite reading')} left out.")
    if records.retired:
        sentences.append(f"{records.retired:,} completed but no longer in the series file left out.")
    return sentences


def _coverage(plan: TablePlan, place: Place, cell: Cell) -> Coverage:
    names = [plan.described(plan.spec.over, plan.key(plan.spec.over, one.parameters)) for one in cell.members]
    return Coverage.of(plan.place_label(*place), cell.point, names, is_drawn=cell.has_estimate)
