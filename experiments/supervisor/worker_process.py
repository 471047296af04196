"""A worker as its supervisor sees it, and the entry point of the process itself."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.util import get_temp_dir
from pathlib import Path
from types import ModuleType

from database.errors import ExperimentsError, FencedError
from database.models import Outcome
from database.process_identity import ProcessIdentity
from experiments.execution.worker_config import WorkerConfig
from experiments.execution.worker_control import STOP, KillRequest
from experiments.journal import JournalReader
from experiments.output.results_folder import ResultsFolder
from experiments.processes.environment_tag import TAG_VARIABLE, tag_of
from experiments.processes.open_files import LOST_DESCRIPTORS_EXIT_CODE
from experiments.processes.parent_death import die_with_parent
from experiments.processes.process_tree import kill_tree, signal_group
from experiments.processes.subreaper import become_subreaper
from experiments.processes.thread_limits import cap_loaded_libraries, capped_environment
from experiments.target.preloading import announced

#: sysexits.h EX_TEMPFAIL: the worker was declared dead and stopped by itself.
FENCED_EXIT_CODE = 75
#: What multiprocessing reports when the server of new processes, which knows the exit codes, is gone.
_UNKNOWN_EXIT_CODE = 255
#: What Python says, without a number, of a socket whose path does not fit what the system has for it.
_LONG_PATH = "AF_UNIX path too long"
#: Between SIGTERM and SIGKILL.
TERMINATION_GRACE_S = 5.0
#: Set while the server of new processes starts, so that a folder of the user's called like one of
#: our packages cannot take its place; taken out again in each worker.
_SAFE_PATH = "PYTHONSAFEPATH"


@dataclass(frozen=True)
class Outfit:
    """What a worker's process gets besides its configuration.

    Attributes
    ----------
    lifeline : Connection
        The parent-death pipe's reading end.
    safe_path : str or None
        What the runner's environment had for PYTHONSAFEPATH.
    tag : str
        Of the runner; a fork server that is older than the runner has none.
    thread_caps : mapping
        Variables for the environment that cap the threads of numerical libraries.
    """

    lifeline: Connection
    safe_path: str | None
    tag: str
    thread_caps: Mapping[str, str]


class WorkerStartError(ExperimentsError):
    """A worker's process could not be started: another one may be, under a fresh id."""


def worker_main(name: str, config: WorkerConfig, outfit: Outfit) -> None:
    """Be a worker: the entry point of its process.

    Parameters
    ----------
    name : str
        The series.
    config : WorkerConfig
        With runner and worker ids.
    outfit : Outfit
        What else it gets.
    """
    die_with_parent(outfit.lifeline)
    become_subreaper()
    if outfit.safe_path is None:
        os.environ.pop(_SAFE_PATH, None)
    else:
        os.environ[_SAFE_PATH] = outfit.safe_path
    os.environ.update({**outfit.thread_caps, TAG_VARIABLE: outfit.tag})
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the server of new processes ignores it
    faulthandler.enable()
    from experiments.run_experiments import run_a_single_experiment

    cap_loaded_libraries(outfit.thread_caps)
    code = 0
    try:
        run_a_single_experiment(name, config)
    except FencedError as error:
        sys.stderr.write(f"{error}\n")
        code = FENCED_EXIT_CODE
    except ExperimentsError as error:
        sys.stderr.write(f"{error}\n")
        code = error.exit_code
    except BaseException:  # noqa: BLE001 - told on stderr, which the supervisor reads
        traceback.print_exc()
        code = 1
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    # Not sys.exit: that would wait for threads and processes that an experiment has left behind.
    os._exit(code)


@dataclass(frozen=True)
class Death:
    """How a worker's process ended.

    Attributes
    ----------
    exit_code, signal : int or None
        One of them is set.
    """

    exit_code: int | None
    signal: int | None

    @property
    def is_unexplained(self) -> bool:
        """Whether nobody can say how: the server that forked it has died, and with it the exit code."""
        return self.exit_code == _UNKNOWN_EXIT_CODE

    def __str__(self) -> str:
        if self.exit_code == LOST_DESCRIPTORS_EXIT_CODE:
            return "it closed file descriptors that were not its own; its process was ended at once"
        if self.signal is None:
            return f"its process exited with code {self.exit_code} in mid-flight"
        try:
            name = signal.Signals(self.signal).name
        except ValueError:
            name = f"signal {self.signal}"
        hint = " (possibly out of memory)" if self.signal == signal.SIGKILL else ""
        return f"its process was killed by {name}{hint}"


class WorkerProcess:
    """A worker process and the pipes and files that tie it to its supervisor.

    Parameters
    ----------
    name : str
        The series.
    config : WorkerConfig
        With runner and worker ids; both rows exist already.
    folder : ResultsFolder
        Where its journal lies.
    start_method : str
        ``forkserver`` or ``spawn``.

    Raises
    ------
    WorkerStartError
        There is no process.

    Attributes
    ----------
    journal : JournalReader
        Follows what it does.
    doom : Outcome or None
        Why the supervisor has ended it, once it has.
    doomed : tuple or None
        The attempt that was meant; a worker may have gone on to another one before it died.
    doom_text : str
        Why, for people; empty when the outcome says it all.
    started_at : float
        When its process was started, by `time.monotonic`.
    """

    def __init__(self, name: str, config: WorkerConfig, folder: ResultsFolder, start_method: str) -> None:
        assert config.runner_id is not None
        assert config.worker_id is not None
        self.worker_id = config.worker_id
        self.journal = JournalReader(folder.journal(config.runner_id, config.worker_id))
        self.capture: Path = folder.capture(config.runner_id, config.worker_id)
        self.doom: Outcome | None = None
        self.doomed: tuple[int, int] | None = None
        self.doom_text = ""
        self._kill_at: float | None = None
        self._journal_path = folder.journal(config.runner_id, config.worker_id)
        self._is_ready = False
        self.started_at = time.monotonic()
        if start_method == "forkserver":
            folder.note_sockets(config.runner_id, Path(get_temp_dir()))
        try:
            self._lifeline, self._control, self._process = _start(name, config, start_method)
        except WorkerStartError:
            self.journal.close()
            raise

    @property
    def pid(self) -> int | None:
        """Its process."""
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether its start is over: the database is open and the target imported."""
        self._is_ready = self._is_ready or self._journal_path.exists()
        return self._is_ready

    @property
    def sentinel(self) -> int:
        """A descriptor that becomes readable when the process ends."""
        return self._process.sentinel

    def death(self) -> Death | None:
        """Return how the process ended, or None while it lives."""
        code = self._process.exitcode
        if code is None:
            return None
        return Death(None, -code) if code < 0 else Death(code, None)

    def stop(self) -> None:
        """Ask it to stop after the running experiment."""
        self._tell(STOP)

    def condemn(self, doom: Outcome, text: str = "") -> None:
        """Note why it is ended, unless that was decided before."""
        if self.doom is None:
            current = self.journal.current
            self.doom, self.doomed, self.doom_text = doom, current.token if current else None, text

    def terminate(self, doom: Outcome, text: str = "") -> None:
        """End it and all that is below it with SIGTERM, and soon SIGKILL.

        Parameters
        ----------
        doom : Outcome
            What the attempt is recorded as, unless it completes.
        text : str
            Why, for people, if there is more to say than the outcome does.
        """
        if self.doom is None:
            self.condemn(doom, text)
            # Before the signal: user code that survives it must not decide what the attempt was, and
            # the worker must not begin with another one.
            self._tell(STOP if self.doomed is None else KillRequest(doom, self.doomed, text).message())
            self._kill_at = time.monotonic() + TERMINATION_GRACE_S
            self._signal_tree(signal.SIGTERM)

    def kill_if_overdue(self) -> None:
        """Send SIGKILL when SIGTERM had its time."""
        if self._kill_at is not None and time.monotonic() > self._kill_at:
            self.kill()

    def kill(self) -> None:
        """End it and all that is below it at once."""
        self._signal_tree(signal.SIGKILL)

    def bury(self) -> None:
        """Release what a dead process leaves: its group's survivors and its pipes."""
        self._process.join()
        if self._process.pid is not None:
            signal_group(self._process.pid, signal.SIGKILL)
        self._lifeline.close()
        self._control.close()

    def _tell(self, message: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended by itself
            self._control.send_bytes(message)

    def _signal_tree(self, number: int) -> None:
        if self._process.pid is not None and self._process.is_alive():
            kill_tree(self._process.pid, number)


def _start(name: str, config: WorkerConfig, start_method: str) -> tuple[Connection, Connection, BaseProcess]:
    context = multiprocessing.get_context(start_method)
    if start_method == "forkserver":
        context.set_forkserver_preload(
            ["experiments.worker.forkserver_start", "experiments.target.forkserver_preload"]
        )
    lifeline_reader, lifeline = context.Pipe(duplex=False)
    control_reader, control = context.Pipe(duplex=False)
    caps = capped_environment(config.execution.threads, os.environ)
    tag = tag_of(ProcessIdentity.own())
    outfit = Outfit(lifeline_reader, os.environ.get(_SAFE_PATH), tag, caps)
    arguments = (name, replace(config, control=control_reader), outfit)
    # Not daemonic: a daemonic process may have no children, and experiments want theirs.
    process = context.Process(target=worker_main, args=arguments, name=f"worker-{config.worker_id}")  # type: ignore[attr-defined]  # every context has it; the stub's base does not say so
    more = announced() if start_method == "forkserver" else {}
    with _environment_of_workers({TAG_VARIABLE: tag, **more}), _hidden_main_module():
        try:
            process.start()
        except (OSError, EOFError) as error:  # the server of new processes has just died, or there is no room
            # Closed, the lifeline kills a process that exists after all.
            for end in (lifeline_reader, lifeline, control_reader, control):
                end.close()
            if _LONG_PATH in str(error):  # no other worker could be started either
                raise ExperimentsError(
                    "workers cannot be started: the path of the folder for temporary files, "
                    f"{tempfile.gettempdir()}, is too long for a socket; set TMPDIR to a folder with a "
                    "short one, such as /tmp"
                ) from error
            raise WorkerStartError(
                f"a worker could not be started ({str(error) or type(error).__name__})"
            ) from error
    lifeline_reader.close()
    control_reader.close()
    return lifeline, control, process


@contextlib.contextmanager
def _environment_of_workers(more: Mapping[str, str]) -> Iterator[None]:
    """Mark new interpreters, give them the same string hashes, keep the current folder from their path."""
    wanted = {
        "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "0"),
        _SAFE_PATH: "1",
        **more,
    }
    before = {key: os.environ.get(key) for key in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


@contextlib.contextmanager
def _hidden_main_module() -> Iterator[None]:
    """Keep multiprocessing from importing the main script again in each worker.

    Targets are found by their import path, never in ``__main__``; without this, a user's script
    without the ``if __name__ == "__main__"`` guard would start itself again and again.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
