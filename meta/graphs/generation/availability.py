"""Whether a series has graphs to draw, decided without reading all of it."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models import Experiment, ExperimentSeries, ExperimentStatus
from experiments.series_file.models import SeriesFile

#: As many completed experiments are read: those of a series return the same things.
_SAMPLE = 100


def can_be_drawn(session: Session, series: str) -> bool:
    """Return whether a series requests graphs, or has returned or logged a number that has one by default.

    Parameters
    ----------
    series : str
        Its name. Of one that is not recorded nothing can be drawn.
    """
    recorded = session.execute(
        select(ExperimentSeries.id, ExperimentSeries.resolved).where(ExperimentSeries.name == series)
    ).first()
    if recorded is None:
        return False
    if SeriesFile.recorded(recorded.resolved).graphs:
        return True
    returned = session.scalars(
        select(Experiment.results)
        .where(Experiment.series_id == recorded.id, Experiment.status == ExperimentStatus.COMPLETED)
        .limit(_SAMPLE)
    )
    return any(_has_number(results) for results in returned)


def _has_number(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_number(item) for item in value.values())
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
