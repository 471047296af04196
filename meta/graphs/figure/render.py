"""One graph from beginning to end: plan, numbers, figure, files."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.text import Text

from experiments.series_file.sections.graphs import GraphSpec, ThemeName
from meta.formats.csv_format import write_rows
from meta.graphs.captions.note import note
from meta.graphs.data.graph_data import Numbers
from meta.graphs.data.plan import Plan, make_plan
from meta.graphs.drawing.intervals import alone, placed
from meta.graphs.drawing.parameter_axis import ParameterAxis
from meta.graphs.drawing.scene import Kind, Scene
from meta.graphs.figure import axis_limits
from meta.graphs.figure.registry import KINDS, compute
from meta.graphs.figure.task import Drawing, Task
from meta.graphs.kinds import heatmap, ranking, scatter
from meta.graphs.provenance.file_metadata import metadata_of, seal
from meta.graphs.provenance.origin import Origin
from meta.graphs.theme import layout, style, ticks
from meta.records.series_records import SeriesRecords

#: The kinds that have x at its place among the values of a parameter.
_AGAINST_PARAMETER = frozenset({"line", "bar", "point", "box", "violin", "strip", "heatmap"})
#: Control characters, U+FFFE and U+FFFF.
_NOT_IN_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
#: Height in inches of a row of a heatmap, of names in a ranking, and of workers.
_ROW, _NAME, _WORKER = 0.2, 0.16, 0.14


@dataclass(frozen=True)
class Picture:
    """A graph that is computed and drawn; `note` is the text below it."""

    plan: Plan
    numbers: Numbers
    figure: Figure
    note: str


def make_picture(spec: GraphSpec, records: SeriesRecords) -> Picture:
    """Compute and draw one graph.

    Raises
    ------
    GraphError
        It cannot be drawn as asked.
    """
    chosen = records.chosen(spec.where)
    plan = make_plan(spec, chosen)
    numbers = compute(plan, chosen)
    with style.theme(spec.theme):
        return _drawn(plan, numbers, chosen)


def _drawn(plan: Plan, numbers: Numbers, records: SeriesRecords) -> Picture:
    kind, spec = KINDS[plan.kind], plan.spec
    labels = dict(sorted({line.number: line.label for line in numbers.lines}.items()))
    axis = None
    if plan.kind in _AGAINST_PARAMETER:
        scale = spec.scale.x
        axis = ParameterAxis.of(plan.values[plan.x], numeric=plan.kind == "line", scale=scale)
    scene = Scene(plan, numbers, axis, max(labels, default=0) + 1)
    page = layout.new_page([(panel.row, panel.column) for panel in numbers.panels], _wish(kind, scene))
    for axes, panel in zip(page.axes, numbers.panels, strict=True):
        kind.draw(axes, panel.lines, scene)
        if axis is not None and plan.kind != "heatmap":
            axis.set_up(axes)
    outside = axis_limits.settle(page.axes, scene)
    layout.title_panels(page, [panel.title for panel in numbers.panels])
    x, y = kind.labels(plan)
    layout.label_axes(page, x=spec.labels.x or x, y=spec.labels.y or y)
    if plan.kind == "heatmap":
        page.axes[0].set_xticks(range(len(scene.places.labels)), scene.places.labels)
        heatmap.draw_bar(page.figure, page.axes, scene, height=0.8 * page.rows * page.panel_height)
    below = note(plan, numbers, records, mark=_mark(scene), outside=outside)
    layout.finish(
        page,
        higher_by=0.0 if plan.kind == "ranking" else ticks.settle(page.figure, page.axes),
        title=spec.title,
        legend_title=spec.labels.legend or _legend_title(plan),
        entries=_entries(kind, scene, labels),
        note=below,
    )
    if plan.kind == "heatmap":
        heatmap.write_values(page.figure, page.axes, scene)
    return Picture(plan, numbers, page.figure, below)


def _legend_title(plan: Plan) -> str | None:
    """Return the parameter whose values the legend lists; of several, each entry names them."""
    return plan.hues[0] if len(plan.hues) == 1 and plan.kind != "timeline" else None


def _wish(kind: Kind, scene: Scene) -> layout.Wish:
    """Return what the page needs for this graph."""
    plan, numbers = scene.plan, scene.numbers
    slots = len(scene.places.labels) * scene.count if kind.slots else 0
    height, wide = None, False
    if plan.kind == "heatmap":
        slots = 3 * len(scene.places.labels)
        height = max(1.6, 0.6 + _ROW * scene.count)
    elif numbers.ranked is not None:
        height = _NAME * ranking.rows(numbers.ranked) + 0.15
        wide = max(map(len, numbers.ranked.methods)) > ranking.SHORT_LABEL
    elif numbers.timeline is not None:
        height = min(max(1.4, 0.6 + _WORKER * len(numbers.timeline.workers)), 6.0)
    return layout.Wish(slots, plan.spec.size, height, wide)


def _entries(kind: Kind, scene: Scene, labels: Mapping[int, str]) -> list[tuple[Artist, str]]:
    """Return the legend: an entry per line, unless there is only one that nothing tells from others."""
    handle = kind.handle
    if handle is None or not (scene.plan.hues or scene.numbers.timeline):
        entries = []
    else:
        lines = scene.numbers.lines
        entries = [
            (handle([line for line in lines if line.number == number]), label)
            for number, label in labels.items()
        ]
    front = scatter.front_handle(scene)
    if front is not None:
        entries.append((front, scatter.FRONT))
    return entries


def _mark(scene: Scene) -> str:
    """Return what intervals are drawn as: where there would be bands, a lone point still has whiskers."""
    has_bands = scene.plan.kind == "curve" or (scene.plan.kind == "line" and scene.places.is_numeric)
    lows = [placed(line.interval, scene.plan.spec.scale.y).low for line in scene.numbers.lines]
    single = np.concatenate([np.zeros(0, dtype=bool), *(alone(low)[np.isfinite(low)] for low in lows)])
    if not has_bands or single.all():
        return "whiskers"
    return "band, or whiskers at single points" if single.any() else "band"


def draw(task: Task) -> Drawing:
    """Draw a graph and return its files.

    Raises
    ------
    GraphError
        It cannot be drawn as asked.
    """
    picture = make_picture(task.spec, task.extract)
    files = render(picture.figure, task.origin, task.formats, theme=task.spec.theme)
    written = "".join(text.get_text() for text in picture.figure.findobj(Text))
    data = _data(picture) if task.is_for_report else b""
    return Drawing(files, picture.note, data, style.unknown_letters(written))


def _data(picture: Picture) -> bytes:
    stream = io.StringIO(newline="")
    write_rows(stream, list(KINDS[picture.plan.kind].rows(picture.plan, picture.numbers)))
    return stream.getvalue().encode()


def render(
    figure: Figure, origin: Origin, formats: Sequence[str], *, theme: ThemeName = "light"
) -> dict[str, bytes]:
    """Return a figure in each of `formats`; it carries where it comes from."""
    files = {}
    for form in formats:
        written = io.BytesIO()
        with style.theme(theme):
            figure.savefig(written, format=form, dpi=style.DPI, metadata=metadata_of(form, origin))
        content = written.getvalue()
        # Texts stand in comments too, where XML forbids control characters even as references.
        files[form] = seal(_NOT_IN_XML.sub(b"?", content) if form == "svg" else content)
    return files
