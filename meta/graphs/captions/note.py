"""The note below each graph: what is drawn, of how many repetitions, and what is missing."""

from __future__ import annotations

from experiments.series_file.sections.graphs import ScaleName
from experiments.units import many
from meta.graphs.captions.experiments_code import code_text
from meta.graphs.captions.missing_data import missing_data
from meta.graphs.captions.phrases import averages_text, selection_text
from meta.graphs.captions.scores import scores_text
from meta.graphs.data.graph_data import GraphData, Outside
from meta.graphs.data.plan import Plan
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.arrays import Floats


def note(
    plan: Plan, data: GraphData, records: SeriesRecords, caption: str, *, outside: Outside, warning: str = ""
) -> str:
    """Return the text below a graph: what is drawn, of which experiments, and what is missing.

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
    """
    sentences = [
        f"{records.name}: {caption}",
        *selection_text(plan.spec.where, records.where),
        _averages(plan),
        *scores_text(plan.spec, plan.y, records, over_steps=plan.rules.over_steps),
        *_goals(plan),
        f"Each point averages {data.window:,} consecutive steps." if data.window > 1 else "",
        warning,
        *_outside(outside),
        *missing_data(plan, data, records),
        *_code(plan, records),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _code(plan: Plan, records: SeriesRecords) -> list[str]:
    if plan.rules.of_attempts:  # nothing is averaged or compared there
        return []
    return code_text(records.experiments_code, [[member.id] for member in records.configurations])


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


def _averages(plan: Plan) -> str:
    if not plan.spec.over or "over" in plan.rules.required:  # there the caption names what is averaged over
        return ""
    return averages_text(plan.spec.over, plan.values, "Pools" if plan.rules.shows_values else "Averages")


def _goals(plan: Plan) -> list[str]:
    sentences = []
    for variable in (plan.across, plan.y):
        if variable is not None and variable.label.goal is not None:
            word = "Higher" if variable.label.goal == "max" else "Lower"
            named = f" {variable.label.label or variable.measured}" if plan.across is not None else ""
            sentences.append(f"{word}{named} is better.")
    return sentences
