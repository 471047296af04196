"""Progress as a picture that redraws itself in its place, for people at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiments.progress.format import numbers, remarks, slowest_text
from experiments.progress.model import Progress

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

#: What runs for less than this is nothing to wait for.
_SLOW_S = 1.0
#: Narrower terminals get the bar on a line of its own.
_NARROW = 60


class LiveDisplay:
    """A bar with figures below it.

    Parameters
    ----------
    console : Console, optional
        Where it is drawn; by default the terminal that stderr is.
    every_s : float
        How often it is redrawn, in seconds.
    """

    draws_last = False

    def __init__(self, console: Console | None = None, every_s: float = 0.25) -> None:
        self.every_s = every_s
        self._console = console
        self._live: Live | None = None
        self._width = 0
        self._drawn: RenderableType | None = None

    def update(self, progress: Progress) -> None:
        """Redraw."""
        live = self._begun()
        if live.console.width != self._width:
            self._erase_broken_lines(live)
        self._drawn = picture(progress, self._width)
        live.update(self._drawn, refresh=True)

    def tell(self, level: str, message: str) -> None:
        """Print a message above."""
        self._begun().console.print(message, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take it away; the summary follows."""
        live, self._live, self._drawn = self._live, None, None
        if live is not None:
            live.stop()

    def end(self, summary: Mapping[str, Any]) -> None:
        """Draw nothing: the command tells what came of it."""

    def _begun(self) -> Live:
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            console = self._console or Console(stderr=True)
            self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False)
            self._width = console.width
            self._live.start()
            console.show_cursor(True)  # whoever is killed cannot show it again
        return self._live

    def _erase_broken_lines(self, live: Live) -> None:
        """After the terminal became narrower: it has broken the lines drawn before into more of them."""
        from rich.control import Control
        from rich.segment import ControlType, Segment

        console, before = live.console, self._width
        self._width = console.width
        if self._drawn is None or self._width >= before:
            return
        lines = console.render_lines(self._drawn, console.options.update(width=before), pad=False)
        widths = [Segment.get_line_length(line) for line in lines]
        more = sum(max(0, width - 1) // self._width for width in widths)
        up = ((ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1))
        console.control(Control(ControlType.CARRIAGE_RETURN, *(up * more)))


def picture(progress: Progress, width: int) -> RenderableType:
    """Return what is drawn for a terminal of that many columns."""
    from rich.console import Group
    from rich.text import Text

    running, *others = numbers(progress)
    figures = ", ".join([running, f"{progress.counts.pending} pending", *others])
    lines: list[RenderableType] = [_bar(progress, width), _line(figures)]
    slowest = progress.slowest
    if slowest is not None and slowest.busy_s >= _SLOW_S:
        lines.append(_line(f"slowest: {slowest_text(slowest)}"))
    if progress.workers:
        lines.append(_line(_workers_text(progress)))
    lines += [Text(remark, style="yellow") for remark in remarks(progress)]
    return Group(*lines)


def _line(text: str) -> Text:
    from rich.text import Text

    return Text(text, style="dim")


def _bar(progress: Progress, width: int) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    name = Text(progress.series, style="bold", no_wrap=True, overflow="ellipsis")
    done = Text(f"{progress.done}/{progress.wanted}", no_wrap=True)
    style = "red" if progress.counts.failed else "green"
    bar = ProgressBar(
        total=progress.wanted,
        completed=progress.done,
        complete_style=style,
        finished_style=style,
    )
    grid = Table.grid(padding=(0, 1), expand=True)
    if width < _NARROW:
        grid.add_column(ratio=1)
        grid.add_column(justify="right")
        grid.add_row(name, done)
        whole = Table.grid(expand=True)
        whole.add_row(grid)
        whole.add_row(bar)
        return whole
    grid.add_column(max_width=width // 3)
    grid.add_column(ratio=1)
    grid.add_column(justify="right")
    grid.add_row(name, bar, done)
    return grid


def _workers_text(progress: Progress) -> str:
    workers = progress.workers
    text = f"{len(workers)} worker{'s' if len(workers) != 1 else ''}"
    known = [worker for worker in workers if worker.memory_bytes is not None]
    if known:
        largest = max(known, key=lambda worker: worker.memory_bytes or 0)
        text += f" with {_size(sum(worker.memory_bytes or 0 for worker in known))}"
        if len(known) > 1:
            text += f", the largest {_size(largest.memory_bytes or 0)}"
            text += f" (experiment {largest.experiment_id})" if largest.experiment_id is not None else ""
    return text


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
