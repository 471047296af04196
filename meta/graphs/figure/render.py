"""One graph from beginning to end: plan, numbers, figure, files."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.text import Text

from experiments.series_file.sections.graphs import ThemeName
from meta.formats.csv_format import write_rows
from meta.graphs.captions.note import note
from meta.graphs.data.graph_data import GraphData
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.kind import DrawContext
from meta.graphs.figure.registry import KINDS
from meta.graphs.figure.task import DrawnFigure, Task
from meta.graphs.provenance.file_metadata import add_digest, metadata_for
from meta.graphs.provenance.note_text import Note
from meta.graphs.provenance.origin import Origin
from meta.graphs.theme import layout, style, ticks
from meta.records.series_records import SeriesRecords

#: Control characters, U+FFFE and U+FFFF.
_NOT_IN_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")


@dataclass(frozen=True)
class DrawnGraph:
    """A graph that is computed and drawn, and what is said about it."""

    plan: Plan
    data: GraphData
    figure: Figure
    note: Note


def draw_graph(plan: Plan, records: SeriesRecords) -> DrawnGraph:
    """Compute and draw one graph.

    Parameters
    ----------
    plan : Plan
    records : SeriesRecords
        What it was made of.

    Raises
    ------
    GraphError
        It cannot be drawn as asked.
    """
    data = KINDS[plan.rules.name].compute(plan, records)
    with style.theme(plan.spec.theme):
        return _drawn(plan, data, records)


def _drawn(plan: Plan, data: GraphData, records: SeriesRecords) -> DrawnGraph:
    kind, spec = KINDS[plan.rules.name], plan.spec
    context = DrawContext(plan, data, kind.axis(plan))
    needed = kind.page(context)
    page = layout.new_page([(panel.row, panel.column) for panel in data.panels], needed)
    for axes, panel in zip(page.axes, data.panels, strict=True):
        kind.draw(axes, panel.lines, context)
        if context.axis is not None:
            context.axis.set_up(axes)
    outside = kind.limits(page.axes, context)
    x, y = kind.labels(plan)
    titles = [panel.title for panel in data.panels]
    layout.label_panels(page, titles, x=spec.labels.x or x, y=spec.labels.y or y)
    kind.draw_beside(page, context)
    told = note(
        plan,
        data,
        records,
        kind.caption(context),
        outside=outside,
        warning=kind.warning(plan),
        details=kind.details(context),
    )
    layout.finish(
        page,
        higher_by=ticks.fit_labels(page.figure, page.axes) if needed.turn_ticks else 0.0,
        title=spec.title,
        legend_title=spec.labels.legend or (plan.hues[0] if len(plan.hues) == 1 else None),
        entries=kind.legend(context),
        note=told.below,
    )
    kind.draw_texts(page, context)
    return DrawnGraph(plan, data, page.figure, told)


def draw(task: Task) -> DrawnFigure:
    """Draw a graph and return its files.

    Raises
    ------
    GraphError
        It cannot be drawn as asked.
    """
    graph = draw_graph(task.plan, task.extract)
    files = render(graph.figure, task.origin, graph.note, task.formats, theme=task.spec.theme)
    written = "".join(text.get_text() for text in graph.figure.findobj(Text))
    data = _data(graph) if task.is_for_report else b""
    return DrawnFigure(files, graph.note, data, style.missing_glyphs(written))


def _data(graph: DrawnGraph) -> bytes:
    stream = io.StringIO(newline="")
    write_rows(stream, list(KINDS[graph.plan.rules.name].rows(graph.plan, graph.data)))
    return stream.getvalue().encode()


def render(
    figure: Figure, origin: Origin, told: Note, formats: Sequence[str], *, theme: ThemeName = "light"
) -> dict[str, bytes]:
    """Return a figure in each of `formats`, with its origin and what is said about it as metadata."""
    files = {}
    for form in formats:
        written = io.BytesIO()
        with style.theme(theme):
            figure.savefig(written, format=form, dpi=style.DPI, metadata=metadata_for(form, origin, told))
        content = written.getvalue()
        # Texts are written into comments too, where XML forbids control characters even as references.
        files[form] = add_digest(_NOT_IN_XML.sub(b"?", content) if form == "svg" else content)
    return files
