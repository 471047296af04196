"""Drawing several figures at once, in processes without a database.

They are started when there is more to draw than their start costs, serve all series of a generation, and
hand the files back instead of writing them: killing one leaves nothing behind, and costs one figure. They
are forked from a server of their own, which has imported what draws: the server that a run of this process
has its workers from has loaded the database, and is tagged as the run's.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import pickle
import signal
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from typing import Any, Self

from experiments.processes.exit_status import ExitStatus
from experiments.processes.fresh_process import fresh_interpreters
from experiments.processes.parent_death import die_with_parent
from experiments.processes.thread_limits import capped_environment, cores
from meta.graphs.figure.task import DrawResult, Failure, Task, failure

#: So much longer, in seconds, does drawing take for the start of processes: the server imports what draws.
_START_S = 2.0


class DrawingPool(AbstractContextManager["DrawingPool"]):
    """Draws figures; a context manager that ends its processes.

    Parameters
    ----------
    workers : int, optional
        How many processes at most, by default one per core of this process; with 1 this process draws.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()
        self._processes: _Processes | None = None

    def __exit__(self, *_error: object) -> None:
        if self._processes is not None:
            self._processes.close()

    def draw(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, DrawResult]]:
        """Yield each figure when it is drawn."""
        if self._has_use_for_processes(tasks):
            if self._processes is None:
                self._processes = _Processes(self.workers)
            yield from self._processes.draw(tasks)
        else:
            for task in tasks:
                yield task, draw_safely(task)

    def _has_use_for_processes(self, tasks: Sequence[Task]) -> bool:
        if multiprocessing.current_process().daemon:  # such as one of a user's pool: it may start none
            return False
        several = min(self.workers, len(tasks))
        alone_s = sum(task.estimate_s() for task in tasks)
        start_s = 0.0 if self._processes else _START_S
        return several > 1 and start_s + alone_s / several < alone_s


class _Lost(Failure):
    """That the process ended, or did not start: the figure is drawn once more."""


class _Processes:
    """The processes of a pool, each with a pipe of its own, and the pipe that ends them with this one."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._file = SharedFile.without_name()
        self._reader, self._writer = Pipe(duplex=False)
        self._server = forkserver.ForkServer()
        self._server.set_forkserver_preload(["meta.graphs.figure.render"])
        self._processes: dict[Connection[Any, Any], BaseProcess] = {}
        self._idle: list[Connection[Any, Any]] = []

    def close(self) -> None:
        """Kill the processes: what they still draw is discarded."""
        self._writer.close()
        self._reader.close()
        self._end_all()
        self._server._stop()  # type: ignore[attr-defined]  # private; it ends by itself when this process does
        self._file.close()

    def draw(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, DrawResult]]:
        """Yield each figure when it is drawn."""
        lost = []
        for task, drawn in self._draw(tasks, self._workers):
            if isinstance(drawn, _Lost):
                lost.append(task)
            else:
                yield task, drawn
        if lost:
            # One after the other, with all memory: if the process of one ends again, that one is the cause.
            self._end_all()
            yield from self._draw(lost, 1)
        self._file.clear()

    def _draw(self, tasks: Sequence[Task], at_once: int) -> Iterator[tuple[Task, DrawResult]]:
        waiting = deque(tasks)
        drawing: dict[Connection[Any, Any], Task] = {}
        finished: list[tuple[Task, DrawResult]] = []
        while waiting or drawing or finished:
            # First, so that nothing is idle while what is finished is written.
            while waiting and len(drawing) < at_once:
                task = waiting.popleft()
                try:
                    part = self._file.put(task)
                except OSError as error:
                    why = f"it could not be sent to the process that draws: {error}"
                    finished.append((task, Failure(why)))
                    continue
                try:
                    pipe = self._idle.pop() if self._idle else self._start()
                except (OSError, EOFError) as error:  # the server has just died, or no resources are left
                    finished.append((task, _Lost(f"no process could be started that draws it: {error}")))
                    continue
                drawing[pipe] = task
                with suppress(OSError):  # it was killed, which its answer tells
                    pipe.send(part)
            yield from finished
            ready = wait(drawing) if drawing else []
            finished = [(drawing.pop(pipe), self._answer(pipe)) for pipe in list(drawing) if pipe in ready]

    def _answer(self, pipe: Connection[Any, Any]) -> DrawResult:
        try:
            answer: DrawResult = pipe.recv()
        except (OSError, EOFError):
            return _Lost(f"the process that drew it {self._end(pipe)}")
        self._idle.append(pipe)
        return answer

    def _start(self) -> Connection[Any, Any]:
        """Start a process from the pool's fork server, with SIGINT ignored."""
        pipe, theirs = Pipe()
        context = multiprocessing.get_context("forkserver")
        process = context.Process(target=_serve, args=(self._reader, self._file, theirs), daemon=True)
        caps = capped_environment(max(1, cores() // self._workers), os.environ)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which they inherit
        try:
            with theirs, fresh_interpreters(caps):
                connect = forkserver.connect_to_new_process
                forkserver.connect_to_new_process = self._server.connect_to_new_process
                try:
                    process.start()
                finally:
                    forkserver.connect_to_new_process = connect
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._processes[pipe] = process
        return pipe

    def _end_all(self) -> None:
        self._idle.clear()
        for pipe in list(self._processes):
            self._end(pipe)

    def _end(self, pipe: Connection[Any, Any]) -> ExitStatus:
        """End a process that waits for a figure, or has ended."""
        pipe.close()
        process = self._processes.pop(pipe)
        process.join()
        assert process.exitcode is not None  # it has ended
        return ExitStatus.of(process.exitcode)


def draw_safely(task: Task) -> DrawResult:
    """Draw a figure, or return why it cannot be drawn."""
    from meta.graphs.figure.render import draw  # noqa: PLC0415 - loads matplotlib, which unchanged figures do not need

    try:
        return draw(task)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with this figure, the others are wanted
        return failure(error)


def _serve(lifeline: Connection[Any, Any], file: SharedFile, pipe: Connection[Any, Any]) -> None:
    """Draw what a pool asks for, until it ends."""
    die_with_parent(lifeline)
    with suppress(OSError, EOFError):
        while True:
            part = pipe.recv()
            try:
                answer = draw_safely(file.get(part))
            except Exception as error:  # noqa: BLE001 - such as no memory to map the file into
                answer = failure(error)
            pipe.send(answer)


class SharedFile:
    """A file that one process writes objects into, and others, which are started with it, read them from.

    It has no name, so that nothing of it is left when all processes are; the pages of its arrays are shared.

    Parameters
    ----------
    descriptor : int
        Of the file, which is closed with this object.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # The arrays are kept, so that their ids cannot become those of others.
        self._known: dict[int, tuple[slice, object]] = {}

    @classmethod
    def without_name(cls) -> Self:
        """Create an unnamed file."""
        with tempfile.TemporaryFile(prefix="experiments-graphs-") as file:
            return cls(os.dup(file.fileno()))

    def __reduce__(self) -> Any:
        """Hand the descriptor to a process that is started."""
        return _received, (DupFd(self._descriptor),)

    def put(self, value: Any) -> slice:
        """Write an object, and return where it lies; an array that was written before is not written again.

        Raises
        ------
        OSError
            The disk is full.
        """
        buffers: list[pickle.PickleBuffer] = []
        body = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        arrays = [self._array(buffer.raw()) for buffer in buffers]
        return self._append(pickle.dumps((body, arrays)))

    def get(self, part: slice) -> Any:
        """Return an object that was written; its arrays can only be read."""
        view = memoryview(mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ))
        body, arrays = pickle.loads(view[part])  # noqa: S301 - we wrote it
        return pickle.loads(body, buffers=[view[array] for array in arrays])  # noqa: S301 - we wrote it

    def clear(self) -> None:
        """Truncate the file; no process may still be reading."""
        self._known.clear()
        os.ftruncate(self._descriptor, 0)

    def close(self) -> None:
        """Close the file: its space is freed when the other processes have ended."""
        os.close(self._descriptor)

    def _array(self, raw: memoryview) -> slice:
        key = id(raw.obj)
        if key not in self._known:
            self._known[key] = self._append(raw), raw.obj
        return self._known[key][0]

    def _append(self, content: bytes | memoryview) -> slice:
        left = memoryview(content)
        start = end = os.fstat(self._descriptor).st_size
        while left:
            written = os.pwrite(self._descriptor, left, end)
            left, end = left[written:], end + written
        return slice(start, end)


def _received(descriptor: Any) -> SharedFile:
    return SharedFile(descriptor.detach())
