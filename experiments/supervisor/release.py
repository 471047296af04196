"""Giving back what the dead hold: with what their journals tell where those lie here, otherwise as lost."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from database.claims.runners import LivenessMonitor
from database.models import Attempt, Experiment, ExperimentStatus
from database.process_identity import has_ended
from database.series.cancel_and_release import owners
from database.session.lifecycle import SessionLocal
from database.settings import Settings
from experiments.output.results_folder import ResultsFolder
from experiments.supervisor.database_thread import Transactions
from experiments.supervisor.recovery import take_over


def settle_gone(series_id: int, folder: ResultsFolder) -> int:
    """Record what runners had finished that died on this machine, and give back the rest.

    Nothing is done while every runner that holds experiments of the series may be alive. Only
    runners that provably are not at work any more are judged; those of other hosts are not.

    Returns
    -------
    int
        How many experiments are pending again.
    """
    settings = Settings.from_environment()
    with SessionLocal() as session:
        held = owners(session, series_id)
        session.commit()
        gone = [one for one in held if one.identity is not None and has_ended(one.runner_id, one.identity)]
        if not gone:
            return 0
        workers = {worker for one in gone for worker in one.workers}
        ended = _count_ended_by(session, series_id, workers)
        session.commit()

        watch = LivenessMonitor(
            settings.lease_s, settings.heartbeat_s
        )  # has seen nobody: only processes count
        take_over(Transactions(session), "", watch, folder)
        # Of other series too, which these runners worked before: they are not told here.
        ended = _count_ended_by(session, series_id, workers) - ended
        kept = sum(one.experiments for one in owners(session, series_id) if workers & set(one.workers))
        session.commit()
        return sum(one.experiments for one in gone) - ended - kept


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
