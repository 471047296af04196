"""Which experiments of a series a correction is about, and changing many of them in short transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session

from database import counts
from database.counts import Change
from database.counts_listener import TALLIED
from database.errors import NotFoundError
from database.models import Attempt, Experiment, ExperimentStatus, Outcome
from database.session.lifecycle import commit_part

#: Rows changed per transaction, so that no other writer waits long.
PART = 20_000


@dataclass(frozen=True)
class Selection:
    """Which experiments; what is None or empty leaves nothing out.

    Attributes
    ----------
    experiment_ids : tuple of int
        Only these.
    outcome : Outcome or None
        Only those whose last attempt ended so.
    where : condition or None
        Only those that it is true of; `Expression.to_sql` makes one.
    """

    experiment_ids: tuple[int, ...] = ()
    outcome: Outcome | None = None
    where: ColumnElement[bool] | None = None

    def is_everything(self) -> bool:
        """Say whether nothing is left out."""
        return not (self.experiment_ids or self.outcome or self.where is not None)

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what an experiment must fulfil."""
        found: list[ColumnElement[bool]] = []
        if self.experiment_ids:
            found.append(Experiment.id.in_(self.experiment_ids))
        if self.outcome is not None:
            last = (Attempt.experiment_id == Experiment.id) & (Attempt.number == Experiment.attempt_number)
            found.append(exists().where(last, Attempt.outcome == self.outcome).correlate(Experiment))
        if self.where is not None:
            found.append(self.where)
        return found


def require_of_series(session: Session, series_id: int, selection: Selection) -> None:
    """Refuse experiments that are not of the series.

    Raises
    ------
    NotFoundError
        The message names them.
    """
    if not selection.experiment_ids:
        return
    found = session.scalars(
        select(Experiment.id).where(
            Experiment.series_id == series_id, Experiment.id.in_(selection.experiment_ids)
        )
    )
    strange = sorted(set(selection.experiment_ids).difference(found))
    if strange:
        raise NotFoundError(
            f"the series has no experiment {', '.join(map(str, strange))}; `experiments list SERIES` shows "
            "those it has"
        )


#: All experiments of a series.
EVERYTHING = Selection()


def move_in_parts(
    session: Session,
    series_id: int,
    selection: Selection,
    *,
    before: ExperimentStatus,
    values: Mapping[str, Any],
) -> int:
    """Give those experiments another status that have a certain one now, as `update_in_parts` does.

    Only what the series file names: nothing would run the others.

    Parameters
    ----------
    before : ExperimentStatus
        One that no worker owns.
    values : mapping
        What to write, the new status among it.

    Returns
    -------
    int
        How many there were.
    """
    conditions = (
        Experiment.series_id == series_id,
        ~Experiment.retired,
        *selection.conditions(),
        Experiment.status == before,
    )

    def tally(count: int) -> None:
        counts.add(session.connection(), series_id, Change.moved(before, values["status"], count))

    return update_in_parts(session, conditions, values, then=tally)


def update_in_parts(
    session: Session,
    conditions: Sequence[ColumnElement[bool]],
    values: Mapping[str, Any],
    *,
    then: Callable[[int], None] = lambda _: None,
) -> int:
    """Update what fulfils the conditions, in transactions of at most about `PART` rows.

    Each row is judged by the transaction that changes it: what a worker has claimed since it was
    looked for is left alone, if the conditions say so.

    Parameters
    ----------
    then : callable, optional
        Told at the end of each transaction how many rows it has changed, if any.

    Returns
    -------
    int
        How many rows were changed.
    """
    changed = 0
    for first, last in list(_ranges(session, conditions)):
        commit_part(session)
        result = session.execute(
            update(Experiment)
            .where(Experiment.id.between(first, last), *conditions)
            .values(dict(values))
            .execution_options(synchronize_session=False, **TALLIED)
        )
        count = int(result.rowcount)  # type: ignore[attr-defined]  # a cursor result, as for every UPDATE
        if count:
            then(count)
        changed += count
    return changed


def _ranges(session: Session, conditions: Sequence[ColumnElement[bool]]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last id of each part, without holding all of them."""
    found = session.scalars(
        select(Experiment.id).where(*conditions).order_by(Experiment.id).execution_options(yield_per=1000)
    )
    for part in found.partitions(PART):
        yield part[0], part[-1]
