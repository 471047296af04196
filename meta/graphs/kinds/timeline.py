"""Time lines: which worker ran when, each attempt in the colour of its outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from database.models import Outcome
from database.models.outcome import UNSUCCESSFUL, count_text
from experiments.units import many
from meta.formats.none_chosen import none_of
from meta.graphs.data.csv_rows import Row
from meta.graphs.data.graph_data import Estimates, GraphData, Line, Panel, Timeline
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.kind import DrawContext, Kind, entry_per_line
from meta.graphs.theme import style
from meta.graphs.theme.layout import PageSpec
from meta.graphs.theme.outcome_style import outcome_style
from meta.records.errors import GraphError
from meta.records.series_records import SeriesRecords
from meta.records.value_set import shortened

RUNNING = "running"
#: More attempts than this are one picture within an SVG or PDF file, not as many shapes.
_MANY = 5_000
_MAX_LABEL = 20
#: More workers than this are not labelled one by one.
_LABELLED = 40
#: Height in inches of the row of a worker.
_ROW = 0.14


def compute(_plan: Plan, records: SeriesRecords) -> GraphData:
    """Lay out the attempts: a row per worker, by host and first start; times from the first of all.

    Raises
    ------
    GraphError
        Nothing was started yet.
    """
    attempts = records.attempts
    if not attempts and records.where is not None:
        missing = none_of(records.size(), records.name, where=records.where, otherwise="was started")
        raise GraphError(f"{records.nothing_chosen() or missing}: nothing to draw")
    if not attempts:
        raise GraphError(f"no experiment of {records.name!r} was started yet: nothing to draw")
    origin = min(attempt.started_at for attempt in attempts)
    latest = max(attempt.finished_at or attempt.started_at for attempt in attempts)
    firsts = {attempt.worker: attempt.started_at for attempt in reversed(attempts)}
    hosts = {attempt.worker: attempt.host for attempt in attempts}
    order = sorted(firsts, key=lambda worker: (hosts[worker], firsts[worker], worker))
    rows = {worker: row for row, worker in enumerate(order)}
    spans = np.array(
        [
            (
                rows[attempt.worker],
                (attempt.started_at - origin).total_seconds(),
                ((attempt.finished_at or latest) - origin).total_seconds(),
            )
            for attempt in attempts
        ]
    )
    # The host's wall clock may have been set back meanwhile.
    spans[:, 2] = np.maximum(spans[:, 1], spans[:, 2])
    outcomes = np.array(
        [RUNNING if attempt.outcome is None else attempt.outcome.value for attempt in attempts]
    )
    names = _host_names([hosts[worker] for worker in order])
    labels = [f"{name} {row + 1}".strip() for row, name in enumerate(names)]
    timeline = Timeline(labels, spans, outcomes, len(set(hosts.values())))
    lines = []
    nothing = np.zeros(0)
    interval = Estimates.joined([])
    occurring = {attempt.outcome for attempt in attempts}
    order_of_outcomes = (Outcome.COMPLETED, *UNSUCCESSFUL, Outcome.RELEASED, None)
    shown = [outcome for outcome in order_of_outcomes if outcome in occurring]
    for number, outcome in enumerate(shown):
        label = RUNNING if outcome is None else outcome.word
        lines.append(Line(label, number, outcome_style(outcome), nothing, interval))
    return GraphData([Panel(None, lines)], timeline=timeline)


def _host_names(hosts: Sequence[str]) -> list[str]:
    """Return short distinct names of the hosts, empty for a single one."""
    distinct = list(dict.fromkeys(hosts))
    if len(distinct) == 1:
        return [""] * len(hosts)
    without_domain = [host.partition(".")[0] for host in distinct]
    short = shortened(without_domain if len(set(without_domain)) == len(distinct) else distinct, _MAX_LABEL)
    if max(map(len, short)) > _MAX_LABEL:
        short = [f"host {number + 1}" for number in range(len(distinct))]
    names = dict(zip(distinct, short, strict=True))
    return [names[host] for host in hosts]


def _timeline(data: GraphData) -> Timeline:
    if data.timeline is None:
        raise ValueError("a time line consists of attempts")
    return data.timeline


def draw(axes: Axes, lines: Sequence[Line], context: DrawContext) -> None:
    """Draw a bar per attempt from its start to its end."""
    timeline = _timeline(context.data)
    unit, seconds = _unit(timeline.length_s)
    for line in lines:
        row, start, end = timeline.of(line.label.replace(" ", "_")).T
        low, high = row - 0.4, row + 0.4
        start, end = start / seconds, end / seconds
        corners = np.stack([start, low, start, high, end, high, end, low], axis=1).reshape(-1, 4, 2)
        axes.add_collection(
            PolyCollection(
                list(corners),
                facecolor=(line.style.color, 0.75),
                edgecolor=style.background_color() if len(corners) <= _MANY // 10 else "none",
                linewidth=0.25,
                hatch=line.style.fill["hatch"],
                label=line.label,
                rasterized=len(timeline.spans) > _MANY,
            )
        )
    workers = len(timeline.workers)
    axes.set_xlim(0.0, max(timeline.length_s / seconds, 1e-9) * 1.01)
    axes.set_ylim(workers - 0.4, -0.6)
    if workers <= _LABELLED:
        axes.set_yticks(range(workers), timeline.workers)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{place + 1:.0f}"))
    axes.set_xlabel(f"time since the first start ({unit})")
    axes.grid(visible=False)


def _unit(length_s: float) -> tuple[str, float]:
    """Return the unit to write times in, and its seconds."""
    for unit, seconds in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if length_s > 3 * seconds:
            return unit, seconds
    return "s", 1.0


def handle(lines: Sequence[Line]) -> Patch:
    """Return the legend handle of an outcome."""
    line_style = lines[0].style
    return Patch(
        facecolor=(line_style.color, 0.75),
        edgecolor=style.background_color(),
        hatch=line_style.fill["hatch"],
        linewidth=0.25,
    )


def attempts(_plan: Plan, data: GraphData) -> Iterator[Row]:
    """Yield the attempts by their start, in seconds since the first one."""
    timeline = _timeline(data)
    for (row, start, end), outcome in zip(timeline.spans.tolist(), timeline.outcomes.tolist(), strict=True):
        yield {
            "worker": timeline.workers[int(row)],
            "started_s": start,
            "finished_s": None if outcome == RUNNING else end,
            "outcome": outcome,
        }


def caption(context: DrawContext) -> str:
    """Return the caption: attempts by outcome, and the share of time in which workers were busy."""
    timeline = _timeline(context.data)
    outcomes = Counter(timeline.outcomes.tolist())
    counts = ", ".join(count_text(name, count) for name, count in outcomes.most_common())
    workers = len(timeline.workers)
    present_s = busy_s = 0.0
    for row in range(workers):
        _, start, end = timeline.spans[timeline.spans[:, 0] == row].T
        busy_s += float((end - start).sum())
        present_s += float(end.max() - start.min())
    attempts = f"{many(len(timeline.spans), 'attempt')} of {many(workers, 'worker')}"
    if not present_s:
        return f"{attempts}: {counts}."
    hosts = f" on {timeline.hosts} hosts" if timeline.hosts > 1 else ""
    share = f"{100 * busy_s / present_s:.0f} %"
    return (
        f"{attempts}{hosts}: {counts}. From first start to last end, workers were busy {share} of the time."
    )


def page(context: DrawContext) -> PageSpec:
    """Return a page with a row per worker."""
    height = min(max(1.4, 0.6 + _ROW * len(_timeline(context.data).workers)), 6.0)
    return PageSpec(size=context.plan.spec.size, panel_height=height)


KIND = Kind(
    compute=compute,
    draw=draw,
    labels=lambda _plan: ("", "worker"),  # that of x is set with its unit when attempts are drawn
    caption=caption,
    rows=attempts,
    legend=entry_per_line(handle),
    page=page,
)
