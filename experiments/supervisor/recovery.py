"""Recovery: reading the journal of a dead worker, and taking over from dead runners."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import IntegrityError

from database import process_identity
from database.claims import protocol, runners
from database.claims.runners import LivenessMonitor, RunnerLiveness
from database.claims.types import Finished, Token
from database.engine.faults import own_words
from database.errors import RecordRefusedError
from database.models import Outcome, ProcessState
from database.process_identity import ProcessIdentity
from database.queries.experiment_detail import folder_of_experiment
from experiments.journal import JournalReader
from experiments.output.capture import rescue_output
from experiments.output.results_folder import ResultsFolder, remove_remains
from experiments.processes.environment_tag import kill_tagged
from experiments.processes.exit_status import ExitStatus
from experiments.series_file.sections.execute import recorded_policy
from experiments.supervisor.database_thread import Transactions

logger = logging.getLogger(__name__)

#: Returns where the log of an attempt is kept; None when its experiment was deleted.
LogPath = Callable[[Token], Path | None]


def collect_unrecorded(
    journal: JournalReader,
    capture: Path,
    log_of: LogPath,
    *,
    outcome: Outcome,
    status: ExitStatus | None,
    kill_reason: str = "",
) -> list[Finished]:
    """Return all that a dead worker's journal knows and the database may not.

    Parameters
    ----------
    journal : JournalReader
        Read to its end here.
    capture : Path
        What its last experiment wrote is moved from here to its log.
    log_of : callable
        Gives the log's place.
    outcome : Outcome
        Of the attempt that the worker died in, if it was in one.
    status : ExitStatus or None
        How its process ended, when that was seen.
    kill_reason : str
        Why its supervisor killed it, if there is more to say than the outcome does.
    """
    journal.poll()
    unrecorded = journal.unrecorded()
    current = journal.current
    if current is None:
        return unrecorded
    duration_s = max(0.0, time.monotonic() - current.started_at)
    now = time.time()
    crashed = outcome is Outcome.CRASHED
    unrecorded.append(
        Finished(
            *current.token,
            outcome,
            started_at=now - duration_s,
            finished_at=now,
            duration_s=duration_s,
            error_type="WorkerDied" if crashed else None,
            error_message=_message(outcome, status, kill_reason=kill_reason, duration_s=duration_s),
            exit_code=status.exit_code if status else None,
            signal=status.signal if status else None,
            log_tail=_rescued(capture, log_of(current.token)),
        )
    )
    return unrecorded


def _rescued(capture: Path, log: Path | None) -> str | None:
    if log is None:
        return None
    try:
        return rescue_output(capture, log)
    except OSError as error:  # the outcome matters more than the log
        return f"(the log could not be written: {error})"


def _message(outcome: Outcome, status: ExitStatus | None, *, kill_reason: str, duration_s: float) -> str:
    if kill_reason:
        return kill_reason
    if outcome in (Outcome.CRASHED, Outcome.LOST):
        return "its runner died while it ran" if status is None else status.crash_message()
    return outcome.sentence(duration_s)


def take_over(
    transactions: Transactions, runner_id: str, watch: LivenessMonitor, folder: ResultsFolder
) -> int:
    """Declare dead runners dead, record what their journals hold, and release what they had claimed.

    Parameters
    ----------
    transactions : Transactions
        Runs each step.
    runner_id : str
        The runner that asks, which is left out.
    watch : LivenessMonitor
        Remembers who has been silent since when.
    folder : ResultsFolder
        Where logs are kept; those of the dead belong to series of their own.

    Returns
    -------
    int
        How many experiments are pending again.
    """

    def log_of(token: Token) -> Path | None:
        series_folder = transactions(lambda session: folder_of_experiment(session, token[0]))
        return None if series_folder is None else folder.log(series_folder, *token)

    returned = 0
    for runner in transactions(lambda session: runners.others_alive(session, runner_id)):
        if not watch.is_dead(runner):
            continue
        _kill_survivors(runner.identity)
        # Its journals first: once it is declared dead, anybody may give back what it had finished.
        try:
            returned += _finalize_workers(transactions, runner, log_of)
        except (RecordRefusedError, IntegrityError) as error:
            if watch.note_left(runner.runner_id):
                logger.warning(
                    "what a dead runner has finished stays in %s: %s",
                    runner.journal_directory,
                    own_words(error),
                )
            continue  # nobody else's experiments need to wait for that
        if _declare_dead(transactions, runner):
            logger.warning("taking over from a runner that died on %s", runner.identity.host)
            if runner.has_ended() and runner.journal_directory is not None:
                _remove(runner.journal_directory, runner.identity)
    for worker_id in transactions(protocol.orphaned_workers):
        returned += _finalize_worker(transactions, worker_id, None)
    _remove_leftovers(transactions, runner_id, folder)
    return returned


def _remove_leftovers(transactions: Transactions, runner_id: str, folder: ResultsFolder) -> None:
    """Remove what is left on this host of runners that another host, which cannot do so, took over from."""
    others = [other for other in folder.runner_ids() if other != runner_id]
    if not others:
        return
    for ended, identity in transactions(lambda session: runners.ended_among(session, others)).items():
        if process_identity.has_ended(ended, identity):
            _kill_survivors(identity)
            _remove(folder.runner(ended), identity)


def _kill_survivors(identity: ProcessIdentity) -> None:
    """Kill what outlives its worker; below a runner's process that lives, others may be at work."""
    if identity.is_gone():
        kill_tagged(identity)


def _remove(directory: Path, identity: ProcessIdentity) -> None:
    """Remove what a runner has left; the sockets of a process that goes on are still in use."""
    remove_remains(directory, sockets=identity.is_gone())


def _declare_dead(transactions: Transactions, runner: RunnerLiveness) -> bool:
    return transactions(lambda session: runners.declare_dead(session, runner))


def _finalize_workers(transactions: Transactions, runner: RunnerLiveness, log_of: LogPath) -> int:
    directory = runner.journal_directory
    if directory is None or not runner.has_ended() or not directory.is_dir():
        return 0  # on another host: what it had claimed is released below
    returned = 0
    for worker_id in transactions(lambda session: runners.workers_of(session, runner.runner_id)):
        path = directory / f"{worker_id}.journal"
        if not path.exists():
            continue  # it was finalized before: there may have been very many
        journal = JournalReader(path)
        capture = directory / f"{worker_id}.out"
        finished = collect_unrecorded(journal, capture, log_of, outcome=Outcome.LOST, status=None)
        journal.close()
        returned += _finalize_worker(transactions, worker_id, finished)
    return returned


def _finalize_worker(transactions: Transactions, worker_id: str, finished: list[Finished] | None) -> int:
    return transactions(
        lambda session: protocol.finalize_worker(
            session, worker_id, finished, state=ProcessState.DEAD, policy=recorded_policy
        )
    )
