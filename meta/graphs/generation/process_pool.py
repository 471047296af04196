"""Drawing several figures at once, in processes without a database.

They are started when there is more to draw than their start costs, serve all series of a generation, and
hand the files back instead of writing them: killing one leaves nothing behind, and costs one figure. They
are forked from a server of their own, which has imported what draws: the server that a run of this process
has its workers from has loaded the database, and is tagged as the run's.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from experiments.processes.exit_status import ExitStatus
from experiments.processes.fresh_process import fresh_interpreters
from experiments.processes.parent_death import die_with_parent
from experiments.processes.thread_limits import capped_environment
from meta.graphs.figure.task import DrawResult, Failure, Task, failure
from meta.graphs.generation.shared_file import Part, SharedFile

#: So much longer, in seconds, does drawing take for the start of processes: the server imports what draws.
_START_S = 2.0
_FORKSERVER = multiprocessing.get_context("forkserver")


class DrawingPool:
    """Draws figures; a context manager that ends its processes.

    Parameters
    ----------
    workers : int, optional
        How many processes at most, by default one per core of this process; with 1 this process draws.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()
        self._processes: _Processes | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        if self._processes is not None:
            self._processes.close()
            self._processes = None

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


class _Processes:
    """The processes of a pool, and the pipe that ends them with this one."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._file = SharedFile.without_name()
        self._reader, self._writer = _FORKSERVER.Pipe(duplex=False)
        self._server = forkserver.ForkServer()
        self._server.set_forkserver_preload(["meta.graphs.figure.render"])
        self._executor: ProcessPoolExecutor | None = None

    def close(self) -> None:
        """Kill the processes: what they still draw is discarded."""
        self._writer.close()
        self._reader.close()
        self._shut_down()
        self._server._stop()  # type: ignore[attr-defined]  # private; it ends by itself when this process does
        self._file.close()

    def draw(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, DrawResult]]:
        """Yield each figure when it is drawn."""
        waiting = deque(tasks)
        while waiting:
            suspects = yield from self._draw_in_pool(waiting)
            for task, part in suspects:
                yield task, self._draw_alone(part)
        self._file.clear()

    def _draw_in_pool(
        self, waiting: deque[Task]
    ) -> Generator[tuple[Task, DrawResult], None, list[tuple[Task, Part]]]:
        """Draw all tasks; if a process dies, return the figures that may have caused it."""
        running: dict[Future[Part], tuple[Task, Part]] = {}
        finished: list[tuple[Task, DrawResult]] = []
        suspects: list[tuple[Task, Part]] = []
        while running or finished or (waiting and not suspects):
            # First, so that nothing is idle while what is finished is written.
            while waiting and not suspects and len(running) < self._workers:
                task = waiting.popleft()
                try:
                    part = self._file.put(task)
                except OSError as error:
                    why = f"it could not be sent to the process that draws: {error}"
                    finished.append((task, Failure(why)))
                    continue
                running[self._submit(part)] = task, part
            yield from finished
            finished = []
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                task, part = running.pop(future)
                try:
                    finished.append((task, self._file.get(future.result())))
                except BrokenProcessPool:
                    suspects.append((task, part))
                except Exception as error:  # noqa: BLE001 - such as a full disk; the others are wanted
                    finished.append((task, failure(error)))
        if suspects:
            self._shut_down()
        return suspects

    def _submit(self, part: Part) -> Future[Part]:
        try:
            with self._starting():
                if self._executor is None:  # it starts multiprocessing's tracker of resources
                    self._executor = ProcessPoolExecutor(
                        self._workers, _FORKSERVER, initializer=_begin, initargs=self._handed()
                    )
                return self._executor.submit(_draw, part)
        # One of them, or the server, has just died, or the system gives no semaphores.
        except (BrokenProcessPool, OSError, EOFError) as error:
            broken: Future[Part] = Future()
            broken.set_exception(BrokenProcessPool(str(error)))
            return broken

    def _draw_alone(self, part: Part) -> DrawResult:
        """Draw a figure in a process of its own: if that dies, this figure is the cause."""
        reader, writer = _FORKSERVER.Pipe(duplex=False)
        process = _FORKSERVER.Process(target=_draw_only, args=(self._handed(), writer, part))
        with reader:
            try:
                with writer, self._starting():
                    process.start()
            except (OSError, EOFError) as error:
                return Failure(f"no process could be started that draws it: {error}")
            try:
                drawn: DrawResult = self._file.get(reader.recv())
            except EOFError:
                process.join()
                assert process.exitcode is not None  # it has ended
                drawn = Failure(f"the process that drew it {ExitStatus.of(process.exitcode)}")
            finally:
                process.kill()
                process.join()
        return drawn

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """Start processes from the pool's fork server within this context, with SIGINT ignored."""
        caps = capped_environment(max(1, cores() // self._workers), os.environ)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which they inherit
        try:
            with fresh_interpreters(caps):
                connect = forkserver.connect_to_new_process
                forkserver.connect_to_new_process = self._server.connect_to_new_process
                try:
                    yield
                finally:
                    forkserver.connect_to_new_process = connect
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _handed(self) -> tuple[Connection[Any, Any], Connection[Any, Any]]:
        """Return the arguments of `_begin`."""
        # As a connection, because that is how multiprocessing passes a descriptor.
        file: Connection[Any, Any] = Connection(os.dup(self._file.fileno()), writable=False)
        return self._reader, file

    def _shut_down(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None


def draw_safely(task: Task) -> DrawResult:
    """Draw a figure, or return why it cannot be drawn."""
    from meta.graphs.figure.render import draw  # noqa: PLC0415 - loads matplotlib, which unchanged figures do not need

    try:
        return draw(task)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with this figure, the others are wanted
        return failure(error)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


#: In a process that draws: the file that tasks and figures lie in.
_file: SharedFile


def _begin(lifeline: Connection[Any, Any], file: Connection[Any, Any]) -> None:
    """Prepare a process that draws: it dies with its parent."""
    global _file  # noqa: PLW0603 - a process has one
    die_with_parent(lifeline)
    _file = SharedFile(os.dup(file.fileno()))


def _draw(part: Part) -> Part:
    """Draw a figure in a process of the pool."""
    return _file.put(draw_safely(_file.get(part)))


def _draw_only(handed: tuple[Any, ...], answer: Connection[Part, Any], part: Part) -> None:
    """Draw a figure, and end."""
    _begin(*handed)
    answer.send(_draw(part))
