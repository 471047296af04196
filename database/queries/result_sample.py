"""The results of a few completed experiments of a series."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models import Experiment, ExperimentStatus


def sampled_results(session: Session, series_id: int, most: int) -> list[Any]:
    """Return the results of the first and the last completed experiments, as they are recorded.

    Parameters
    ----------
    session : Session
    series_id : int
    most : int
        How many experiments are read at either end: the cost does not depend on how many there are.
    """
    ends = (Experiment.finished_at, Experiment.finished_at.desc())
    completed = select(Experiment.results).where(
        Experiment.series_id == series_id, Experiment.status == ExperimentStatus.COMPLETED
    )
    return [results for order in ends for results in session.scalars(completed.order_by(order).limit(most))]
