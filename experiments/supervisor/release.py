"""Releasing what dead runners own: recorded from their journals where those are here, else as lost."""

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
            if owner.identity is not None and has_ended(owner.runner_id, owner.identity)
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
