"""The note of each graph: what is drawn, with which interval and n, and what is missing."""

from __future__ import annotations

from experiments.series_file.sections.graphs import ScaleName
from experiments.units import many
from meta.graphs.captions.experiments_code import code_text, other_code_text
from meta.graphs.captions.intervals import (
    bounds_text,
    drawn_estimates,
    drawn_warnings,
    skewness_text,
    splits_text,
)
from meta.graphs.captions.missing_data import missing_data
from meta.graphs.captions.phrases import averages_text, selection_text
from meta.graphs.captions.scores import scores_text
from meta.graphs.data.graph_data import Estimates, GraphData, Outside
from meta.graphs.data.plan import Plan, Variable
from meta.graphs.provenance.note_text import Note
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.arrays import Floats


def note(  # noqa: PLR0913 - what is drawn, and what its kind says of it
    plan: Plan,
    data: GraphData,
    records: SeriesRecords,
    caption: str,
    *,
    outside: Outside,
    warning: str = "",
    details: list[str] | None = None,
) -> Note:
    """Return what is said about a graph: two lines below it, and the rest for the metadata of its files.

    A sentence without which the picture would be read wrongly is always below it.

    Parameters
    ----------
    plan, data, records
        What is drawn.
    caption : str
        Of its kind.
    outside : Outside
        What the scales and limits leave out.
    warning : str
        Of its kind.
    details : list of str, optional
        Of its kind.
    """
    intervals = _by_result(plan, data)
    missing = missing_data(plan, data, records)
    differs, told = _code(plan, records)
    drawn = [
        f"{records.name}: {caption}",
        *selection_text(plan.spec.where, records.where),
        *_averages(plan),
        *scores_text(plan.spec, plan.y, records, over_steps=plan.rules.over_steps),
        *_on_intervals(plan, data, records),
        warning,
        *_outside(outside),
    ]
    lines = [drawn, [*missing.worst, *differs]]
    return Note(
        tuple(text for line in lines if (text := " ".join(filter(None, line)))),
        (
            *_goals(plan),
            *([f"Each point averages {data.window:,} consecutive steps."] if data.window > 1 else []),
            *(details or []),
            *missing.others,
            *told,
        ),
        {
            variable.name: tuple(name for name in dict.fromkeys(shown.method.tolist()) if name)
            for variable, shown in intervals
        },
    )


def _by_result(plan: Plan, data: GraphData) -> list[tuple[Variable, Estimates]]:
    """Return the results of which estimates are drawn, each with all of its estimates."""
    if plan.rules.of_attempts:
        return []
    across = [line.across for line in data.lines if line.across is not None]
    beside = [] if plan.across is None else [(plan.across, Estimates.joined(across))]
    return [(plan.y, drawn_estimates(data)), *beside]


def _on_intervals(plan: Plan, data: GraphData, records: SeriesRecords) -> list[str]:
    """Return the sentences on intervals that hold less than they say, or reach where nothing can be."""
    if plan.rules.of_attempts or plan.aggregator.interval == "none":
        return []
    sentences = []
    for variable, shown in _by_result(plan, data):
        if variable.label.bounds is None:
            sentences += bounds_text(variable.measured, shown, records.measure(variable.key))
    shown = drawn_estimates(data)
    skewed = [line.skewed for line in data.lines if line.skewed is not None]
    return [
        *splits_text(plan.aggregator, shown),
        *drawn_warnings(plan.aggregator, shown),
        *skewness_text(plan.aggregator.level, skewed, over_steps=plan.rules.over_steps),
        *sentences,
    ]


def _code(plan: Plan, records: SeriesRecords) -> tuple[list[str], list[str]]:
    """Return the sentence on other code, and those on threads and on what was not recorded."""
    if plan.rules.of_attempts:  # nothing is averaged or compared there
        return [], []
    units = [[member.id] for member in records.configurations]
    differs = other_code_text(records.code, units)
    return differs, code_text(records.code, units)[len(differs) :]


def _outside(outside: Outside) -> list[str]:
    sentences = [_unplaced(scale, values) for scale, values in outside.unplaced.items()]
    if outside.points:
        sentences.append(f"{many(outside.points, 'point')} outside of the limits.")
    if outside.intervals:
        sentences.append(f"{many(outside.intervals, 'interval')} cut at the ends of the axes.")
    if outside.cells:
        sentences.append(f"{many(outside.cells, 'cell')} outside of the colours.")
    return sentences


def _unplaced(scale: ScaleName, values: Floats) -> str:
    """Return the sentence on values that have no place on a scale."""
    of = "" if (values < 0).all() else " of 0" if (values == 0).all() else " of 0 or less"
    if scale == "logit":
        of = " not between 0 and 1"
    what = many(len(values), "value" if of else "negative value")
    axis = "a logit" if scale == "logit" else "a logarithmic"
    return f"{what}{of} {'has' if len(values) == 1 else 'have'} no place on {axis} axis."


def _averages(plan: Plan) -> list[str]:
    if not plan.spec.over or "over" in plan.rules.required:  # there the caption names what is averaged over
        return []
    estimator = None if plan.rules.shows_values else plan.aggregator.estimator
    return [averages_text(plan.spec.over, plan.values, estimator)]


def _goals(plan: Plan) -> list[str]:
    sentences = []
    for variable in (plan.across, plan.y):
        if variable is not None and variable.label.goal is not None:
            word = "Higher" if variable.label.goal == "max" else "Lower"
            named = f" {variable.label.label or variable.measured}" if plan.across is not None else ""
            sentences.append(f"{word}{named} is better.")
    return sentences
