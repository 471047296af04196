"""One figure to draw, with everything that is needed for it: a process without a database can do it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.data.plan import Plan
from meta.graphs.provenance.note_text import Note
from meta.graphs.provenance.origin import Origin
from meta.records.errors import GraphError
from meta.records.series_records import SeriesRecords
from meta.statistics.estimators.curves import MAX_STEPS

#: Measured on one core: a figure with its files, a step of a curve with 10,000 resamples, a reading.
_FIGURE_S, _STEP_S, _READING_S = 0.25, 3e-4, 4e-7


@dataclass(frozen=True)
class Task:
    """One figure to draw.

    Attributes
    ----------
    name : str
        Of the graph.
    plan : Plan
    extract : SeriesRecords
        What it is drawn from.
    origin : Origin
        What its files will carry.
    is_for_report : bool
        Whether a PNG file and the numbers are wanted too.
    """

    name: str
    plan: Plan
    extract: SeriesRecords
    origin: Origin
    is_for_report: bool = False

    @property
    def spec(self) -> GraphSpec:
        """The request that it is drawn for."""
        return self.plan.spec

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats of its files."""
        return tuple(dict.fromkeys((*self.spec.formats, *(["png"] if self.is_for_report else []))))

    def estimate_s(self) -> float:
        """Return about how long drawing it takes on one core, in seconds."""
        curves = [curve for by_experiment in self.extract.curves.values() for curve in by_experiment.values()]
        steps = min(MAX_STEPS, max((len(curve.steps) for curve in curves), default=0))
        readings = sum(len(curve.readings) for curve in curves)
        return _FIGURE_S + _STEP_S * steps * len(self.extract.configurations) + _READING_S * readings


@dataclass(frozen=True)
class Failure:
    """Why a figure could not be drawn.

    Attributes
    ----------
    message : str
    details : str or None
        A traceback, where the cause is a defect and not what was asked for.
    """

    message: str
    details: str | None = None


def failure(error: Exception) -> Failure:
    """Return an error as a failure: a graph that cannot be drawn, or a defect with its traceback."""
    if isinstance(error, GraphError):
        return Failure(str(error))
    return Failure(f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))


@dataclass(frozen=True)
class DrawnFigure:
    """A figure that was drawn.

    Attributes
    ----------
    files : mapping of str to bytes
        By their format.
    note : Note
        What is said about it.
    data : bytes
        The numbers that it shows, as CSV; nothing unless they were asked for.
    missing_glyphs : str
        The letters that are drawn as boxes, as no installed font has them.
    """

    files: Mapping[str, bytes]
    note: Note
    data: bytes
    missing_glyphs: str = ""


#: A drawn figure, or why it was not drawn.
DrawResult = DrawnFigure | Failure
