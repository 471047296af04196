"""Everything in this process, one after another: for debuggers, and for scripts of the user's own.

The same protocol, journal, records and rules as with worker processes. What needs another process is
missing: no timeout, no survival of a crash, stdout and stderr stay where they are, and Ctrl-C
reaches the experiment. So does the end of the grace time, or of the max-time, as KeyboardInterrupt:
code that does not let Python act on signals goes on.
"""

from __future__ import annotations

import logging
import signal
import time
from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from database.claims import lookups, protocol
from database.claims.runners import LivenessMonitor
from database.errors import FencedError
from database.models import ProcessState
from database.settings import Settings
from experiments.execution.assignment import Assignment, Ending, Observer, RunnerStatus, Stage
from experiments.execution.worker_config import WorkerConfig
from experiments.executors.serial_control import SerialControl, StopClock
from experiments.journal import JournalReader
from experiments.run_experiments import experiment_loop
from experiments.supervisor.database_thread import Transactions
from experiments.supervisor.heartbeat import HeartbeatThread
from experiments.supervisor.registration import DECLARED_DEAD, Registration
from experiments.supervisor.stop_rules import canaries_died

logger = logging.getLogger(__name__)

#: How long to wait at most before looking again for what others have in hand, or a retry that is due.
_PAUSE_S = 0.5
#: How long the last records may take when the run was told to end.
_PATIENCE_S = 5.0


def run_serially(session: Session, assignment: Assignment, observe: Observer) -> Ending:
    """Work a series off in this process; it is its own runner and only worker."""
    return _SerialRun(session, assignment, observe).run()


class _SerialRun:
    def __init__(self, session: Session, assignment: Assignment, observe: Observer) -> None:
        settings = Settings.from_environment()
        self._session = session
        self._assignment = assignment
        self._observe = observe
        self._heartbeat_s = settings.heartbeat_s
        self._watch = LivenessMonitor(settings.lease_s, settings.heartbeat_s)
        self._transactions = Transactions(session, self._gives_up)
        self._registrations = [Registration(assignment, self._watch)]
        self._control = SerialControl(assignment, self._transactions, self._runner_ids)
        self._canary = assignment.canary
        self._give_up_at: float | None = None
        self._is_settled = True

    def run(self) -> Ending:
        stopped_by = None
        with self._control.signals, StopClock(self._control, self._assignment.grace_s, self._observe):
            try:
                self._registration.register(self._transactions)
                self._observe(RunnerStatus(Stage.RUNNING))
                self._work()
            except KeyboardInterrupt:
                if not self._control.is_ending():  # neither a signal nor the clock: a person
                    stopped_by = int(signal.SIGINT)
            finally:
                self._control.signals.may_interrupt = False
                try:
                    self._end()
                finally:
                    for registration in self._registrations:
                        registration.leave()
        received = self._control.signals.received
        return Ending(received[0] if received else stopped_by, self._runner_ids(), self._control.rule)

    @property
    def _registration(self) -> Registration:
        return self._registrations[-1]

    def _runner_ids(self) -> tuple[str, ...]:
        return tuple(each.runner_id for each in self._registrations)

    def _gives_up(self) -> bool:
        """Whether to wait for the database no more: the next run takes over what is not recorded."""
        if not self._control.is_stopped():
            return False
        if self._give_up_at is None:
            self._give_up_at = time.monotonic() + _PATIENCE_S
        return time.monotonic() > self._give_up_at

    def _work(self) -> None:
        while not self._control.is_ending():
            hiring = self._registration.hire(self._transactions, 1, canary=self._canary)
            if hiring is None:
                self._start_over()
            elif hiring.worker_ids:
                self._work_off(hiring.worker_ids[0])
            elif not hiring.outlook.is_empty:
                self._wait()
            elif not self._canary:
                return
            else:
                self._judge_canaries()

    def _work_off(self, worker_id: str) -> None:
        """Be one worker until there is nothing to claim."""
        config = WorkerConfig(
            database_url=self._assignment.database_url,
            results_directory=str(self._assignment.folder.root),
            runner_id=self._registration.runner_id,
            worker_id=worker_id,
            name=self._assignment.series_name,
            execution=self._assignment.execution,
            series_id=self._assignment.series_id,
            canary=self._canary,
        )
        journal = JournalReader(self._assignment.folder.journal(self._registration.runner_id, worker_id))
        self._is_settled = False
        fenced = False
        self._control.follow(journal)
        try:
            with HeartbeatThread(self._registration.runner_id, self._heartbeat_s):
                experiment_loop(self._session, config, control=self._control)
        except FencedError as error:
            if isinstance(error.__context__, KeyboardInterrupt):
                raise error.__context__ from None
            fenced = True
        except SQLAlchemyError:
            if not self._control.is_stopped():
                raise
        finally:
            self._control.signals.may_interrupt = False
            self._control.follow(None)
            self._settle(worker_id, journal)
        if fenced:
            self._start_over()

    def _settle(self, worker_id: str, journal: JournalReader) -> None:
        """Record what was finished before an error ended the loop, and give back the rest."""
        journal.poll()
        finished = journal.unrecorded()
        journal.close()
        policy = self._assignment.execution.policy
        self._transactions(
            lambda each: protocol.finalize_worker(
                each, worker_id, finished, state=ProcessState.STOPPED, policy=policy
            )
        )
        self._is_settled = True

    def _start_over(self) -> None:
        """Be a new runner: this one was declared dead, and what it had claimed was given away."""
        logger.warning("%s", DECLARED_DEAD)
        self._registrations.append(Registration(self._assignment, self._watch))
        self._registration.register(self._transactions)

    def _wait(self) -> None:
        time.sleep(_PAUSE_S)
        if self._registration.beat(self._transactions) is None:
            self._start_over()

    def _judge_canaries(self) -> None:
        """Go on to all experiments when the first one of each configuration is through, whoever runs it."""
        first = self._transactions(partial(lookups.first_experiments, series_id=self._assignment.series_id))
        self._control.rule = canaries_died(first)
        if first.awaited and not first.failed:
            self._wait()
        self._canary = first.awaited

    def _end(self) -> None:
        if not self._is_settled:
            return  # the next run finds this one dead, and its journal
        self._registration.end(self._transactions)
        for registration in self._registrations:
            self._assignment.folder.remove_runner(registration.runner_id)
