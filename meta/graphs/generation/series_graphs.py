"""A generation of graphs: what each series asks for is drawn, unless its files already show the very same."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session

from experiments.output.results_folder import ResultsFolder, write_atomically
from meta.graphs.figure.task import Drawn, Failure, Task
from meta.graphs.generation.process_pool import DrawingPool
from meta.graphs.generation.requests import figure_requests
from meta.graphs.provenance import manifest
from meta.graphs.provenance.output_location import OutputLocation
from meta.records.chosen_series import ChosenSeries, read_each
from meta.records.subsets import GraphRecords, read_series

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GraphResult:
    """What became of one graph.

    Attributes
    ----------
    series : str
        The name of the series.
    name : str
        The name of the graph, which its files have too.
    paths : tuple of Path
        The files that show it.
    error : str or None
        Why there are none, although they were asked for or there is nothing to draw yet.
    note : str or None
        Why there are none, where nobody asked for this graph, or what they show otherwise than asked for.
    unchanged : bool
        Whether the files showed the very same before, and were left alone.
    """

    series: str
    name: str
    paths: tuple[Path, ...] = ()
    error: str | None = None
    note: str | None = None
    unchanged: bool = False


@dataclass(frozen=True)
class Progress:
    """The graph that is finished, and how many of its series are."""

    result: GraphResult
    done: int
    count: int


class Generation:
    """Draws the graphs of one series after the other; a context manager.

    Parameters
    ----------
    force : bool
        Draw unchanged figures too.
    workers : int, optional
        How many processes draw at most; by default one per core.
    tell : callable, optional
        Called with the `Progress` after each graph.
    """

    def __init__(
        self,
        *,
        force: bool = False,
        workers: int | None = None,
        tell: Callable[[Progress], None] = lambda _progress: None,
    ) -> None:
        self._force = force
        self._pool = DrawingPool(workers)
        self._tell = tell

    def __enter__(self) -> Self:
        self._pool.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, where)

    def draw(self, session: Session, chosen: Iterable[ChosenSeries]) -> list[GraphResult]:
        """Draw the graphs of series, in their order.

        Raises
        ------
        NotFoundError
            A series was deleted meanwhile.
        """
        return [
            result
            for one, records in read_each(session, chosen, read_series)
            for result in self._draw(records, OutputLocation.of(one, ResultsFolder.graphs))
        ]

    def _draw(self, records: GraphRecords, location: OutputLocation) -> list[GraphResult]:
        """Draw what a series asks for, or sensible ones where it asks for none; report each."""
        series = records.common.name
        requests = figure_requests(records)
        if not (requests.tasks or requests.note):
            error = f"the series {series!r} has neither metrics nor numeric results to draw yet"
            return [GraphResult(series, "graphs", error=error)]
        results: dict[str, GraphResult] = {}
        for result in self._finished(requests.tasks, series, location):
            results[result.name] = result
            self._tell(Progress(result, len(results), len(requests.tasks)))
        in_order = [results[name] for name in requests.tasks]
        if requests.tasks:
            _remove_unwanted(in_order, requests.tasks, series, location)
        if requests.note:
            _log.info("%s: %s", series, requests.note)
            in_order.append(GraphResult(series, "graphs", note=requests.note))
        return in_order

    def _finished(
        self, wanted: Mapping[str, Task | Failure], series: str, location: OutputLocation
    ) -> Iterator[GraphResult]:
        """Yield what became of each graph as soon as it is known; unchanged ones first."""
        origins = _origins([task for task in wanted.values() if isinstance(task, Task)], location.directory)
        unchanged = set() if self._force else manifest.up_to_date(location.directory, location.owner, origins)
        tasks = []
        for name, task in wanted.items():
            if isinstance(task, Failure):
                yield _failed(series, name, task)
            elif unchanged.issuperset(paths := _paths(task, location.directory)):
                yield GraphResult(series, name, paths, unchanged=True)
            else:
                tasks.append(task)
        for task, drawn in self._pool.draw(tasks):
            yield _written(task, drawn, location)


def _paths(task: Task, directory: Path) -> tuple[Path, ...]:
    return tuple(directory / f"{task.name}.{form}" for form in task.formats)


def _origins(tasks: Iterable[Task], directory: Path) -> dict[Path, str]:
    """Return the digest of what each file of figures is to show."""
    return {path: task.origin.digest() for task in tasks for path in _paths(task, directory)}


def _written(task: Task, drawn: Drawn, location: OutputLocation) -> GraphResult:
    series = task.origin.series
    if isinstance(drawn, Failure):
        return _failed(series, task.name, drawn)
    paths = _paths(task, location.directory)
    try:
        for path, form in zip(paths, task.formats, strict=True):
            write_atomically(path, drawn.files[form])
    except OSError as error:
        return _failed(series, task.name, Failure(f"it could not be written: {error}"))
    with contextlib.suppress(OSError):  # the figure is there; what is wrong is told at the end
        manifest.note(location.directory, location.owner, _origins([task], location.directory))
    if not drawn.boxes:
        return GraphResult(series, task.name, paths=paths)
    note = f"no installed font has {drawn.boxes}: boxes are drawn instead; install one such as Noto Sans CJK"
    _log.warning("%s: graph %s: %s", series, task.name, note)
    return GraphResult(series, task.name, paths=paths, note=note)


def _failed(series: str, name: str, failure: Failure) -> GraphResult:
    if failure.details is None:
        _log.warning("%s: graph %s: %s", series, name, failure.message)
    else:
        _log.error("%s: graph %s could not be drawn\n%s", series, name, failure.details)
    return GraphResult(series, name, error=failure.message)


def _remove_unwanted(
    results: Sequence[GraphResult], tasks: Mapping[str, Task | Failure], series: str, location: OutputLocation
) -> None:
    """Remove the files of graphs that the series no longer asks for."""
    drawn = [task for result in results if result.paths and isinstance(task := tasks[result.name], Task)]
    try:
        removed = manifest.record(
            location.directory,
            location.owner,
            written=_origins(drawn, location.directory),
            names=list(tasks),
        )
    except OSError as error:  # the graphs are there, and that is what was wanted
        _log.warning(
            "%s: graphs no longer asked for may still lie in %s: %s", series, location.directory, error
        )
        return
    for path in removed:
        _log.info("%s: removed %s, which the series no longer asks for", series, path)
