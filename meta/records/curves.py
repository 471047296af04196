"""The logged curves of a series: from chunks of bytes to one curve per experiment.

A curve is that of one attempt: the completed one, else the last that began. Another attempt began anew, with
another state: its points do not belong to the result, even where this attempt has none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Row, and_, case, func, select
from sqlalchemy.orm import Session, aliased

from database.errors import NotFoundError
from database.models import Attempt, Experiment, ExperimentStatus, MetricChunk, Outcome
from database.suggestions import suggestion
from meta.statistics.estimators.arrays import Floats, Integers
from meta.statistics.estimators.curves import Curve

_log = logging.getLogger(__name__)

#: Of a step, a reading and a time each.
_POINT_BYTES = 8
#: Rows fetched at once; a chunk may hold many points.
_ROWS_PER_FETCH = 500
OF_GRAPHS = and_(Experiment.status == ExperimentStatus.COMPLETED, Experiment.retired.is_(False))


@dataclass(frozen=True)
class LoggedCurve:
    """One experiment's metric over steps.

    Attributes
    ----------
    experiment_id : int
    curve : Curve
        For one step the later point wins.
    seconds : ndarray of float64, shape (points,)
        The time of each point since the start of the attempt; empty unless it was read.
    """

    experiment_id: int
    curve: Curve
    seconds: Floats = field(default_factory=lambda: np.empty(0))


def metric_names(session: Session, series_id: int) -> list[str]:
    """Return the names of all metrics of which an experiment of a series has a curve."""
    logged = (
        select(MetricChunk.metric)
        .join(Experiment, Experiment.id == MetricChunk.experiment_id)
        .where(*_of_curves(series_id))
    )
    return sorted(session.scalars(logged.distinct()))


def known_metrics(chosen: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return `chosen` without repeats.

    Raises
    ------
    NotFoundError
        One of them was never logged; the message names the most similar ones that were.
    """
    for name in chosen:
        if name not in known:
            raise NotFoundError(
                f"no experiment logged a metric named {name!r}; {suggestion(name, known, kind='logged')}"
            )
    return list(dict.fromkeys(chosen))


def read_curves(
    session: Session,
    series_id: int,
    metric: str,
    *,
    where: ColumnElement[bool] = OF_GRAPHS,
    timed: bool = False,
) -> Iterator[LoggedCurve]:
    """Yield the curves of experiments; those that logged at the same steps share the array of steps.

    Parameters
    ----------
    where : condition on Experiment
        Only of experiments that match it; by default of those that graphs show.
    timed : bool
        Read also the time of each point.
    """
    statement = (
        select(
            MetricChunk.experiment_id,
            MetricChunk.steps,
            MetricChunk.readings,
            *((MetricChunk.seconds,) if timed else ()),
        )
        .join(Experiment, Experiment.id == MetricChunk.experiment_id)
        .where(*_of_curves(series_id), MetricChunk.metric == metric, where)
        .order_by(MetricChunk.experiment_id, MetricChunk.number)
        .execution_options(yield_per=_ROWS_PER_FETCH)
    )
    layouts: dict[bytes, tuple[Integers, Integers | None]] = {}
    for experiment_id, chunks in groupby(
        filter(_is_whole, session.execute(statement)), key=lambda chunk: chunk[0]
    ):
        _, *columns = zip(*chunks, strict=True)
        encoded_steps, *encoded = map(b"".join, columns)
        if encoded_steps not in layouts:
            layouts[encoded_steps] = _ascending(np.frombuffer(encoded_steps, dtype="<i8"))
        steps, kept = layouts[encoded_steps]
        readings, *seconds = (np.frombuffer(part, dtype="<f8") for part in encoded)
        if kept is not None:
            readings, *seconds = (part[kept] for part in (readings, *seconds))
        yield LoggedCurve(experiment_id, Curve(steps, readings), *seconds)


def _of_curves(series_id: int) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which a chunk belongs to a curve of a series."""
    any_chunk = aliased(MetricChunk)
    attempts = select(func.max(Attempt.number)).where(Attempt.experiment_id == Experiment.id)
    number = func.coalesce(
        attempts.where(Attempt.outcome == Outcome.COMPLETED).scalar_subquery(),
        # The attempt that runs has no row yet; one that is claimed has not begun.
        case((Experiment.status == ExperimentStatus.RUNNING, Experiment.attempt_number)),
        attempts.where(Attempt.outcome.not_in([Outcome.RELEASED, Outcome.REPLACED])).scalar_subquery(),
        # A series that was made by hand may have no attempts.
        select(func.max(any_chunk.attempt_number))
        .where(
            any_chunk.experiment_id == Experiment.id,
            ~select(Attempt.number).where(Attempt.experiment_id == any_chunk.experiment_id).exists(),
        )
        .scalar_subquery(),
    )
    return Experiment.series_id == series_id, MetricChunk.attempt_number == number


def _is_whole(chunk: Row[Any]) -> bool:
    """Return whether the arrays of a chunk have as many points each; rows written by hand need not."""
    arrays: Sequence[bytes] = chunk[1:]
    if len({len(array) for array in arrays}) == 1 and len(arrays[0]) % _POINT_BYTES == 0:
        return True
    _log.warning("experiment %d: damaged points of a metric are left out", chunk[0])
    return False


def _ascending(steps: Integers) -> tuple[Integers, Integers | None]:
    """Return ascending distinct steps, and which points they keep (None: all, as they are)."""
    if (steps[1:] > steps[:-1]).all():
        return steps, None
    # In reverse order the first point of each step is the one logged last.
    ascending, from_end = np.unique(steps[::-1], return_index=True)
    return ascending, len(steps) - 1 - from_end
