"""Worker processes on this host, each supervised from here.

The supervisor never runs user code, so nothing an experiment does can stop its heartbeat or hide a
death. It is one loop that never waits for the database: it reads the progress of the work from the
workers' journals, and submits what is to be recorded to the database's thread. While the
database is away, experiments continue, timeouts apply, and finished results wait in the journals.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from multiprocessing.connection import wait

from database import clock
from database.claims.lookups import ClaimableWork
from database.claims.types import Token
from database.models import Outcome
from database.process_identity import ProcessIdentity
from experiments.execution.assignment import Assignment, Observer, RunnerStatus, Stage
from experiments.executors.base import Executor
from experiments.output.capture import read_tail
from experiments.processes.memory import KernelKills
from experiments.processes.process_tree import kill_tagged
from experiments.processes.stop_signals import StopSignals
from experiments.processes.system_limits import check_open_files
from experiments.supervisor.database_thread import DatabaseThread
from experiments.supervisor.name_notice import NameNotice
from experiments.supervisor.recording import WorkerRecords
from experiments.supervisor.registration import RegisteredWorkers, Registration, count_ended
from experiments.supervisor.restart_backoff import RestartBackoff
from experiments.supervisor.results_folder_monitor import ResultsFolderMonitor
from experiments.supervisor.supervised_worker import SupervisedWorker
from experiments.supervisor.worker_process import WorkerStartError

logger = logging.getLogger(__name__)

#: The longest pause between two checks of the workers.
_TICK_S = 0.1
#: How often to query the database for claimable work and revoked claims.
_ASK_EVERY_S = 1.0
#: How long the last records may take once everything has ended, when the run must end at once.
_LAST_RECORDS_S = 5.0


class LocalProcesses(Executor):
    """Runs a series in worker processes; see `experiments.executors.base`.

    Parameters
    ----------
    assignment : Assignment
        What to do.
    observe : callable
        Called at each tick with the status; must not block.
    names : NameNotice, optional
    """

    def __init__(self, assignment: Assignment, observe: Observer, names: NameNotice | None = None) -> None:
        super().__init__(assignment, observe, StopSignals(), names)
        self._database = DatabaseThread(self._stop.signals.wake)
        self._workers: dict[str, SupervisedWorker] = {}
        self._records = WorkerRecords(self._database, assignment, self._ask_again)
        self._kernel_kills = KernelKills()
        self._results_folder = ResultsFolderMonitor(assignment.folder.root)
        self._backoff = RestartBackoff(assignment.workers)
        self._claimable: ClaimableWork | None = None
        self._is_finishing = self._has_begun = self._has_finished_any = False
        self._ask_at = self._check_at = 0.0
        self._heartbeat_at = clock.monotonic() + self._heartbeat_s

    def _work(self) -> None:
        self._database.submit(self._registration.register)
        while True:
            self._database.collect()
            self._update_stage()
            self._check_workers()
            self._reap_workers()
            self._send_heartbeat()
            self._start_missing_workers()
            self._observe(self._status())
            if self._is_done():
                return
            sentinels = [worker.process.sentinel for worker in self._workers.values()]
            wait([*sentinels, self._stop.signals.fileno()], timeout=_TICK_S)

    def _is_done(self) -> bool:
        if self._workers:
            return False
        if self._stop.stage is Stage.KILLING:
            return True  # `_finish` waits for the last records
        if self._records.finalizing or self._database.awaits("workers"):
            return False
        if self._stop.stage is Stage.DRAINING:
            return True
        return self._claimable is not None and self._claimable.is_empty and not self._stop.canary

    def _ask_again(self) -> None:
        """Query the claimable work at the next tick: experiments may have become pending."""
        self._claimable = None

    def _finish(self) -> int | None:
        self._is_finishing = True
        self._kill_workers(Outcome.INTERRUPTED)
        kill_tagged(ProcessIdentity.own())
        # A database that was away before is not waited for.
        give_up_at = clock.monotonic() + (_TICK_S if self._database.away_s else _LAST_RECORDS_S)
        self._check_names()
        self._collect_until(give_up_at)
        if not self._records.finalizing:
            # Only now: the journals of a runner that has ended normally are never read again.
            self._database.submit(self._registration.end)
            self._collect_until(give_up_at)
        self._database.give_up()
        self._database.close(_TICK_S)
        if self._records.finalizing:
            folder = self._assignment.folder.runner(self._registration.runner_id)
            if not folder.exists():
                logger.warning("what is not recorded is lost, with its journals: %s was deleted", folder)
                return self._count_waiting()
            folder = folder.parent
            logger.warning("what is not recorded waits in %s; the next run on this host records it", folder)
            return self._count_waiting()
        self._remove_runner_folders()
        return None

    def _collect_until(self, give_up_at: float) -> None:
        told: set[str] = set()  # all that are outstanding may fail for one reason
        while True:
            self._stop.signals.drain()
            try:
                self._database.collect()
            except Exception as error:  # noqa: BLE001 - the next run recovers this one from its journals
                if str(error) not in told:
                    logger.warning("at the end of the run: %s", error)
                told.add(str(error))
            if not self._database.outstanding or clock.monotonic() >= give_up_at:
                return
            wait([self._stop.signals.fileno()], timeout=_TICK_S)

    def _update_stage(self) -> None:
        self._stop.signals.drain()
        before = self._stop.stage
        stage = self._stop.update()
        if stage is before:
            return
        for worker in self._workers.values():
            if stage is Stage.KILLING:
                worker.terminate(Outcome.INTERRUPTED)
            else:
                worker.stop()

    def _check_workers(self) -> None:
        now = clock.monotonic()
        running: dict[str, Token] = {}
        for worker in self._workers.values():
            warning = worker.check(answered_at=self._database.answered_at)
            if warning is not None:
                logger.warning("%s", warning)
            self._note_progress(worker)
            current = worker.journal.current
            self._has_begun = self._has_begun or worker.journal.started_any
            if current is not None and worker.killed_as is None:
                busy_s = now - current.started_at
                self._records.record_for(worker, current.token, busy_s)
                if busy_s > _ASK_EVERY_S:
                    running[worker.worker_id] = current.token
        if now >= self._check_at:
            self._check_at = now + _ASK_EVERY_S
            self._kernel_kills.update()
            self._results_folder.check(self._assignment.folder.runner(self._registration.runner_id))
            self._check_names()
            if running:
                self._records.check_claims(running, partial(self._kill_revoked, running=running))
            if self._stop.has_failure_rule:
                self._database.submit(
                    partial(count_ended, runner_ids=self._runner_ids()),
                    self._stop.judge_failures,
                    once="failures",
                )

    def _check_names(self) -> None:
        names = self._names
        if names is not None and names.is_due and self._has_finished_any:
            self._database.submit(
                lambda transactions: transactions(names.check), lambda _: names.warn(), once="names"
            )

    def _note_progress(self, worker: SupervisedWorker) -> None:
        self._edits.note(worker.journal.codes())
        durations_s = worker.journal.take_durations()
        if durations_s:
            self._has_finished_any = True
            self._stop.learn(durations_s)
            self._backoff.note_work()

    def _kill_revoked(self, worker_ids: set[str], running: Mapping[str, Token]) -> None:
        """End the workers whose experiment was revoked, by a user or another runner."""
        for worker in [worker for worker in self._workers.values() if worker.worker_id in worker_ids]:
            worker.journal.poll()
            current = worker.journal.current
            if current is not None and current.token == running[worker.worker_id]:
                worker.terminate(Outcome.CANCELLED)

    def _kill_workers(self, outcome: Outcome) -> None:
        for worker in list(self._workers.values()):
            worker.kill(outcome)
            self._reap(worker)

    def _reap_workers(self) -> None:
        dead = [worker for worker in self._workers.values() if worker.process.exit_status() is not None]
        if dead:
            # A signal to all processes may just have arrived; it explains deaths by it.
            self._update_stage()
        for worker in dead:
            self._reap(worker)

    def _reap(self, worker: SupervisedWorker) -> None:
        """Clean up after a dead worker, record what it had finished, and release what it had not started."""
        worker.process.clean_up()
        living = [other.process.pid for other in self._workers.values() if other is not worker]
        kill_tagged(ProcessIdentity.own(), keep=[pid for pid in living if pid is not None])
        journal = worker.journal
        journal.read_to_end()
        self._note_progress(worker)
        if journal.started_any:
            self._has_begun = True
            self._backoff.note_start()
        if not journal.is_closed and worker.killed_as is None:
            printed = f"{worker.process.exit_status()}\n{read_tail(worker.capture)}"
            self._backoff.note_death(printed, has_started=journal.started_any)
        del self._workers[worker.worker_id]
        outcome = worker.outcome(
            stopping=self._stop.stage is not Stage.RUNNING, was_oom_kill=self._kernel_kills.was_oom_kill
        )
        self._records.finalize(worker, outcome)
        if not self._workers:
            self._ask_again()  # the run ends only when nothing is pending afterwards

    def _send_heartbeat(self) -> None:
        now = clock.monotonic()
        if now < self._heartbeat_at or self._database.away_s:
            return
        self._heartbeat_at = now + self._heartbeat_s
        registration = self._registration

        def then(pending: int | None) -> None:
            if pending is None:
                self._start_over(registration)
            elif pending:
                self._ask_again()

        self._database.submit(registration.heartbeat, then)

    def _start_over(self, fenced: Registration) -> None:
        """Register again, with new workers, after this runner was declared dead."""
        if self._is_finishing or fenced is not self._registration:
            return  # the run is ending, or this was done before
        self._kill_workers(Outcome.LOST)
        self._renew_registration()
        self._ask_again()
        self._database.submit(self._registration.register)

    def _start_missing_workers(self) -> None:
        """Start workers while some are missing and work is pending."""
        missing = self._assignment.workers - len(self._workers)
        if self._stop.stage is not Stage.RUNNING or missing <= 0:
            return
        is_known = self._claimable is not None and clock.monotonic() < self._ask_at
        others_run = any(worker.journal.current is not None for worker in self._workers.values())
        if is_known or not self._backoff.may_start(others_run=others_run):
            return
        registration = self._registration

        def then(registered: RegisteredWorkers | None) -> None:
            if registered is None:
                self._start_over(registration)
            else:
                self._start_workers(registered)

        self._database.submit(
            partial(registration.register_workers, missing=missing, canary=self._stop.canary),
            then,
            once="workers",
        )

    def _start_workers(self, registered: RegisteredWorkers) -> None:
        self._claimable, worker_ids, first = registered
        self._ask_at = clock.monotonic() + _ASK_EVERY_S
        if first is not None:
            self._stop.judge_canaries(first)
            if not self._stop.canary:
                self._ask_again()
        check_open_files(len(self._workers) + len(worker_ids))
        for worker_id in worker_ids:
            if self._stop.stage is not Stage.RUNNING or self._is_finishing or not self._start(worker_id):
                self._database.submit(partial(self._registration.finalize_worker, worker_id=worker_id))

    def _start(self, worker_id: str) -> bool:
        try:
            self._workers[worker_id] = SupervisedWorker(self._assignment, self._worker_config(worker_id))
        except WorkerStartError as error:  # no process, memory or descriptor is available
            self._backoff.note_death(str(error), has_started=False)
            return False
        return True

    def _status(self) -> RunnerStatus:
        workers = tuple(worker.status() for worker in self._workers.values())
        away_s = self._database.away_s
        waiting = self._count_waiting() if away_s else 0
        starting = 0
        if not self._has_begun:  # of workers that are waited for, as many as there is something to do for
            starting = len(workers) if self._claimable is not None else self._assignment.workers
        return RunnerStatus(self._stop.stage, workers, away_s, waiting, self._stop.rule, starting)

    def _count_waiting(self) -> int:
        """Count the finished results that are in journals only."""
        workers = [*self._workers.values(), *self._records.finalizing]
        return sum(worker.journal.count_unrecorded() for worker in workers)
