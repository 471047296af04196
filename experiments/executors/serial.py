"""The serial executor: all experiments in this process, for debuggers and for users' scripts.

The same protocol, journal, points, records and rules as with worker processes. What needs another process is
missing: no timeout, no survival of a crash, stdout and stderr stay where they are, and Ctrl-C
reaches the experiment. So does the end of the grace time, or of the max-time, as KeyboardInterrupt:
code that does not let Python handle signals continues.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from sqlalchemy.exc import SQLAlchemyError

from database import clock
from database.claims.types import Token
from database.errors import DatabaseError, FencedError
from database.models import Outcome
from database.session.lifecycle import SessionLocal, get_session
from experiments.execution.assignment import Assignment, Observer, RunnerStatus, Stage
from experiments.execution.worker_control import WorkerControl
from experiments.executors.base import Executor
from experiments.journal import JournalReader
from experiments.processes.hash_seed import warn_of_random_hashes
from experiments.processes.stop_signals import StopSignals
from experiments.supervisor.database_thread import Transactions
from experiments.supervisor.name_notice import NameNotice
from experiments.supervisor.recording import POINTS_EVERY_S, record_points
from experiments.supervisor.recovery import WorkerDeath, collect_unrecorded
from experiments.supervisor.registration import count_ended
from experiments.supervisor.stop_controller import StopController
from experiments.worker.run import experiment_loop

logger = logging.getLogger(__name__)

#: The longest pause between two queries for experiments of other runners and due retries.
_PAUSE_S = 0.5
#: How long the last records may take when the run must end.
_LAST_RECORDS_S = 5.0
#: How often the clock checks whether the running experiment is overdue.
_TICK_S = 0.1


class Serial(Executor):
    """Runs a series in this process, as its own runner and only worker.

    It uses the process's global session. See `experiments.executors.base`.

    Parameters
    ----------
    assignment : Assignment
        What to do.
    observe : callable
        Called when it starts and when it is stopped.
    names : NameNotice, optional
    """

    def __init__(self, assignment: Assignment, observe: Observer, names: NameNotice | None = None) -> None:
        warn_of_random_hashes()
        self._signals = InterruptingSignals()
        super().__init__(assignment, observe, self._signals, names)
        self._session = get_session()
        self._transactions = Transactions(self._session, self._gives_up)
        self._give_up_at: float | None = None
        self._is_finalized = True
        self._is_stop_shown = False

    def _work(self) -> None:
        with _at_intervals("stop clock", _TICK_S, self._check_clock):
            try:
                self._registration.register(self._transactions)
                self._observe(RunnerStatus(Stage.RUNNING))
                self._work_off()
            except KeyboardInterrupt:
                self._stop.update()
                self._stop.interrupted = not self._stop.is_stopping  # not by a signal or the clock
            finally:
                self._signals.may_interrupt = False

    def _work_off(self) -> None:
        while self._stop.update() is Stage.RUNNING:
            self._signals.may_interrupt = True
            registered = self._registration.register_workers(self._transactions, 1, canary=self._stop.canary)
            if registered is None:
                self._start_over()
                continue
            work, worker_ids, first = registered
            if worker_ids:
                self._be_worker(worker_ids[0])
            elif first is not None:
                self._stop.judge_canaries(first)
                if self._stop.canary:
                    self._wait()
            elif work.is_empty:
                return
            else:
                self._wait()

    def _be_worker(self, worker_id: str) -> None:
        """Run as one worker until there is nothing to claim."""
        runner_id = self._registration.runner_id
        journal = JournalReader(self._assignment.folder.journal(runner_id, worker_id))
        capture = self._assignment.folder.capture(runner_id, worker_id)
        self._is_finalized = False
        fenced, death = False, WorkerDeath(Outcome.INTERRUPTED)
        try:
            with (
                _at_intervals("heartbeat", self._heartbeat_s, self._send_heartbeat),
                self._recording_points(worker_id),
            ):
                experiment_loop(
                    self._session,
                    self._worker_config(worker_id),
                    control=_SerialControl(self._stop, self._signals, lambda: self._apply_rules(journal)),
                )
        except FencedError as error:
            if isinstance(error.__context__, KeyboardInterrupt):
                raise error.__context__ from None
            fenced = True
        except SQLAlchemyError:
            if not self._stop.is_stopping:
                raise
        except Exception as error:
            reason = f"this program failed while it ran: {type(error).__name__}: {error}"
            death = WorkerDeath(Outcome.CRASHED, reason=reason)
            raise
        finally:
            self._signals.may_interrupt = False
            finished = collect_unrecorded(journal, capture, lambda _: None, death)
            journal.close()
            self._edits.note(journal.codes())
            unseen = None if journal.is_whole() else death.unseen
            self._registration.finalize_worker(
                self._transactions, worker_id, finished, unseen, codes=journal.codes()
            )
            self._is_finalized = True
        if fenced:
            self._start_over()

    @contextlib.contextmanager
    def _recording_points(self, worker_id: str) -> Iterator[None]:
        """While entered, record at intervals what the main thread's experiment logs."""
        runner_id, folder = self._registration.runner_id, self._assignment.folder
        points = folder.points(runner_id, worker_id)
        journal = JournalReader(folder.journal(runner_id, worker_id))

        def record() -> bool:
            journal.poll()
            if journal.current is not None:
                _record_points(worker_id, journal.current.token, points)
            return True

        try:
            with _at_intervals("points", POINTS_EVERY_S, record):
                yield
        finally:
            journal.close()

    def _send_heartbeat(self) -> bool:
        """Send a heartbeat while the main thread runs experiments.

        Code that holds the interpreter lock for longer than the lease would block it.
        """
        try:
            with SessionLocal() as session:
                self._registration.send_heartbeat(session)
                session.commit()
        except FencedError:
            return False  # the worker's next transaction raises it in the main thread
        except (SQLAlchemyError, DatabaseError) as error:
            logger.warning("a heartbeat could not be recorded: %s", error)
        return True

    def _check_clock(self) -> bool:
        """Show that the run is stopping, and interrupt an overdue experiment."""
        if not self._is_stop_shown and self._signals.received:
            self._is_stop_shown = True
            self._observe(RunnerStatus(Stage.DRAINING))
        # Repeated: at this moment no experiment may be running that can be interrupted.
        if self._stop.is_overdue() and self._signals.may_interrupt:
            self._signals.interrupt()
        return True

    def _apply_rules(self, journal: JournalReader) -> None:
        journal.poll()
        self._edits.note(journal.codes())
        self._stop.learn(journal.take_durations())
        # Between two exchanges nothing changes in the database.
        if not journal.count_unrecorded():
            if self._stop.has_failure_rule:
                self._stop.judge_failures(count_ended(self._transactions, self._runner_ids()))
            self._check_names()
        self._stop.update()

    def _check_names(self) -> None:
        if self._names is not None and self._names.is_due:
            self._transactions(self._names.check)
            self._names.warn()

    def _gives_up(self) -> bool:
        """Return whether to stop waiting for the database: the next run records the rest."""
        if not self._stop.is_stopping:
            return False
        if self._give_up_at is None:
            self._give_up_at = clock.monotonic() + _LAST_RECORDS_S
        return clock.monotonic() > self._give_up_at

    def _start_over(self) -> None:
        self._renew_registration()
        self._registration.register(self._transactions)

    def _wait(self) -> None:
        clock.sleep(_PAUSE_S)
        if self._registration.heartbeat(self._transactions) is None:
            self._start_over()

    def _finish(self) -> None:
        if self._is_finalized:  # otherwise the next run recovers this one from its journal
            self._check_names()
            self._registration.end(self._transactions)
            self._remove_runner_folders()


def _record_points(worker_id: str, token: Token, path: Path) -> None:
    try:
        with SessionLocal() as session:
            # One try: what fails is tried again after some time, and at the end of the attempt.
            while record_points(Transactions(session, lambda: True), worker_id, token, path):
                pass
    except FencedError:
        pass  # nothing of this attempt is recorded
    except (SQLAlchemyError, DatabaseError) as error:
        logger.warning("metrics could not be recorded; trying again later: %s", error)


class InterruptingSignals(StopSignals):
    """SIGTERM and SIGHUP let the running experiment finish; a second signal ends the process at once.

    Ctrl-C is not handled: in the user's own process it reaches the experiment.

    Attributes
    ----------
    may_interrupt : bool
        Whether an experiment is running, so that `interrupt` may raise KeyboardInterrupt there.
    """

    def __init__(self) -> None:
        super().__init__((signal.SIGTERM, signal.SIGHUP), limit=2)
        self.may_interrupt = False
        self._interrupts = False

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the experiment, from another thread, also while it waits."""
        thread = threading.main_thread().ident
        if signal.SIGTERM in self._before and thread is not None:
            self._interrupts = True
            signal.pthread_kill(thread, signal.SIGTERM)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._interrupts:
            super()._handle(number, frame)
            return
        self._interrupts = False
        if self.may_interrupt:
            self.may_interrupt = False
            raise KeyboardInterrupt


class _SerialControl(WorkerControl):
    """Stops the loop in place of a supervisor."""

    def __init__(
        self, stop: StopController, signals: InterruptingSignals, apply_rules: Callable[[], None]
    ) -> None:
        super().__init__(None)
        self._stop = stop
        self._signals = signals
        self._apply_rules = apply_rules

    def is_stopped(self) -> bool:
        return self._stop.is_stopping

    def is_ending(self) -> bool:
        self._signals.may_interrupt = False
        self._apply_rules()
        self._signals.may_interrupt = not self._stop.is_stopping
        return self._stop.is_stopping


@contextlib.contextmanager
def _at_intervals(name: str, every_s: float, work: Callable[[], bool]) -> Iterator[None]:
    """While entered, call `work` in a thread of this name at intervals, until it returns False."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(every_s) and work():
            pass

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
