"""The contract of an executor: what working an assignment on this host means.

An executor is a runner. It

registers
    its runner first, which also takes over from dead runners (`Registration.register`). Declared dead
    itself, it registers again under a fresh id: what it had claimed is lost.
sends heartbeats
    every `Settings.heartbeat_s`, and takes over from dead runners with each. No experiment may delay them,
    as far as that is possible.
claims
    through workers. It registers as many as have something to do (`Registration.register_workers`); each
    runs `experiments.worker.run.experiment_loop`, which claims, runs and records with a journal of its own.
    It is done when nothing is pending and no delayed retry will be.
records
    what the journal of a worker that has ended holds and the database does not, and releases what that
    worker had not started. Where experiments run in other processes it does the same for busy workers.
stops
    as the `StopController` decides, which knows signals, rules, the canary and the stage. While it drains
    it begins nothing more; when it kills, what runs is recorded as interrupted. How it ends an experiment,
    and whether it can enforce timeouts and limits of memory, is its own.
leaves
    nothing behind: when all is recorded its runner ends in the database, and its journals are removed.
    Otherwise they stay for the next run on this host.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import replace

from database.claims.runners import LivenessMonitor
from database.settings import Settings
from experiments.execution.assignment import Assignment, Ending, Observer
from experiments.execution.worker_config import WorkerConfig
from experiments.processes.stop_signals import StopSignals
from experiments.supervisor.edit_notice import EditNotice
from experiments.supervisor.name_notice import NameNotice
from experiments.supervisor.registration import Registration
from experiments.supervisor.stop_controller import StopController

logger = logging.getLogger(__name__)


class Executor(ABC):
    """Runs an assignment until nothing is pending, or until it is stopped.

    Parameters
    ----------
    assignment : Assignment
        The series to run, and how.
    observe : callable
        Called often with the status; must not block.
    signals : StopSignals
        The signals that stop it.
    names : NameNotice, optional
        Checked as soon as an experiment is completed, where that is due.
    """

    def __init__(
        self,
        assignment: Assignment,
        observe: Observer,
        signals: StopSignals,
        names: NameNotice | None = None,
    ) -> None:
        settings = Settings.from_environment()
        self._assignment = assignment
        self._observe = observe
        self._heartbeat_s = settings.heartbeat_s
        self._watch = LivenessMonitor(settings.lease_s, settings.heartbeat_s)
        self._registrations = [Registration(assignment, self._watch)]
        self._stop = StopController(assignment, signals)
        self._edits = EditNotice(assignment)
        self._names = names

    def run(self) -> Ending:
        """Run until nothing is pending or the run is stopped.

        Raises
        ------
        WorkersDieError
            Worker after worker died, and none has finished an experiment.
        """
        with self._stop.signals:
            try:
                self._work()
            finally:
                try:
                    waiting = self._finish()
                finally:
                    for registration in self._registrations:
                        registration.leave()
        return Ending(self._stop.stopped_by, self._runner_ids(), self._stop.rule, waiting)

    @abstractmethod
    def _work(self) -> None:
        """Register, and run until the end."""

    @abstractmethod
    def _finish(self) -> int | None:
        """End what still runs, record, and end the runner, however `_work` ended.

        Returns
        -------
        int or None
            How many finished results are left in the journals, because the database is away.
        """

    @property
    def _registration(self) -> Registration:
        return self._registrations[-1]

    def _runner_ids(self) -> tuple[str, ...]:
        return tuple(registration.runner_id for registration in self._registrations)

    def _renew_registration(self) -> None:
        """Register under a fresh id: this runner was declared dead, and its claims were released."""
        logger.warning("this runner was silent for so long that it was declared dead; it registers again")
        self._registrations.append(Registration(self._assignment, self._watch))

    def _worker_config(self, worker_id: str) -> WorkerConfig:
        """Return the configuration of a worker that starts now."""
        return WorkerConfig(
            database_url=self._assignment.database_url,
            results_directory=str(self._assignment.folder.root),
            runner_id=self._registration.runner_id,
            worker_id=worker_id,
            name=self._assignment.series_name,
            series_id=self._assignment.series_id,
            git_commit=self._assignment.provenance.git_commit,
            execution=self._assignment.execution,
            options=replace(self._assignment.options, canary=self._stop.canary),
        )

    def _remove_runner_folders(self) -> None:
        for runner_id in self._runner_ids():
            self._assignment.folder.remove_runner(runner_id)
