"""The live display, which redraws the progress of a terminal in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.control import Control
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
from rich.segment import ControlType, Segment
from rich.table import Column
from rich.text import Text

from experiments.execution.assignment import WorkerStatus
from experiments.progress.format import numbers, remarks, slowest_text
from experiments.progress.model import Display, RunProgress

#: An experiment that has run for less than this is not shown as the slowest.
_SLOW_S = 1.0
#: Narrower terminals get the bar on a line of its own.
_NARROW = 60


class LiveDisplay(Display):
    """A bar with figures below it.

    Parameters
    ----------
    console : Console, optional
        Where it is drawn; by default the terminal that stderr is.
    every_s : float
        How often it is redrawn, in seconds.
    """

    is_live = True

    def __init__(self, console: Console | None = None, every_s: float = 0.25) -> None:
        self.every_s = every_s
        self._console = console
        self._view: _View | None = None

    def update(self, progress: RunProgress) -> None:
        """Redraw."""
        self._started().show(progress)

    def message(self, level: str, text: str) -> None:
        """Print a message above."""
        self._started().console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Erase the view; the summary follows."""
        if self._view is not None:
            self._view.stop()
        self._view = None

    def _started(self) -> _View:
        if self._view is None:
            self._view = _View(self._console or Console(stderr=True))
            self._view.start()
            self._view.console.show_cursor(True)  # a killed process cannot show it again
        return self._view


def live_on_stdout() -> LiveDisplay:
    """Return a live display on stdout, whichever file stdout currently is."""
    return LiveDisplay(Console())


class _View(Progress):
    """A line or two with the bar, and lines of text below."""

    def __init__(self, console: Console) -> None:
        self._rows: list[tuple[ProgressColumn, ...]] = []
        self._lines: list[Text] = []
        self._width = console.width
        super().__init__(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, expand=True
        )
        self._task = self.add_task("")

    def show(self, progress: RunProgress) -> None:
        """Draw this progress in place of what was drawn before."""
        if self.console.width != self._width:
            self._erase_wrapped_lines()
        self._rows, self._lines = _bar(progress, self._width), _lines(progress)
        self.update(
            self._task,
            description=progress.series,
            completed=progress.done,
            total=progress.wanted,
            refresh=True,
        )

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the rows of the bar, then the lines below."""
        for columns in self._rows:
            self.columns = columns
            yield self.make_tasks_table(self.tasks)
        yield from self._lines

    def _erase_wrapped_lines(self) -> None:
        """Erase the lines that a terminal which became narrower has wrapped: rich does not count them."""
        before, self._width = self._width, self.console.width
        drawn = self.console.render_lines(
            self.get_renderable(), self.console.options.update(width=before), pad=False
        )
        wrapped = sum(max(0, Segment.get_line_length(line) - 1) // self._width for line in drawn)
        up = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
        self.console.control(Control(ControlType.CARRIAGE_RETURN, *(up * wrapped)))


def _bar(progress: RunProgress, width: int) -> list[tuple[ProgressColumn, ...]]:
    """Return the rows of name, bar and count for a terminal of `width` columns."""
    style = "red" if progress.counts.failed else "green"
    is_narrow = width < _NARROW
    name_column = Column(
        no_wrap=True, ratio=1 if is_narrow else None, max_width=None if is_narrow else width // 3
    )
    name = TextColumn("{task.description}", style="bold", markup=False, table_column=name_column)
    done = TextColumn(
        "{task.completed}/{task.total}",
        style="",
        markup=False,
        table_column=Column(no_wrap=True, justify="right"),
    )
    bar = BarColumn(None, complete_style=style, finished_style=style, table_column=Column(ratio=1))
    return [(name, done), (bar,)] if is_narrow else [(name, bar, done)]


def _lines(progress: RunProgress) -> list[Text]:
    running, *others = numbers(progress)
    texts = [", ".join([running, f"{progress.counts.pending} pending", *others])]
    slowest = progress.slowest
    if slowest is not None and slowest.busy_s >= _SLOW_S:
        texts.append(f"slowest: {slowest_text(slowest)}")
    if progress.status.workers:
        texts.append(_workers_text(progress.status.workers))
    return [Text(text, "dim") for text in texts] + [Text(remark, "yellow") for remark in remarks(progress)]


def _workers_text(workers: Sequence[WorkerStatus]) -> str:
    text = f"{len(workers)} worker{'s' if len(workers) != 1 else ''}"
    known = [worker for worker in workers if worker.memory_bytes is not None]
    if known:
        largest = max(known, key=lambda worker: worker.memory_bytes or 0)
        text += f" with {_size(sum(worker.memory_bytes or 0 for worker in known))}"
        if len(known) > 1:
            text += f", the largest {_size(largest.memory_bytes or 0)}"
            text += f" (experiment {largest.experiment})" if largest.experiment is not None else ""
    return text


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
