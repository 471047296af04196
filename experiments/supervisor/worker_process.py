"""A worker's process and the pipes between it and its supervisor."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import tempfile
from contextlib import nullcontext
from dataclasses import replace

from database.errors import ExperimentsError
from database.files.paths import CurrentFolderError, current_folder
from database.process_identity import ProcessIdentity
from experiments.execution.worker_config import WorkerConfig
from experiments.processes import hash_seed
from experiments.processes.exit_status import ExitStatus
from experiments.processes.fresh_process import SAFE_PATH, ctrl_c_blocked, fresh_interpreters
from experiments.processes.process_tree import TAG_VARIABLE, kill_tree, signal_group, tag_of
from experiments.processes.system_limits import limit_reached
from experiments.processes.thread_limits import capped_environment, worker_environment
from experiments.supervisor.worker_servers import WorkerServer
from experiments.target.preloading import announced
from experiments.worker.entry import worker_main

FORKSERVER = "forkserver"
#: Python's message, without an errno, for a socket whose path exceeds the system's limit.
_LONG_PATH = "AF_UNIX path too long"


class WorkerStartError(ExperimentsError):
    """A worker's process could not be started; a worker with a fresh id may be."""


class WorkerProcess:
    """A worker's process, started when this object is made.

    Parameters
    ----------
    config : WorkerConfig
        With the series, and runner and worker ids; both rows exist already.
    start_method : str
        ``forkserver`` or ``spawn``.

    Raises
    ------
    WorkerStartError
        The process could not be started.
    """

    def __init__(self, config: WorkerConfig, start_method: str) -> None:
        try:
            current_folder()  # where it starts
        except CurrentFolderError as error:
            raise WorkerStartError(str(error)) from error
        context = multiprocessing.get_context(start_method)
        lifeline_reader, self._lifeline = context.Pipe(duplex=False)
        control_reader, self._control = context.Pipe(duplex=False)
        # Experiments must not see the environment that the fork server was started with.
        environment = {
            SAFE_PATH: os.environ.get(SAFE_PATH),
            TAG_VARIABLE: tag_of(ProcessIdentity.own()),
            **worker_environment(config.execution.threads, os.environ),
        }
        # Not daemonic: a daemonic process may have no children, and experiments may need them.
        self._process = context.Process(  # type: ignore[attr-defined]  # every context has it; the stub's base does not say so
            target=worker_main,
            args=(replace(config, control=control_reader), lifeline_reader, environment),
            name=f"worker-{config.worker_id}",
        )
        variables = _variables(config.execution.threads, start_method)
        self._server = WorkerServer.acquire(variables) if start_method == FORKSERVER else None
        forks = nullcontext() if self._server is None else self._server.forks()
        # Targets are found by their import path, never in ``__main__``.
        with fresh_interpreters(variables), forks:
            try:
                if self._server is not None:
                    self._server.start()  # the first time, and if it was killed
                # Waiting for a server must not block signals; spawning does not wait.
                with ctrl_c_blocked() if self._server is None else nullcontext():
                    self._process.start()
            except (OSError, EOFError) as error:  # the fork server has just died, or no resources are left
                # Closing the lifeline kills a process that was started after all.
                for end in (lifeline_reader, self._lifeline, control_reader, self._control):
                    end.close()
                self._release_server()
                raise _start_error(error) from error
        lifeline_reader.close()
        control_reader.close()

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid  # type: ignore[no-any-return]  # the context's class is unknown to the stub

    @property
    def sentinel(self) -> int:
        """A descriptor that becomes readable when the process ends."""
        return self._process.sentinel  # type: ignore[no-any-return]  # as above

    def exit_status(self) -> ExitStatus | None:
        """Return how the process ended, or None while it lives."""
        code = self._process.exitcode
        return None if code is None else ExitStatus.of(code)

    def send(self, message: bytes) -> None:
        """Send a message of `experiments.execution.worker_control`."""
        with contextlib.suppress(OSError):  # it has ended by itself
            self._control.send_bytes(message)

    def signal_tree(self, number: int) -> None:
        """Send a signal to it and its descendants."""
        if self.pid is not None and self._process.is_alive():
            kill_tree(self.pid, number)

    def clean_up(self) -> None:
        """Kill what survives of a dead process's group, and close its pipes."""
        self._process.join()
        self._release_server()
        if self.pid is not None:
            signal_group(self.pid, signal.SIGKILL)
        self._lifeline.close()
        self._control.close()

    def _release_server(self) -> None:
        if self._server is not None:
            self._server.release()


def _variables(threads: int | None, start_method: str) -> dict[str, str]:
    """Return the variables that a worker's interpreter, or that of its server, starts with."""
    return {
        **hash_seed.of_workers(),
        TAG_VARIABLE: tag_of(ProcessIdentity.own()),
        # An OpenMP library that the server loads would keep its own number in threads of experiments.
        **capped_environment(threads, os.environ),
        **(announced() if start_method == FORKSERVER else {}),
    }


def _start_error(error: OSError | EOFError) -> ExperimentsError:
    if _LONG_PATH in str(error):  # no other worker could be started either
        return ExperimentsError(
            "workers cannot be started: the path of the folder for temporary files, "
            f"{tempfile.gettempdir()}, is too long for a socket; set TMPDIR to a folder with a "
            "short one, such as /tmp"
        )
    reason = limit_reached(error) or str(error) or type(error).__name__
    return WorkerStartError(f"a worker could not be started ({reason})")
