"""Everything in this process, one after another: for debuggers, and for scripts of the user's own.

The same protocol, journal and records as with worker processes. What needs another process is
missing: no timeout, no survival of a crash, stdout and stderr stay where they are, and Ctrl-C
reaches the experiment.
"""

from __future__ import annotations

import signal
from pathlib import Path

from sqlalchemy.orm import Session

from database import claims, runners
from database.attempts import Finished
from database.models import ProcessState
from database.retry import retrying_transaction
from database.runners import Watch
from database.settings import Settings
from experiments.assignment import Assignment, Ending, Observer, Stage, View
from experiments.bookkeeping import Transactions
from experiments.heartbeat import HeartbeatThread
from experiments.journal import JournalReader
from experiments.recovery import take_over
from experiments.run_experiments import experiment_loop
from experiments.worker_config import WorkerConfig


def run_serially(session: Session, assignment: Assignment, observe: Observer) -> Ending:
    """Work a series off in this process; it is its own runner and only worker."""
    runner_id = runners.new_id()
    try:
        return _run(session, runner_id, assignment, observe)
    finally:
        runners.leave(runner_id)


def _run(session: Session, runner_id: str, assignment: Assignment, observe: Observer) -> Ending:
    settings = Settings.from_environment()
    worker_id = runners.new_id()
    directory = assignment.folder.make_runner(runner_id)

    def register(each: Session) -> None:
        runners.register_runner(each, runner_id, assignment.provenance, directory)
        runners.register_worker(each, runner_id, worker_id)

    def end(each: Session) -> None:
        claims.settle(
            each,
            worker_id,
            _unrecorded(assignment.folder.journal(runner_id, worker_id)),
            state=ProcessState.STOPPED,
            policy=assignment.execution.policy,
        )
        runners.end_runner(each, runner_id, ProcessState.STOPPED)

    retrying_transaction(session, register)
    watch = Watch(settings.lease_s, settings.heartbeat_s)
    take_over(Transactions(session), runner_id, watch, assignment.folder)
    observe(View(Stage.RUNNING))
    config = WorkerConfig(
        database_url=assignment.database_url,
        results_directory=str(assignment.folder.root),
        runner_id=runner_id,
        worker_id=worker_id,
        name=assignment.series_name,
        execution=assignment.execution,
        series_id=assignment.series_id,
    )
    stopped_by = None
    try:
        with HeartbeatThread(runner_id, settings.heartbeat_s):
            experiment_loop(session, config)
    except KeyboardInterrupt:
        stopped_by = int(signal.SIGINT)
    finally:
        retrying_transaction(session, end)
        assignment.folder.remove_runner(runner_id)
    return Ending(stopped_by, (runner_id,))


def _unrecorded(path: Path) -> list[Finished]:
    """Return what was finished before an error ended the loop."""
    journal = JournalReader(path)
    journal.poll()
    finished = journal.unrecorded()
    journal.close()
    return finished
