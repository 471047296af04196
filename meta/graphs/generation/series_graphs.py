"""The graphs of series: requested graphs are drawn, unless their files are up to date."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from experiments.output.results_folder import ResultsFolder, write_atomically
from meta.graphs.figure.task import DrawnFigure, Failure, Task
from meta.graphs.generation.process_pool import DrawingPool
from meta.graphs.generation.requests import figure_requests
from meta.graphs.provenance.manifest import OutputLocation
from meta.records.selection.chosen_series import ChosenSeries, read_each
from meta.records.selection.subsets import GraphRecords, read_series

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GraphResult:
    """The outcome of one graph.

    Attributes
    ----------
    series : str
        The name of the series.
    name : str
        The name of the graph, which its files have too.
    paths : tuple of Path
        The files that show it.
    error : str or None
        Why there are none, although they were requested or there is nothing to draw yet.
    note : str or None
        Why there are none, where this graph was not requested, or in what they differ from what was.
    unchanged : bool
        Whether the files were up to date, and were not written again.
    """

    series: str
    name: str
    paths: tuple[Path, ...] = ()
    error: str | None = None
    note: str | None = None
    unchanged: bool = False


@dataclass(frozen=True)
class GraphProgress:
    """The graph that is finished, and how many of its series are."""

    result: GraphResult
    done: int
    count: int


def draw_graphs(
    session: Session,
    chosen: Iterable[ChosenSeries],
    *,
    force: bool = False,
    workers: int | None = None,
    on_progress: Callable[[GraphProgress], None] = lambda _progress: None,
) -> list[GraphResult]:
    """Draw the graphs of one series after the other.

    Parameters
    ----------
    session : Session
    chosen : iterable of ChosenSeries
    force : bool
        Draw unchanged figures too.
    workers : int, optional
        How many processes draw at most, by default one per core.
    on_progress : callable, optional
        Called after each graph.

    Raises
    ------
    NotFoundError
        A series was deleted meanwhile.
    """
    results = []
    with DrawingPool(workers) as pool:
        for series, records in read_each(session, chosen, read_series):
            location = OutputLocation.of(series, ResultsFolder.graphs)
            results += _SeriesGraphs(records, location, pool).draw(force=force, on_progress=on_progress)
    return results


@dataclass(frozen=True)
class _SeriesGraphs:
    """The graphs of one series, which are drawn by a pool."""

    records: GraphRecords
    location: OutputLocation
    pool: DrawingPool

    @property
    def series(self) -> str:
        """The name of the series."""
        return self.records.common.name

    def draw(self, *, force: bool, on_progress: Callable[[GraphProgress], None]) -> list[GraphResult]:
        """Draw what the series requests, or default graphs where it requests none."""
        requests = figure_requests(self.records)
        if not (requests.tasks or requests.note):
            where = self.records.common.where
            only = "" if where is None else f", where {where},"
            missing = (
                f"the series {self.series!r}{only} has no metric or result with a finite number to draw yet"
            )
            error = self.records.common.nothing_chosen() or missing
            return [GraphResult(self.series, "graphs", error=error)]
        results: dict[str, GraphResult] = {}
        for result in self._finished(requests.tasks, force=force):
            results[result.name] = result
            on_progress(GraphProgress(result, len(results), len(requests.tasks)))
        in_order = [results[name] for name in requests.tasks]
        if requests.tasks:
            written = [requests.tasks[result.name] for result in in_order if result.paths]
            self.location.record(self._origins(written), requests.tasks)
        if requests.note:
            _log.info("%s: %s", self.series, requests.note)
            in_order.append(GraphResult(self.series, "graphs", note=requests.note))
        return in_order

    def _finished(self, requested: Mapping[str, Task | Failure], *, force: bool) -> Iterator[GraphResult]:
        """Yield the outcome of each graph as soon as it is known; unchanged ones first."""
        origins = self._origins(requested.values())
        unchanged = set() if force else self.location.up_to_date(origins)
        tasks = []
        for name, task in requested.items():
            if isinstance(task, Failure):
                yield self._failed(name, task)
            elif unchanged.issuperset(paths := self._paths(task)):
                yield GraphResult(self.series, name, paths, unchanged=True)
            else:
                tasks.append(task)
        for task, drawn in self.pool.draw(tasks):
            yield self._failed(task.name, drawn) if isinstance(drawn, Failure) else self._written(task, drawn)

    def _paths(self, task: Task) -> tuple[Path, ...]:
        return tuple(self.location.directory / f"{task.name}.{form}" for form in task.formats)

    def _origins(self, requested: Iterable[Task | Failure]) -> dict[Path, str]:
        """Return for each file of figures the digest of the origin it is to have."""
        tasks = [task for task in requested if isinstance(task, Task)]
        return {path: task.origin.digest() for task in tasks for path in self._paths(task)}

    def _written(self, task: Task, drawing: DrawnFigure) -> GraphResult:
        paths = self._paths(task)
        try:
            for path, form in zip(paths, task.formats, strict=True):
                write_atomically(path, drawing.files[form])
        except OSError as error:
            return self._failed(task.name, Failure(f"it could not be written: {error}"))
        with contextlib.suppress(OSError):  # the figure is there; what is wrong is reported at the end
            self.location.note(self._origins([task]))
        if not drawing.missing_glyphs:
            return GraphResult(self.series, task.name, paths)
        boxes = f"no installed font has {drawing.missing_glyphs}: boxes are drawn instead"
        note = f"{boxes}; install one such as Noto Sans CJK"
        _log.warning("%s: graph %s: %s", self.series, task.name, note)
        return GraphResult(self.series, task.name, paths, note=note)

    def _failed(self, name: str, failure: Failure) -> GraphResult:
        if failure.details is None:
            _log.warning("%s: graph %s: %s", self.series, name, failure.message)
        else:
            _log.error("%s: graph %s could not be drawn\n%s", self.series, name, failure.details)
        return GraphResult(self.series, name, error=failure.message)
