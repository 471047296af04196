"""A generation of graphs: what each series asks for is drawn, unless its files already show the very same."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from experiments.output.results_folder import write_atomically
from meta.graphs.figure.task import Drawn, Failure, Task
from meta.graphs.generation.process_pool import Studio
from meta.graphs.generation.requests import wishes_of
from meta.graphs.provenance import manifest
from meta.graphs.provenance.file_metadata import read_signed
from meta.records.subsets import Reading

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
class Place:
    """Where the graphs of a series go, and what the index there calls the series: its name may change."""

    directory: Path
    owner: str


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
        self._studio = Studio(workers)
        self._tell = tell

    def __enter__(self) -> Self:
        self._studio.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._studio.__exit__(kind, error, where)

    def draw(self, reading: Reading, place: Place) -> list[GraphResult]:
        """Draw what a series asks for, or sensible ones where it asks for none; tell what became of each."""
        series = reading.common.name
        wishes = wishes_of(reading)
        if not (wishes.tasks or wishes.note):
            error = f"the series {series!r} has neither metrics nor numeric results to draw yet"
            return [GraphResult(series, "graphs", error=error)]
        results: dict[str, GraphResult] = {}
        for result in self._finished(wishes.tasks, series, place.directory):
            results[result.name] = result
            self._tell(Progress(result, len(results), len(wishes.tasks)))
        in_order = [results[name] for name in wishes.tasks]
        if wishes.tasks:
            _remove_unwanted(in_order, series, place)
        if wishes.note:
            _log.info("%s: %s", series, wishes.note)
            in_order.append(GraphResult(series, "graphs", note=wishes.note))
        return in_order

    def _finished(
        self, wanted: Mapping[str, Task | Failure], series: str, directory: Path
    ) -> Iterator[GraphResult]:
        """Yield what became of each graph as soon as it is known; unchanged ones first."""
        tasks = []
        for name, task in wanted.items():
            if isinstance(task, Failure):
                yield _failed(series, name, task)
            elif not self._force and _is_unchanged(task, directory):
                yield GraphResult(series, name, _paths(task, directory), unchanged=True)
            else:
                tasks.append(task)
        for task, drawn in self._studio.draw(tasks):
            yield _written(task, drawn, directory)


def _paths(task: Task, directory: Path) -> tuple[Path, ...]:
    return tuple(directory / f"{task.name}.{form}" for form in task.formats)


def _is_unchanged(task: Task, directory: Path) -> bool:
    """Say whether all files of a figure are whole and say that they show the very same."""
    try:
        signed = [read_signed(path) for path in _paths(task, directory)]
    except OSError:  # one of them is not there
        return False
    return all(one is not None and one.is_intact and one.origin == task.origin for one in signed)


def _written(task: Task, drawn: Drawn, directory: Path) -> GraphResult:
    series = task.origin.series
    if isinstance(drawn, Failure):
        return _failed(series, task.name, drawn)
    paths = _paths(task, directory)
    try:
        for path, form in zip(paths, task.formats, strict=True):
            write_atomically(path, drawn.files[form])
    except OSError as error:
        return _failed(series, task.name, Failure(f"it could not be written: {error}"))
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


def _remove_unwanted(results: Sequence[GraphResult], series: str, place: Place) -> None:
    """Remove the files of graphs that the series no longer asks for."""
    try:
        removed = manifest.record(
            place.directory,
            place.owner,
            written=[path for result in results for path in result.paths],
            names=[result.name for result in results],
        )
    except OSError as error:  # the graphs are there, and that is what was wanted
        _log.warning("%s: graphs no longer asked for may still lie in %s: %s", series, place.directory, error)
        return
    for path in removed:
        _log.info("%s: removed %s, which the series no longer asks for", series, path)
