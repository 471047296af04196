"""The supervisor of one host: starts workers, watches them, ends them, and settles what they leave.

It never runs user code, so nothing an experiment does can silence its heartbeat or hide a death.
It is one loop that never waits for the database: what it knows of the work it reads from the
workers' journals, and what is to be recorded it hands to the bookkeeping thread. While the
database is away experiments go on, timeouts act, and finished results wait in the journals.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Mapping
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path

from database.claims import lookups
from database.claims.lookups import FirstExperiments
from database.claims.runners import LivenessMonitor
from database.claims.types import Token
from database.models import Outcome
from database.process_identity import ProcessIdentity
from database.settings import Settings
from experiments.execution.assignment import Assignment, Ending, Observer, RunnerStatus, Stage
from experiments.execution.worker_config import WorkerConfig
from experiments.output.capture import read_tail
from experiments.processes.environment_tag import kill_tagged
from experiments.processes.memory import KernelKills
from experiments.processes.stop_signals import StopSignals
from experiments.supervisor.database_thread import Bookkeeper
from experiments.supervisor.disk_space import RoomWatch
from experiments.supervisor.recording import WorkerRecords
from experiments.supervisor.registration import DECLARED_DEAD, Hiring, Registration
from experiments.supervisor.restart_backoff import Staffing
from experiments.supervisor.stop_rules import FailureRule, TimeBudget, canaries_died
from experiments.supervisor.supervised_worker import WatchedWorker
from experiments.supervisor.worker_process import Death, WorkerStartError

logger = logging.getLogger(__name__)

#: The longest pause between two looks at the workers.
_TICK_S = 0.1
#: How often to ask the database what there is to do, and whether somebody took something away.
_ASK_EVERY_S = 1.0
#: How long the last records may take once everything has ended, when the run is to end at once.
_PATIENCE_S = 5.0


class Supervisor:
    """Works a series with worker processes until nothing is pending, or until it is stopped.

    Parameters
    ----------
    assignment : Assignment
        What to do.
    observe : callable
        Called at each look with what there is to see; must not block.
    """

    def __init__(self, assignment: Assignment, observe: Observer) -> None:
        settings = Settings.from_environment()
        self._assignment = assignment
        self._observe = observe
        self._heartbeat_s = settings.heartbeat_s
        self._watch = LivenessMonitor(settings.lease_s, settings.heartbeat_s)
        self._registrations = [Registration(assignment, self._watch)]
        self._signals = StopSignals()
        self._books = Bookkeeper(self._signals.wake)
        self._workers: dict[str, WatchedWorker] = {}
        self._records = WorkerRecords(
            self._books, assignment.execution.policy, self._log_of, self._look_again
        )
        self._stage = Stage.RUNNING
        self._rule: str | None = None
        self._deadline: float | None = None
        self._kernel_kills = KernelKills()
        self._room = RoomWatch(assignment.folder.root)
        self._staffing = Staffing()
        self._budget = TimeBudget(assignment.max_time_s)
        self._failures = FailureRule(assignment.stop_rule)
        self._canary = assignment.canary
        self._hiring: Hiring | None = None
        self._is_asking = False
        self._is_ending = False
        self._ask_at = self._judge_at = 0.0
        self._beat_at = time.monotonic()
        self._check_at = 0.0

    def run(self) -> Ending:
        """Work until nothing is pending.

        Raises
        ------
        WorkersCannotStartError
            Worker after worker died before it started anything.
        """
        with self._signals:
            try:
                self._books.submit(self._registration.register)
                self._loop()
            finally:
                try:
                    all_is_recorded = self._end()
                finally:
                    for registration in self._registrations:
                        registration.leave()
        received = self._signals.received
        return Ending(
            received[0] if received else None,
            self._runner_ids(),
            self._rule,
            None if all_is_recorded else self._waiting(),
        )

    @property
    def _registration(self) -> Registration:
        return self._registrations[-1]

    def _runner_ids(self) -> tuple[str, ...]:
        return tuple(each.runner_id for each in self._registrations)

    def _loop(self) -> None:
        while True:
            self._books.collect()
            self._obey_signals()
            self._obey_rules()
            self._tend_workers()
            self._bury_dead()
            self._give_sign_of_life()
            self._keep_staffed()
            self._observe(self._view())
            if self._is_done():
                return
            handles = [worker.sentinel for worker in self._workers.values()]
            wait([*handles, self._signals.fileno()], timeout=_TICK_S)

    def _is_done(self) -> bool:
        if self._workers:
            return False
        if self._stage is Stage.KILLING:
            return True  # `_end` gives the last records their time
        if self._is_asking or self._records.leaving:
            return False
        if self._stage is not Stage.RUNNING:
            return True
        if self._hiring is None or not self._hiring.outlook.is_empty:
            return False
        if self._canary:
            self._judge_canaries()
            return False
        return True

    def _look_again(self) -> None:
        """Ask soon what there is to do: something may have become pending."""
        self._hiring = None

    def _end(self) -> bool:
        """Leave nothing behind, however the loop ended; return whether everything is recorded."""
        self._is_ending = True
        for worker in list(self._workers.values()):
            worker.condemn(Outcome.INTERRUPTED)
            worker.kill()
            self._settle(worker)
        kill_tagged(ProcessIdentity.own())
        # A database that was away before will not be back in a moment.
        give_up_at = time.monotonic() + (_TICK_S if self._books.away_s else _PATIENCE_S)
        self._collect_until(give_up_at)
        if not self._records.leaving:
            # Only now: of a runner that has ended in order nobody reads the journals any more.
            self._books.submit(self._registration.end)
            self._collect_until(give_up_at)
        self._books.give_up()
        self._books.close(_TICK_S)
        if self._records.leaving:
            folder = self._assignment.folder.runner(self._registration.runner_id).parent
            logger.warning("what is not recorded waits in %s; the next run on this host records it", folder)
            return False
        for registration in self._registrations:
            self._assignment.folder.remove_runner(registration.runner_id)
        return True

    def _collect_until(self, give_up_at: float) -> None:
        while True:
            self._signals.drain()
            try:
                self._books.collect()
            except Exception as error:  # noqa: BLE001 - the next run finds this one dead, and its journals
                logger.warning("at the end of the run: %s", error)
            if not self._books.outstanding or time.monotonic() >= give_up_at:
                return
            wait([self._signals.fileno()], timeout=_TICK_S)

    def _obey_signals(self) -> None:
        self._signals.drain()
        received = self._signals.received
        if self._deadline is None and any(number != signal.SIGINT for number in received):
            # A person may wait; a batch system will not.
            self._deadline = time.monotonic() + self._assignment.grace_s
        if received and self._stage is Stage.RUNNING:
            self._drain()
        overdue = self._deadline is not None and time.monotonic() > self._deadline
        if self._stage is Stage.DRAINING and (len(received) > 1 or overdue):
            self._stage = Stage.KILLING
            for worker in self._workers.values():
                worker.terminate(Outcome.INTERRUPTED)

    def _obey_rules(self) -> None:
        if self._stage is Stage.RUNNING:
            self._rule = self._budget.too_short() or self._failures.verdict
            if self._rule is not None:
                self._drain()
        if self._stage is Stage.DRAINING and self._budget.is_over():
            self._deadline = time.monotonic()

    def _drain(self) -> None:
        self._stage = Stage.DRAINING
        for worker in self._workers.values():
            worker.stop()

    def _tend_workers(self) -> None:
        now = time.monotonic()
        busy: dict[str, Token] = {}
        for worker in self._workers.values():
            hangs = worker.look(answered_at=self._books.answered_at)
            if hangs is not None:
                logger.warning("%s", hangs)
            durations = worker.journal.take_durations()
            if durations:
                self._budget.learn(durations)
                self._staffing.note_work()
            current = worker.journal.current
            if current is not None and worker.doom is None:
                busy_s = now - current.started_at
                self._records.help(worker, current.token, busy_s)
                if busy_s > _ASK_EVERY_S:
                    busy[worker.worker_id] = current.token
        if now >= self._check_at:
            self._check_at = now + _ASK_EVERY_S
            self._kernel_kills.update()
            self._room.look()
            if busy:
                self._records.check_claims(busy, partial(self._cancel, seen=busy))
            self._failures.look(self._books, self._runner_ids())

    def _cancel(self, worker_ids: set[str], seen: Mapping[str, Token]) -> None:
        """End the workers whose experiment was taken away from them, by a person or another runner."""
        for worker in [each for each in self._workers.values() if each.worker_id in worker_ids]:
            worker.journal.poll()
            current = worker.journal.current
            if current is not None and current.token == seen[worker.worker_id]:
                worker.terminate(Outcome.CANCELLED)

    def _bury_dead(self) -> None:
        dead = [worker for worker in self._workers.values() if worker.death() is not None]
        if dead:
            # A signal to all processes may have come just now: the deaths it brought are seen in its light.
            self._obey_signals()
        for worker in dead:
            self._settle(worker)

    def _settle(self, worker: WatchedWorker) -> None:
        """Take leave of a dead worker: record what it left, and give back what it had not started."""
        worker.bury()
        living = [each.pid for each in self._workers.values() if each is not worker and each.pid is not None]
        kill_tagged(ProcessIdentity.own(), keep=living)
        worker.journal.poll()
        death = worker.death()
        if worker.journal.started_any:
            self._staffing.note_start()
        if not worker.journal.is_closed and worker.doom is None:
            barren = None if worker.journal.started_any else f"{death}\n{read_tail(worker.capture)}"
            self._staffing.note_death(last_words=barren)
        del self._workers[worker.worker_id]
        self._records.settle(worker, self._outcome(worker, death))
        if not self._workers:
            self._hiring = None  # the end is only the end when nothing is pending after it

    def _outcome(self, worker: WatchedWorker, death: Death | None) -> Outcome:
        """Say how the attempt ended that a worker died in: whose fault it was."""
        current = worker.journal.current
        if worker.doom in {Outcome.INTERRUPTED, Outcome.LOST}:
            return worker.doom  # whatever it was at
        if worker.doom is not None:
            meant = worker.doomed is None or current is None or current.token == worker.doomed
            return worker.doom if meant else Outcome.LOST
        if death is not None and death.is_unexplained:
            return Outcome.LOST
        if death is not None and death.signal == signal.SIGKILL and self._kernel_kills.was_oom_kill():
            return Outcome.OUT_OF_MEMORY
        stopped = self._stage is not Stage.RUNNING and death is not None and death.signal == signal.SIGTERM
        return Outcome.INTERRUPTED if stopped else Outcome.CRASHED

    def _give_sign_of_life(self) -> None:
        now = time.monotonic()
        if now - self._beat_at < self._heartbeat_s or self._books.away_s:
            return
        self._beat_at = now
        registration = self._registration

        def then(returned: int | None) -> None:
            if returned is None:
                self._start_over(registration)
            elif returned:
                self._look_again()

        self._books.submit(registration.beat, then)

    def _start_over(self, fenced: Registration) -> None:
        """Be a new runner: this one was declared dead, and all its workers' claims were given away."""
        if self._is_ending or fenced is not self._registration:
            return  # it makes no difference any more, or was noticed before
        logger.warning("%s", DECLARED_DEAD)
        for worker in list(self._workers.values()):
            worker.condemn(Outcome.LOST)
            worker.kill()
            self._settle(worker)
        self._registrations.append(Registration(self._assignment, self._watch))
        self._look_again()
        self._books.submit(self._registration.register)

    def _keep_staffed(self) -> None:
        """Start workers while some are missing and work is pending."""
        missing = self._assignment.workers - len(self._workers)
        if self._stage is not Stage.RUNNING or missing <= 0 or self._is_asking:
            return
        is_known = self._hiring is not None and time.monotonic() < self._ask_at
        others_work = any(worker.journal.current is not None for worker in self._workers.values())
        if is_known or not self._staffing.may_start(others_work=others_work):
            return
        self._is_asking = True
        registration = self._registration

        def then(hiring: Hiring | None) -> None:
            self._is_asking = False
            if hiring is None:
                self._start_over(registration)
            else:
                self._start_workers(hiring)

        self._books.submit(partial(registration.hire, missing=missing, canary=self._canary), then)

    def _start_workers(self, hiring: Hiring) -> None:
        self._hiring = hiring
        self._ask_at = time.monotonic() + _ASK_EVERY_S
        for worker_id in hiring.worker_ids:
            if self._stage is not Stage.RUNNING or self._is_ending or not self._start_worker(worker_id):
                self._records.dismiss(worker_id)

    def _start_worker(self, worker_id: str) -> bool:
        config = WorkerConfig(
            database_url=self._assignment.database_url,
            results_directory=str(self._assignment.folder.root),
            runner_id=self._registration.runner_id,
            worker_id=worker_id,
            series_id=self._assignment.series_id,
            execution=self._assignment.execution,
            canary=self._canary,
        )
        try:
            self._workers[worker_id] = WatchedWorker(self._assignment, config)
        except WorkerStartError as error:  # no process, memory or descriptor is left for it
            self._staffing.note_death(last_words=str(error))
            return False
        return True

    def _judge_canaries(self) -> None:
        """Go on to all experiments when the first one of each configuration is through, whoever runs it."""
        if time.monotonic() < self._judge_at:
            return
        self._judge_at = time.monotonic() + _ASK_EVERY_S
        self._is_asking = True

        def then(first: FirstExperiments) -> None:
            self._is_asking = False
            self._rule = canaries_died(first)
            if self._rule is not None:
                self._drain()
            elif not first.awaited:
                self._canary, self._hiring = False, None

        self._books.submit(
            lambda run: run(partial(lookups.first_experiments, series_id=self._assignment.series_id)), then
        )

    def _view(self) -> RunnerStatus:
        workers = tuple(worker.view() for worker in self._workers.values())
        away_s = self._books.away_s
        return RunnerStatus(self._stage, workers, away_s, self._waiting() if away_s else 0, self._rule)

    def _waiting(self) -> int:
        """Count the finished results that are in journals only."""
        journals = [worker.journal for worker in [*self._workers.values(), *self._records.leaving]]
        return sum(len(journal.entries()) for journal in journals)

    def _log_of(self, token: Token) -> Path:
        return self._assignment.folder.log(self._assignment.series_folder, *token)
