"""Drawing several figures at once, in processes that know nothing but what they are handed.

They are started when there is more to draw than their start costs, serve all series of a generation, and hand
the files back instead of writing them: killing one leaves nothing behind, and costs one figure.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import connection
from types import TracebackType
from typing import Any, Self

from experiments.processes.thread_limits import capped_environment
from meta.graphs.figure.task import Drawn, Failure, Task
from meta.graphs.generation.pool_worker import command, draw_safely
from meta.graphs.generation.shared_arrays import Handover

#: So much longer, in seconds, does drawing take for the start of processes: each imports what draws.
_START_S = 2.0
#: A process that has hung up is dead within so many seconds.
_DEATH_S = 5.0


@dataclass
class _Artist:
    """A process that draws."""

    process: subprocess.Popen[bytes]
    pipe: Any
    task: Task | None = None


class Studio:
    """Draws figures; a context manager that ends its processes.

    Parameters
    ----------
    workers : int, optional
        How many processes at most, by default one per core of this process; with 1 this process draws.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()
        self._artists: list[_Artist] = []
        self._handover: Handover | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        for artist in self._artists:
            _end(artist)
        self._artists.clear()
        if self._handover is not None:
            self._handover.close()
            self._handover = None

    def draw(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Drawn]]:
        """Yield each figure when it is drawn."""
        if not self._has_use_for_processes(tasks):
            for task in tasks:
                yield task, draw_safely(task)
            return
        if self._handover is None:
            self._handover = Handover()
        yield from self._in_processes(deque(tasks), self._handover)
        self._handover.clear()

    def _has_use_for_processes(self, tasks: Sequence[Task]) -> bool:
        several = min(self.workers, len(tasks))
        alone_s = sum(task.estimate_s() for task in tasks)
        start_s = 0.0 if self._artists else _START_S
        return several > 1 and start_s + alone_s / several < alone_s

    def _in_processes(self, waiting: deque[Task], handover: Handover) -> Iterator[tuple[Task, Drawn]]:
        while len(self._artists) < min(self.workers, len(waiting)):
            self._artists.append(self._hire(handover))
        while waiting or any(artist.task for artist in self._artists):
            for artist in self._artists:
                if waiting and artist.task is None:
                    task = waiting.popleft()
                    try:
                        packed = handover.pack(task)
                    except OSError as error:
                        yield task, Failure(f"it could not be handed to the process that draws: {error}")
                        continue
                    artist.task = task
                    with contextlib.suppress(OSError):  # it has died, which is found out below
                        artist.pipe.send(packed)
            busy = {artist.pipe: artist for artist in self._artists if artist.task}
            for pipe in connection.wait(list(busy)):
                yield self._answer(busy[pipe], handover)

    def _answer(self, artist: _Artist, handover: Handover) -> tuple[Task, Drawn]:
        """Return what a process has drawn; one that has died is replaced."""
        task, artist.task = artist.task, None
        assert task is not None
        try:
            drawn: Drawn = artist.pipe.recv()
        except (EOFError, OSError):
            code = _end(artist, _DEATH_S)
            self._artists[self._artists.index(artist)] = self._hire(handover)
            return task, Failure(f"the process that drew it {_ending(code)}")
        return task, drawn

    def _hire(self, handover: Handover) -> _Artist:
        ours, theirs = multiprocessing.Pipe()
        with theirs:
            process = subprocess.Popen(
                command(theirs.fileno(), handover.fileno()),
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), handover.fileno()],
                env={**os.environ, **capped_environment(max(1, cores() // self.workers), os.environ)},
                start_new_session=True,  # Ctrl-C is for this process, which then ends it
            )
        return _Artist(process, ours)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _end(artist: _Artist, patience_s: float = 0.0) -> int:
    """Wait for the end of a process, or kill it, and return its exit code."""
    artist.pipe.close()
    try:
        return artist.process.wait(patience_s)
    except subprocess.TimeoutExpired:
        artist.process.kill()
        return artist.process.wait()


def _ending(code: int) -> str:
    if code >= 0:
        return f"exited with code {code}"
    name = signal.Signals(-code).name
    return f"was killed by {name}" + (" (possibly out of memory)" if code == -signal.SIGKILL else "")
