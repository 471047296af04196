"""One graph from beginning to end: plan, numbers, figure, files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from experiments.series_file.graphs import GraphSpec
from meta.graphs import bar, box, curve, layout, line, style, ticks
from meta.graphs.axis import ParameterAxis
from meta.graphs.embedding import metadata_of, seal
from meta.graphs.notes import note
from meta.graphs.origin import Origin
from meta.graphs.panels import Numbers, Panel, compute
from meta.graphs.plan import Plan, make_plan
from meta.graphs.records import SeriesRecords
from meta.graphs.tasks import Task

_DRAW = {"line": line.draw, "bar": bar.draw, "box": box.draw}
_HANDLE = {"line": line.handle, "bar": bar.handle, "box": box.handle}


@dataclass(frozen=True)
class _Entries:
    """The entries of the legend: what each line of the figure is called, by its number."""

    labels: dict[int, str]

    @classmethod
    def of(cls, panels: Sequence[Panel]) -> _Entries:
        return cls(
            dict(sorted({line.number: line.label for panel in panels for line in panel.lines}.items()))
        )

    @property
    def count(self) -> int:
        return max(self.labels) + 1


def make_figure(spec: GraphSpec, records: SeriesRecords) -> Figure:
    """Compute and draw one graph.

    Raises
    ------
    GraphError
        It cannot be drawn as asked.
    """
    plan = make_plan(spec, records)
    numbers = compute(plan, records)
    with style.theme():
        return _drawn(plan, numbers, records)


def _drawn(plan: Plan, numbers: Numbers, records: SeriesRecords) -> Figure:
    entries = _Entries.of(numbers.panels)
    axis = None if plan.is_curve else ParameterAxis.of(plan.values[plan.x], numeric=plan.kind == "line")
    slots = len(axis.labels) * entries.count if axis is not None and plan.kind in {"bar", "box"} else 0
    page = layout.new_page(len(numbers.panels), slots=slots)
    for axes, panel in zip(page.axes, numbers.panels, strict=True):
        if axis is None:
            curve.draw(axes, panel.lines)
        else:
            _DRAW[plan.kind](axes, panel.lines, axis, count=entries.count)
            axis.set_up(axes)
        if panel.title:
            axes.set_title(panel.title)
    layout.label_axes(page, x=plan.x, y=plan.y_label())
    layout.finish(
        page,
        higher_by=ticks.settle(page.figure, page.axes),
        title=plan.title,
        legend_title=plan.hues[0] if len(plan.hues) == 1 else None,
        entries=[
            (_handle(plan, numbers, number), label) for number, label in entries.labels.items() if plan.hues
        ],
        note=note(plan, numbers, records, mark=_mark(numbers, has_bands=axis is None or axis.is_numeric)),
    )
    return page.figure


def _handle(plan: Plan, numbers: Numbers, number: int) -> Artist:
    if not plan.is_curve:
        return _HANDLE[plan.kind](number)
    lines = [line for panel in numbers.panels for line in panel.lines if line.number == number]
    return curve.handle(number, lines)


def _mark(numbers: Numbers, *, has_bands: bool) -> str:
    """Return what intervals are drawn as: where there would be bands, a lone point still has whiskers."""
    lines = [line for panel in numbers.panels for line in panel.lines if (line.interval.count > 1).any()]
    alone = [not has_bands or len(line.x) == 1 for line in lines]
    return "whiskers" if all(alone) else "band, or whiskers at single points" if any(alone) else "band"


def draw(task: Task) -> dict[str, bytes]:
    """Draw a graph and return its files by their format.

    Raises
    ------
    GraphError
        It cannot be drawn as asked.
    """
    return render(make_figure(task.spec, task.extract), task.origin, task.formats)


def render(figure: Figure, origin: Origin, formats: Sequence[str]) -> dict[str, bytes]:
    """Return a figure in each of `formats`; it carries where it comes from."""
    files = {}
    for form in formats:
        written = io.BytesIO()
        with style.theme():
            figure.savefig(written, format=form, dpi=style.DPI, metadata=metadata_of(form, origin))
        files[form] = seal(written.getvalue())
    return files
