"""Recovery of dead workers from their journals, and of dead runners; release of what these own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database import clock, process_identity
from database.claims import protocol, runners
from database.claims.runners import LivenessMonitor
from database.claims.types import Finished, Token
from database.code_sets import record_code_sets
from database.engine.faults import own_words
from database.errors import RecordRefusedError
from database.models import Attempt, Experiment, ExperimentStatus, Outcome, ProcessState
from database.process_identity import ProcessIdentity, RunnerLiveness, others_alive
from database.queries.experiment_detail import folder_of_experiment
from database.series.cancel_and_release import owners
from database.session.lifecycle import SessionLocal
from database.settings import Settings
from experiments.execution.worker_control import ended_now
from experiments.journal import JournalReader
from experiments.output.capture import rescue_output
from experiments.output.log_tail import with_log_tail
from experiments.output.results_folder import ResultsFolder, remove_remains
from experiments.points.unrecorded import read_unrecorded
from experiments.processes.exit_status import ExitStatus
from experiments.processes.process_tree import kill_tagged
from experiments.series_file.sections.execute import recorded_policy
from experiments.supervisor.database_thread import Transactions

Result = TypeVar("Result")

logger = logging.getLogger(__name__)

#: Returns the path of an attempt's log; None when its experiment was deleted.
LogPath = Callable[[Token], Path | None]

_UNREADABLE = (
    "what its worker reported of it cannot be read: the experiment has broken the process it ran in (with "
    "isolation: process it has one of its own)"
)
_UNSEEN = "its worker died, and the journal that tells what it ran is missing or damaged"


@dataclass(frozen=True)
class WorkerDeath:
    """How a worker ended that had not reported its last attempt.

    Attributes
    ----------
    outcome : Outcome
        Of the attempt during which it died.
    status : ExitStatus or None
        How its process ended, if known.
    reason : str
        Why its supervisor killed it, or why it ended, where that adds to the outcome.
    """

    outcome: Outcome
    status: ExitStatus | None = None
    reason: str = ""

    def ended(self, token: Token, duration_s: float | None = None) -> Finished:
        """Return an attempt that the worker had begun, and did not report."""
        finished = Finished(*token, self.outcome)
        if duration_s is not None:
            finished = ended_now(token, self.outcome, duration_s)
        died = "its runner died while it ran" if self.status is None else self.status.crash_message()
        unexplained = self.outcome in (Outcome.CRASHED, Outcome.LOST)
        return finished._replace(
            error_type="WorkerDied" if self.outcome is Outcome.CRASHED else None,
            error_message=self.reason or (died if unexplained else finished.error_message),
            exit_code=self.status.exit_code if self.status else None,
            signal=self.status.signal if self.status else None,
        )

    def unseen(self, token: Token) -> Finished:
        """Return an attempt that may have begun, which the worker's journal does not tell."""
        return self.ended(token)._replace(error_message=_UNSEEN)


#: A death of which nothing is known.
_LOST = WorkerDeath(Outcome.LOST)


def collect_unrecorded(
    journal: JournalReader, capture: Path, log_of: LogPath, death: WorkerDeath
) -> list[Finished]:
    """Return the attempts in a dead worker's journal that the database may not have.

    Whatever has begun has an outcome. Where none can be read it is that of the worker's death, for the
    attempt during which it died, and `crashed` for earlier ones.

    Parameters
    ----------
    journal : JournalReader
        Read to its end here.
    capture : Path
        The output of its last experiment, which is moved to its log. The points that it logged are beside it.
    log_of : callable
        Returns the path of the log.
    death : WorkerDeath
        How the worker ended.
    """
    journal.read_to_end()
    unrecorded = journal.unrecorded()
    current = journal.current
    for token in journal.unfinished():
        if current is None or token != current.token:
            ended = Finished(*token, Outcome.CRASHED, error_type="WorkerDied", error_message=_UNREADABLE)
        else:
            ended = death.ended(token, max(0.0, clock.monotonic() - current.started_at))
            ended = with_log_tail(ended, _rescued(capture, log_of(token)))
        points = read_unrecorded(capture.with_suffix(".points"), token)
        unrecorded.append(ended._replace(code=journal.code_of(token), chunks=points.chunks))
    return unrecorded


def recording_code(journal: JournalReader, work: Callable[[Session], Result]) -> Callable[[Session], Result]:
    """Return `work` with the code in a journal, which attempts refer to, recorded in the same transaction."""
    codes = journal.codes()

    def both(session: Session) -> Result:
        record_code_sets(session, codes)
        return work(session)

    return both


def _rescued(capture: Path, log: Path | None) -> str | None:
    if log is None:
        return None
    try:
        return rescue_output(capture, log)
    except OSError as error:  # the outcome matters more than the log
        return f"(the log could not be written: {error})"


def take_over(
    transactions: Transactions, runner_id: str, watch: LivenessMonitor, folder: ResultsFolder
) -> int:
    """Declare dead runners dead, record what is in their journals, and release what they had claimed.

    Parameters
    ----------
    transactions : Transactions
        Runs each step.
    runner_id : str
        The calling runner, which is skipped.
    watch : LivenessMonitor
        Measures how long other runners have sent no heartbeat.
    folder : ResultsFolder
        Where logs are kept; those of dead runners may belong to other series.

    Returns
    -------
    int
        How many experiments are pending again.
    """

    def log_of(token: Token) -> Path | None:
        series_folder = transactions(lambda session: folder_of_experiment(session, token[0]))
        return None if series_folder is None else folder.log(series_folder, *token)

    returned = 0
    for runner in transactions(lambda session: others_alive(session, runner_id)):
        if not watch.is_dead(runner):
            continue
        _kill_survivors(runner.identity)
        # Its journals first: once it is declared dead, any runner may release what it had finished.
        try:
            returned += _finalize_workers(transactions, runner, log_of)
        except (RecordRefusedError, IntegrityError) as error:
            if watch.note_left(runner.runner_id):
                logger.warning(
                    "what a dead runner has finished stays in %s: %s",
                    runner.journal_directory,
                    own_words(error),
                )
            continue  # the experiments of other runners need not wait for that
        if transactions(partial(runners.declare_dead, runner=runner)):
            logger.warning("taking over from a runner that died on %s", runner.identity.host)
            if runner.has_ended() and runner.journal_directory is not None:
                remove_remains(runner.journal_directory, sockets=runner.identity.is_gone())
    for worker_id in transactions(protocol.orphaned_workers):
        returned += transactions(_finalization(worker_id, (), is_whole=False))
    _remove_leftovers(transactions, runner_id, folder)
    return returned


def _remove_leftovers(transactions: Transactions, runner_id: str, folder: ResultsFolder) -> None:
    """Remove the files on this host of runners that another host, which cannot do so, has recovered."""
    others = [other for other in folder.runner_ids() if other != runner_id]
    if not others:
        return
    for ended, identity in transactions(lambda session: runners.ended_among(session, others)).items():
        if process_identity.has_ended(ended, identity):
            _kill_survivors(identity)
            remove_remains(folder.runner(ended), sockets=identity.is_gone())  # else they are in use


def _kill_survivors(identity: ProcessIdentity) -> None:
    """Kill processes that outlive their worker, except below a live process: it may be running others."""
    if identity.is_gone():
        kill_tagged(identity)


def _finalize_workers(transactions: Transactions, runner: RunnerLiveness, log_of: LogPath) -> int:
    directory = runner.journal_directory
    if directory is None or not runner.has_ended() or not directory.is_dir():
        return 0  # on another host: what it had claimed is released below
    returned = 0
    for worker_id in transactions(lambda session: runners.workers_of(session, runner.runner_id)):
        path = directory / f"{worker_id}.journal"
        if not path.exists():
            continue  # finalized before; a runner may have had very many workers
        journal = JournalReader(path)
        capture = directory / f"{worker_id}.out"
        finished = collect_unrecorded(journal, capture, log_of, _LOST)
        journal.close()
        is_whole = journal.is_whole() and not runner.identity.is_before_reboot()
        finalize = _finalization(worker_id, finished, is_whole=is_whole)
        returned += transactions(recording_code(journal, finalize))
    return returned


def _finalization(
    worker_id: str, finished: Sequence[Finished], *, is_whole: bool
) -> Callable[[Session], int]:
    return partial(
        protocol.finalize_worker,
        worker_id=worker_id,
        finished=finished,
        state=ProcessState.DEAD,
        policy=recorded_policy,
        unseen=None if is_whole else _LOST.unseen,
    )


def release_dead(series_id: int, folder: ResultsFolder) -> int:
    """Record what runners that died on this host had finished, and release the rest.

    Only runners that have provably ended are touched, so none of other hosts; without
    any that owns experiments of the series nothing is done.

    Returns
    -------
    int
        How many experiments are pending again.
    """
    settings = Settings.from_environment()
    with SessionLocal() as session:
        owned = owners(session, series_id)
        session.commit()
        dead = [
            owner
            for owner in owned
            if owner.identity is not None and process_identity.has_ended(owner.runner_id, owner.identity)
        ]
        if not dead:
            return 0
        workers = {worker for owner in dead for worker in owner.workers}
        ended = _count_ended_by(session, series_id, workers)
        session.commit()

        # A new monitor: only ended processes count as dead, no expired lease.
        monitor = LivenessMonitor(settings.lease_s, settings.heartbeat_s)
        take_over(Transactions(session), "", monitor, folder)
        # Experiments of other series, which these runners ran before, are not counted here.
        ended = _count_ended_by(session, series_id, workers) - ended
        still_owned = sum(
            owner.experiments for owner in owners(session, series_id) if workers & set(owner.workers)
        )
        session.commit()
        return sum(owner.experiments for owner in dead) - ended - still_owned


def _count_ended_by(session: Session, series_id: int, worker_ids: Collection[str]) -> int:
    """Count the experiments of a series whose last attempt was one of these workers', and left no retry."""
    statement = (
        select(func.count())
        .select_from(Experiment)
        .join(
            Attempt, (Attempt.experiment_id == Experiment.id) & (Attempt.number == Experiment.attempt_number)
        )
        .where(
            Experiment.series_id == series_id,
            Experiment.status.in_([status for status in ExperimentStatus if status.is_finished()]),
            Attempt.worker_id.in_(worker_ids),
        )
    )
    return session.scalars(statement).one()
