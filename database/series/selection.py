"""Choosing experiments of a series, and changing many of them in short transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from database import counters
from database.counters import Counters
from database.counters_listener import COUNTED
from database.errors import NotFoundError
from database.models import Attempt, Experiment, ExperimentStatus, Outcome
from database.session.lifecycle import commit_part

#: Rows changed per transaction, so that no other writer waits long.
BATCH = 20_000


@dataclass(frozen=True)
class Selection:
    """Which experiments of a series; an attribute that is None or empty excludes nothing.

    Attributes
    ----------
    experiment_ids : tuple of int
        Only these.
    outcome : Outcome or None
        Only those whose last attempt had this outcome.
    where : condition or None
        Only those that match it; made by `Expression.to_sql`.
    """

    experiment_ids: tuple[int, ...] = ()
    outcome: Outcome | None = None
    where: ColumnElement[bool] | None = None

    def is_everything(self) -> bool:
        """Whether nothing is excluded."""
        return not (self.experiment_ids or self.outcome or self.where is not None)

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions that an experiment must match."""
        conditions: list[ColumnElement[bool]] = []
        if self.experiment_ids:
            conditions.append(Experiment.id.in_(self.experiment_ids))
        if self.outcome is not None:
            last = (Attempt.experiment_id == Experiment.id) & (Attempt.number == Experiment.attempt_number)
            conditions.append(exists().where(last, Attempt.outcome == self.outcome).correlate(Experiment))
        if self.where is not None:
            conditions.append(self.where)
        return conditions


def require_of_series(session: Session, series_id: int, selection: Selection) -> None:
    """Check that the selected experiments belong to the series.

    Raises
    ------
    NotFoundError
        An experiment does not; the message names all such experiments.
    """
    if not selection.experiment_ids:
        return
    known = session.scalars(
        select(Experiment.id).where(
            Experiment.series_id == series_id, Experiment.id.in_(selection.experiment_ids)
        )
    )
    unknown = sorted(set(selection.experiment_ids).difference(known))
    if unknown:
        raise NotFoundError(
            f"the series has no experiment {', '.join(map(str, unknown))}; `experiments list SERIES` shows "
            "those it has"
        )


#: All experiments of a series.
EVERYTHING = Selection()


def count(session: Session, series_id: int, selection: Selection, status: ExperimentStatus) -> int:
    """Count the selected experiments of a series with a status that its file names."""
    chosen = select(func.count()).select_from(Experiment).where(*_chosen(series_id, selection, status))
    return session.scalar(chosen) or 0


def _chosen(
    series_id: int, selection: Selection, status: ExperimentStatus
) -> tuple[ColumnElement[bool], ...]:
    in_series = (Experiment.series_id == series_id, ~Experiment.retired)
    return (*in_series, *selection.conditions(), Experiment.status == status)


def change_in_batches(
    session: Session,
    series_id: int,
    selection: Selection,
    *conditions: ColumnElement[bool],
    before: ExperimentStatus,
    values: Mapping[str, Any],
    first: Callable[[Session, Sequence[ColumnElement[bool]]], Sequence[ColumnElement[bool]]] | None = None,
) -> int:
    """Change those experiments that have a status, in transactions of at most about `BATCH` rows.

    Each transaction checks the conditions again: what a worker has claimed meanwhile is left out. So are
    retired experiments: nothing would run them.

    Parameters
    ----------
    *conditions : condition on Experiment
        Only experiments that match them, too.
    before : ExperimentStatus
        A status in which no worker owns an experiment.
    values : mapping
        What to write, a new status included.
    first : callable, optional
        Called in each transaction before the change, with the conditions on the batch; returns the
        conditions, besides the range of ids, on which experiments to change instead.

    Returns
    -------
    int
        How many experiments were changed.
    """
    chosen = (*_chosen(series_id, selection, before), *conditions)
    after = values.get("status", before)
    changed = 0
    for lowest, highest in list(_ranges(session, chosen)):
        commit_part(session)
        batch = (Experiment.series_id == series_id, Experiment.id.between(lowest, highest))
        changing = chosen if first is None else first(session, (*batch, *chosen))
        result = session.execute(
            update(Experiment)
            .where(*batch, *changing)
            .values(dict(values))
            .execution_options(synchronize_session=False, **COUNTED)
        )
        count = int(result.rowcount)  # type: ignore[attr-defined]  # a cursor result, as for every UPDATE
        if count:
            counters.add(session.connection(), series_id, Counters.moved(before, after, count))
        changed += count
    return changed


def _ranges(session: Session, conditions: Sequence[ColumnElement[bool]]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last id of each batch, without holding all ids."""
    ids = session.scalars(
        select(Experiment.id).where(*conditions).order_by(Experiment.id).execution_options(yield_per=1000)
    )
    for batch in ids.partitions(BATCH):
        yield batch[0], batch[-1]
