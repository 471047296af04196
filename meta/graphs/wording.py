"""The first sentences of a note: what is drawn, and over how many repetitions."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np

from meta.counting import many
from meta.graphs import box, violin
from meta.graphs.estimates import Measure
from meta.graphs.numbers import Numbers, Ranked, Timeline
from meta.graphs.over_steps import MAX_RUNS
from meta.graphs.phrases import INTERVALS, Integers, few, how_many
from meta.graphs.plan import Plan
from meta.statistics.guards import ranking_guards
from meta.statistics.location import estimator


def statistic(plan: Plan, numbers: Numbers, mark: str) -> str:
    """Return what is drawn.

    Parameters
    ----------
    plan, numbers
        What is drawn.
    mark : str
        What the interval is drawn as, such as ``band``.
    """
    if numbers.timeline is not None:
        return _of_timeline(numbers.timeline)
    if numbers.ranked is not None:
        return _of_ranking(plan, numbers.ranked)
    if plan.kind == "profile":
        return _of_profile(plan, numbers)
    counts = np.fromiter(chain.from_iterable(line.interval.count for line in numbers.lines), dtype=np.int64)
    counts = counts[counts > 0]  # over time a curve may have gaps
    if plan.kind in ("box", "violin"):
        return _of_shapes(plan, counts)
    if plan.kind in ("strip", "ecdf", "histogram"):
        return f"each reading of {_many_behind(plan, counts)}."
    text = _of_estimates(plan, counts, mark)
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


def _of_estimates(plan: Plan, counts: Integers, mark: str) -> str:
    measure = Measure.of(plan.spec)
    label = measure.estimator.label
    if plan.kind == "heatmap" or measure.interval == "none":
        return f"{label} over {_many_behind(plan, counts)}."
    if counts.max() == 1:
        return "single repetitions (n = 1), so there is no interval."
    level = f"{100 * measure.level:g} %"
    interval = INTERVALS[measure.interval].format(level=level)
    text = f"{label} with {interval} ({mark}) over {_many_behind(plan, counts)}."
    if counts.min() == 1:
        text += " No interval where n = 1."
    return " ".join([text, *few(measure, counts)])


def _of_points(plan: Plan, numbers: Numbers) -> str:
    """Say what stands faintly behind."""
    if not plan.spec.points:
        return ""
    if not plan.is_curve:
        return " Small marks: each reading."
    most = max((int(line.interval.count.max()) for line in numbers.lines), default=0)
    shown = f"the first {MAX_RUNS} repetitions" if most > MAX_RUNS else "each repetition"
    return f" Thin lines: {shown}."


def _of_shapes(plan: Plan, counts: Integers) -> str:
    text = f"{_many_behind(plan, counts)}."
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
        text += f" Of fewer than {least} repetitions each reading is shown."
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
        f"Each score: {average} over {how_many(ranked.counts, 'repetition')}.",
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


def _many_behind(plan: Plan, counts: Integers) -> str:
    """Return how many readings are behind each point: of one configuration they are repetitions."""
    return how_many(counts, "experiment" if plan.over else "repetition")
