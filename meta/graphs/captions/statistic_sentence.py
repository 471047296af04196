"""The first sentences of a note: what is drawn, and over how many repetitions."""

from __future__ import annotations

from collections import Counter

import numpy as np

from meta.formats.plural import many
from meta.graphs.data.estimates import Measure
from meta.graphs.data.graph_data import Behind, Numbers, Ranked, Timeline
from meta.graphs.data.per_step import MAX_RUNS
from meta.graphs.data.phrases import INTERVALS, few, how_many, without_interval
from meta.graphs.data.plan import Plan
from meta.graphs.kinds import box, violin
from meta.statistics.comparisons.guards import ranking_guards
from meta.statistics.estimators.location import estimator


def statistic(plan: Plan, numbers: Numbers, mark: str, *, shares_seeds: bool) -> str:
    """Return what is drawn.

    Parameters
    ----------
    plan, numbers
        What is drawn.
    mark : str
        What the interval is drawn as, such as ``band``.
    shares_seeds : bool
        Whether a repetition has the same seed in all configurations.
    """
    if numbers.timeline is not None:
        return _of_timeline(numbers.timeline)
    if numbers.ranked is not None:
        return _of_ranking(plan, numbers.ranked)
    if plan.kind == "profile":
        return _of_profile(plan, numbers)
    drawn = [line.interval for line in numbers.lines]
    # Over time a curve may have gaps.
    behind = Behind.joined([one.behind.where(np.isfinite(one.estimate)) for one in drawn])
    if plan.kind in ("box", "violin"):
        return _of_shapes(plan, behind)
    if plan.kind in ("strip", "ecdf", "histogram"):
        return f"each reading of {how_many(behind)}."
    text = _of_estimates(plan, Measure.of(plan.spec, shares_seeds=shares_seeds), behind, mark)
    if plan.kind == "scatter":
        pooled = f"setting of all parameters but {', '.join(plan.over)}" if plan.over else "configuration"
        text = f"one point per {pooled}: {text}"
        if any(panel.front is not None for panel in numbers.panels):
            text += " Pareto front: nothing is better in one result and as good in the other."
        else:
            text += " No Pareto front, as metrics gives no goal to both results."
    if plan.spec.smoothing:
        text += (
            f" Smoothed: each repetition's running mean over {plan.spec.smoothing:,} logged points, centred."
        )
    if plan.x == "seconds" and plan.is_curve:
        text += (
            " At each time, the reading logged last; a repetition counts until its last point, later points "
            "are over the others."
        )
    return text + _of_points(plan, numbers)


def _of_estimates(plan: Plan, measure: Measure, behind: Behind, mark: str) -> str:
    label = measure.estimator.label
    if plan.kind == "heatmap" or measure.interval == "none":
        return f"{label} over {how_many(behind)}."
    if behind.fewest.max() == 1:
        return f"{without_interval(measure, behind)}."
    level = f"{100 * measure.level:g} %"
    interval = INTERVALS[measure.interval].format(level=level)
    text = f"{label} with {interval} ({mark}) over {how_many(behind)}."
    return " ".join([text, *few(measure, behind)])


def _of_points(plan: Plan, numbers: Numbers) -> str:
    """Say what stands faintly behind."""
    if not plan.spec.points:
        return ""
    if not plan.is_curve:
        return " Small marks: each reading."
    most = max((int(line.interval.count.max()) for line in numbers.lines), default=0)
    shown = f"the first {MAX_RUNS} repetitions" if most > MAX_RUNS else "each repetition"
    return f" Thin lines: {shown}."


def _of_shapes(plan: Plan, behind: Behind) -> str:
    text, counts = f"{how_many(behind)}.", behind.count
    least = box.MIN_READINGS if plan.kind == "box" else violin.MIN_READINGS
    if counts.max() >= least:
        text += (
            " Boxes: median and quartiles; whiskers: the furthest readings within 1.5 interquartile ranges; "
            f"{'small marks: each reading.' if plan.spec.points else 'circles: readings beyond.'}"
            if plan.kind == "box"
            else f" Violins: Gaussian kernel density (Scott's bandwidth{_on_scale(plan)}), cut at the "
            "extreme readings, all equally wide; dot and line: median and quartiles"
            f"{'; small marks: each reading.' if plan.spec.points else '.'}"
        )
    if counts.min() < least:
        noun = "repetitions" if behind.configurations.max() == 1 else "experiments"
        text += f" Of fewer than {least} {noun} each reading is shown."
    return text


def _on_scale(plan: Plan) -> str:
    scale = plan.spec.scale.y
    return "" if scale in (None, "linear") else f", on the {scale} scale"


def _of_profile(plan: Plan, numbers: Numbers) -> str:
    problems = sorted({int(line.interval.count[0]) for line in numbers.lines})
    fewer = "" if len(problems) == 1 else f"{problems[0]} to "
    over = f"{fewer}{many(problems[-1], 'problem')} ({', '.join(plan.over)})"
    average = estimator(plan.spec.estimator).label
    return (
        f"performance profile over {over}, each by the {average} of its "
        "completed repetitions; a problem of which none is completed counts as not solved."
    )


def _of_ranking(plan: Plan, ranked: Ranked) -> str:
    found, groups = ranked.ranking, ranked.groups
    sets = len(found.scores)
    average = estimator(plan.spec.estimator).label
    said = [
        f"average ranks (1 is best) over {sets} data sets ({', '.join(plan.over)}).",
        f"Each score: {average} over {how_many(Behind.of(ranked.counts[None]))}.",
        f"Friedman test: {_p(found.p_value)}; Iman-Davenport F: {_p(found.f_p_value)}.",
        f"{groups.test}, level {100 * groups.level:g} %: bars join what does not differ significantly.",
    ]
    if min(found.p_value, found.f_p_value) > 1 - groups.level:
        said.append("The Friedman test finds no difference at all, so pairs should not be read.")
    return " ".join([*said, *ranking_guards(found)])


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def _of_timeline(timeline: Timeline) -> str:
    outcomes = Counter(timeline.outcomes.tolist())
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in outcomes.most_common())
    workers = len(timeline.workers)
    there = busy = 0.0
    for row in range(workers):
        _, start, end = timeline.spans[timeline.spans[:, 0] == row].T
        busy += float((end - start).sum())
        there += float(end.max() - start.min())
    if not there:
        return f"{many(len(timeline.spans), 'attempt')} of {many(workers, 'worker')}: {counts}."
    share = f" From first start to last end, workers were busy {100 * busy / there:.0f} % of the time."
    hosts = f" on {timeline.hosts} hosts" if timeline.hosts > 1 else ""
    said = f"{many(len(timeline.spans), 'attempt')} of {many(workers, 'worker')}{hosts}: {counts}."
    return said + share
