"""The note below each graph: what its bands and whiskers are, how many repetitions, and what is missing."""

from __future__ import annotations

from itertools import chain

import numpy as np

from database.models import ExperimentStatus
from meta.graphs.box import MIN_READINGS
from meta.graphs.panels import Numbers
from meta.graphs.plan import Plan
from meta.graphs.records import SeriesRecords

#: Percentile intervals of fewer repetitions are known to be too narrow.
_FEW_REPETITIONS = 5

_LEFT_OUT = (
    ExperimentStatus.FAILED,
    ExperimentStatus.CANCELLED,
    ExperimentStatus.RUNNING,
    ExperimentStatus.PENDING,
)


def note(plan: Plan, numbers: Numbers, records: SeriesRecords, *, mark: str) -> str:
    """Return the note of a graph.

    Parameters
    ----------
    plan, numbers, records
        What is drawn.
    mark : str
        What the interval is drawn as, such as ``band``.
    """
    sentences = [
        f"{records.name}: {_statistic(plan, numbers, mark)}",
        _goal(plan),
        f"Each point averages {numbers.window:,} consecutive steps." if numbers.window > 1 else "",
        *_missing(plan, numbers, records),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _statistic(plan: Plan, numbers: Numbers, mark: str) -> str:
    lines = [line for panel in numbers.panels for line in panel.lines]
    counts = np.fromiter(chain.from_iterable(line.interval.count for line in lines), dtype=np.int64)
    least, most = int(counts.min()), int(counts.max())
    if plan.kind == "box":
        return _box_statistic(least, most)
    if most == 1:
        return "single repetitions (n = 1), so there is no interval."
    level = f"{100 * lines[0].interval.resampling.level:g} %"
    text = f"mean with {level} bootstrap interval ({mark}) over {_repetitions(least, most)}."
    if least == 1:
        text += " No interval where n = 1."
    if counts[counts > 1].min() < _FEW_REPETITIONS:
        text += f" Intervals over fewer than {_FEW_REPETITIONS} repetitions tend to be too narrow."
    return text


def _box_statistic(least: int, most: int) -> str:
    text = f"{_repetitions(least, most)}."
    if most >= MIN_READINGS:
        text += (
            " Boxes: median and quartiles; whiskers: the furthest readings within 1.5 interquartile ranges; "
            "circles: readings beyond."
        )
    if least < MIN_READINGS:
        text += f" Of fewer than {MIN_READINGS} repetitions each reading is shown."
    return text


def _repetitions(least: int, most: int) -> str:
    if least == most:
        return f"n = {most:,} repetition{'s' if most > 1 else ''}"
    return f"n = {least:,} to {most:,} repetitions"


def _goal(plan: Plan) -> str:
    return {"max": "Higher is better.", "min": "Lower is better."}.get(plan.label.goal or "", "")


def _missing(plan: Plan, numbers: Numbers, records: SeriesRecords) -> list[str]:
    statuses = records.statuses
    sentences = []
    if statuses.get(ExperimentStatus.RUNNING):
        sentences.append("The series is still running.")
    counts = [f"{statuses[status]:,} {status}" for status in _LEFT_OUT if statuses.get(status)]
    if counts:
        sentences.append(f"{', '.join(counts)} of {sum(statuses.values()):,} experiments left out.")
    if numbers.without:
        sentences.append(f"{numbers.without:,} completed without {plan.y!r} left out.")
    if numbers.non_finite:
        sentences.append(f"{numbers.non_finite:,} NaN or infinite readings left out.")
    if records.retired:
        sentences.append(f"{records.retired:,} completed but no longer in the series file left out.")
    return sentences
