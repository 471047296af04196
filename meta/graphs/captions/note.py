"""The note below each graph: what is drawn, of how many repetitions, and what is missing."""

from __future__ import annotations

from meta.formats.plural import many
from meta.graphs.captions.missing_data import gaps
from meta.graphs.captions.statistic_sentence import statistic
from meta.graphs.data.graph_data import Numbers, Outside
from meta.graphs.data.phrases import averaged, only
from meta.graphs.data.plan import POOLED, Plan
from meta.records.series_records import SeriesRecords


def note(
    plan: Plan, numbers: Numbers, records: SeriesRecords, *, mark: str, outside: Outside | None = None
) -> str:
    """Return the note of a graph.

    Parameters
    ----------
    plan, numbers, records
        What is drawn.
    mark : str
        What the interval is drawn as, such as ``band``.
    outside : Outside or None
        What the scales and limits leave out.
    """
    sentences = [
        f"{records.name}: {statistic(plan, numbers, mark, shares_seeds=records.shares_seeds)}",
        *_choices(plan, records),
        *_goals(plan),
        f"Each point averages {numbers.window:,} consecutive steps." if numbers.window > 1 else "",
        _cut_bars(plan),
        *_outside(outside or Outside()),
        *gaps(plan, numbers, records),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _outside(found: Outside) -> list[str]:
    sentences = [f"{many(found.points, 'point')} outside of the axes."] if found.points else []
    if found.intervals:
        sentences.append(f"{many(found.intervals, 'interval')} cut at the ends of the axes.")
    if found.cells:
        sentences.append(f"{many(found.cells, 'cell')} outside of the colours.")
    return sentences


def _cut_bars(plan: Plan) -> str:
    """Say that lengths of bars do not compare."""
    low = (plan.spec.limits.y or (None, None))[0]
    is_cut = plan.kind == "bar" and ((low or 0) > 0 or plan.spec.scale.y in ("log", "logit"))
    return "Bars do not start at 0: their lengths do not compare." if is_cut else ""


def _choices(plan: Plan, records: SeriesRecords) -> list[str]:
    """Say which configurations are drawn, and what is averaged over."""
    sentences = only(plan.spec.where, records.where)
    if plan.over and plan.kind not in ("profile", "ranking"):
        does = "Pools" if plan.kind in POOLED else "Averages"
        sentences.append(averaged(plan.over, plan.values, does))
    return sentences


def _goals(plan: Plan) -> list[str]:
    words = {"max": "Higher", "min": "Lower"}
    readings = [one for one in (plan.across, plan.y) if one is not None and one.label.goal is not None]
    if plan.across is None:
        return [f"{words[one.label.goal or 'max']} is better." for one in readings]
    return [
        f"{words[one.label.goal or 'max']} {one.label.label or one.measured} is better." for one in readings
    ]
