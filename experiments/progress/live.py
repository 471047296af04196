"""The live display, which redraws the progress of a terminal in place."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import ControlType, Segment
from rich.table import Column, Table
from rich.text import Text

from experiments.execution.assignment import WorkerStatus
from experiments.progress.format import failure_text, numbers, remarks, slowest_text
from experiments.progress.model import Display, RunProgress
from experiments.units import many

#: An experiment that has run for less than this is not shown as the slowest.
_SLOW_S = 1.0
#: Narrower terminals get the bar on a line of its own.
_NARROW = 60


class LiveDisplay(Display):
    """A bar with figures below it.

    Parameters
    ----------
    console : Console
        Where it is drawn.
    """

    every_s = 0.25
    is_live = True
    told_after_s = 0.1

    def __init__(self, console: Console) -> None:
        self._console = console
        self._width = console.width
        self._live: Live | None = None

    def begin_preparation(self, text: str) -> None:
        """Write the preparation, with the cursor at its beginning: what others write is written over it."""
        self._console.file.write(f"{set_cell_size(text, min(cell_len(text), self._console.width - 1))}\r")
        self._console.file.flush()

    def end_preparation(self) -> None:
        """Erase the preparation."""
        self._console.file.write("\x1b[K")
        self._console.file.flush()

    def update(self, progress: RunProgress) -> None:
        """Redraw."""
        live = self._started()
        if self._console.width != self._width:
            self._erase_wrapped_lines(live)
        live.update(Group(*_bar(progress, self._width), *_lines(progress)), refresh=True)

    def message(self, level: str, text: str) -> None:
        """Print a message above."""
        self._started().console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Erase the view; the summary follows."""
        if self._live is not None:
            self._live.stop()
        self._live = None

    def _started(self) -> Live:
        if self._live is None:
            self._width = self._console.width
            self._live = Live(
                console=self._console, auto_refresh=False, transient=True, redirect_stdout=False
            )
            self._live.start(refresh=True)
            self._console.show_cursor(True)  # a killed process cannot show it again
        return self._live

    def _erase_wrapped_lines(self, live: Live) -> None:
        """Erase the lines that a terminal which became narrower has wrapped: rich does not count them."""
        before, self._width = self._width, self._console.width
        drawn = self._console.render_lines(
            live.get_renderable(), self._console.options.update(width=before), pad=False
        )
        wrapped = sum(max(0, Segment.get_line_length(line) - 1) // self._width for line in drawn)
        up = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
        self._console.control(Control(ControlType.CARRIAGE_RETURN, *(up * wrapped)))


def _bar(progress: RunProgress, width: int) -> list[Table]:
    """Return the rows of name, bar and count for a terminal of `width` columns."""
    style = "red" if progress.counts.failed else "green"
    is_narrow = width < _NARROW
    name = Text(progress.series, "bold")
    name_column = Column(
        no_wrap=True, ratio=1 if is_narrow else None, max_width=None if is_narrow else width // 3
    )
    done = Text(f"{progress.done}/{progress.wanted}")
    done_column = Column(no_wrap=True, justify="right")
    bar = ProgressBar(progress.wanted, progress.done, complete_style=style, finished_style=style)
    bar_column = Column(ratio=1)
    if is_narrow:
        return [_row((name, name_column), (done, done_column)), _row((bar, bar_column))]
    return [_row((name, name_column), (bar, bar_column), (done, done_column))]


def _row(*cells: tuple[RenderableType, Column]) -> Table:
    row = Table.grid(*(column for _, column in cells), padding=(0, 1), expand=True)
    row.add_row(*(cell for cell, _ in cells))
    return row


def _lines(progress: RunProgress) -> list[Text]:
    running, *others = numbers(progress)
    figures = Text(", ".join([running, f"{progress.counts.pending} pending", *others]), "dim")
    failure = progress.latest_failure
    causes = [] if failure is None else [failure_text(failure)]
    texts = []
    slowest = progress.slowest
    if slowest is not None and slowest.busy_s >= _SLOW_S:
        texts.append(f"slowest: {slowest_text(slowest)}")
    if progress.status.workers:
        texts.append(_workers_text(progress.status.workers))
    return [
        figures,
        *(Text(cause, "red", no_wrap=True, overflow="ellipsis") for cause in causes),
        *(Text(text, "dim") for text in texts),
        *(Text(remark, "yellow") for remark in remarks(progress)),
    ]


def _workers_text(workers: Sequence[WorkerStatus]) -> str:
    text = many(len(workers), "worker")
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
