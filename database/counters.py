"""Counters of a series' experiments by status, updated with each change: counting rows takes too long.

The counts of a series are the sums over its rows of the table `tally`. Whoever changes the status of an
experiment adds to one of them in the same transaction:

* changes of an experiment that a worker owns (`database.claims.protocol`) are added to the row of that
  worker, which only the holder of that worker's lock writes: recording waits for nobody;
* changes by users and creations are added to the row without a worker. It is locked last in a transaction,
  so that no transaction holds it while waiting for experiments.

Pending and running are not counted: the first is what is left, the second is few. What a program
writes through the models is counted too (`database.counters_listener`); what is changed with SQL is
not: `experiments database check` finds it, and `--repair` counts the rows again. So no decision that must
be right in any case (is work left?) is based on these numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass

from sqlalchemy import Connection, bindparam, func, select, text
from sqlalchemy.orm import Session

from database.models import ExperimentSeries, ExperimentStatus, SeriesCounters, Worker

_NO_WORKER = ""
_COLUMNS = ("experiments", "completed", "failed", "cancelled", "retired")
_ADD = text(
    f"INSERT INTO tally (series_id, worker_id, {', '.join(_COLUMNS)}) "
    f"VALUES (:series, :worker, {', '.join(f':{name}' for name in _COLUMNS)}) "
    "ON CONFLICT (series_id, worker_id) DO UPDATE SET "
    + ", ".join(f"{name} = tally.{name} + excluded.{name}" for name in _COLUMNS)
)
_COUNTERS = f"SELECT series_id, {', '.join(_COLUMNS)}, 0 AS running FROM tally WHERE series_id IN :ids"
#: Read from an index, which has as many entries of that status as there are workers.
_RUNNING = (
    "SELECT series_id, 0, 0, 0, 0, 0, count(*) FROM experiment "
    "WHERE series_id IN :ids AND status = 'running' AND NOT retired GROUP BY series_id"
)
_ENDS = ", ".join(
    f"CASE WHEN status = '{name}' THEN {{sign}}n ELSE 0 END AS {name}" for name in _COLUMNS[1:4]
)
# All of a series, less the retired: both from an index alone.
_ROWS = (
    f"SELECT series_id, n AS experiments, {_ENDS.format(sign='')}, 0 AS retired, 0 AS running "
    "FROM (SELECT series_id, status, count(*) AS n FROM experiment "
    "WHERE series_id IN :ids GROUP BY series_id, status) AS everything "
    f"UNION ALL SELECT series_id, -n, {_ENDS.format(sign='-')}, n, 0 "
    "FROM (SELECT series_id, status, count(*) AS n FROM experiment "
    "WHERE retired AND series_id IN :ids GROUP BY series_id, status) AS gone"
)
_DIFFERENCE = (
    f"{_ROWS} UNION ALL SELECT series_id, {', '.join(f'-{name}' for name in _COLUMNS)}, 0 "
    "FROM tally WHERE series_id IN :ids"
)
#: Series per statement: SQLite has a limit on the number of bound values.
_BATCH = 500


@dataclass(frozen=True)
class Counters:
    """The counters of a series, or what is to be added to them.

    Attributes
    ----------
    experiments : int
        All experiments that the series file names.
    completed, failed, cancelled : int
        Those of them with this status.
    retired : int
        Those that the file no longer names, whatever their status.
    """

    experiments: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    retired: int = 0

    def __add__(self, other: Counters) -> Counters:
        return Counters(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    @classmethod
    def of(cls, status: ExperimentStatus, count: int, *, retired: bool = False) -> Counters:
        """Return the change by `count` more experiments of a status, or fewer when it is negative."""
        return cls(retired=count) if retired else cls(experiments=count) + cls.ended(status, count)

    @classmethod
    def moved(cls, before: ExperimentStatus, after: ExperimentStatus, count: int) -> Counters:
        """Return the change by `count` experiments that went from one status to another."""
        return cls.ended(before, -count) + cls.ended(after, count)

    @classmethod
    def ended(cls, status: ExperimentStatus, count: int) -> Counters:
        """Return the change by `count` experiments that now have a status; nothing if it is not final."""
        return cls(**{status.value: count}) if status.is_finished() else cls()


def add(connection: Connection, series_id: int, change: Counters, worker_id: str = _NO_WORKER) -> None:
    """Add to the counters of a series, in the transaction that changes the experiments.

    Parameters
    ----------
    connection : Connection
        In that transaction.
    series_id : int
        Of the experiments.
    change : Counters
        What to add.
    worker_id : str, optional
        The worker that owned the experiments, whose lock the transaction holds.
    """
    values = dict(zip(_COLUMNS, astuple(change), strict=True))
    connection.execute(_ADD, {"series": series_id, "worker": worker_id, **values})


def add_ended(
    connection: Connection, worker_id: str, series_ids: Iterable[int | None], status: ExperimentStatus
) -> None:
    """Count experiments that now have a final status, in the row of the worker whose lock is held.

    Parameters
    ----------
    series_ids : iterable of int or None
        The series of each experiment; None for one that is not counted, because it is retired.
    status : ExperimentStatus
        Nothing is counted unless it is final.
    """
    if not status.is_finished():
        return
    for series_id, count in sorted(
        Counter(series_id for series_id in series_ids if series_id is not None).items()
    ):
        add(connection, series_id, Counters.ended(status, count), worker_id)


def recount(session: Session, series_id: int) -> bool:
    """Correct the counters of a series by counting its experiments; safe while workers run.

    Returns
    -------
    bool
        Whether they were wrong.
    """
    connection = session.connection()
    # Locks the row: earlier additions to it are seen below, later ones add to what is written here. Workers
    # add to their own rows together with what they record: one statement sees both or neither.
    add(connection, series_id, Counters())
    missing = missing_from_counters(session, [series_id])
    if missing:
        add(connection, series_id, missing[series_id])
    return bool(missing)


def recount_all(session: Session) -> list[str]:
    """Correct all counters, and return the names of the series that had wrong ones; safe to repeat."""
    names = {row.id: row.name for row in session.execute(select(ExperimentSeries.id, ExperimentSeries.name))}
    wrong = missing_from_counters(session, names)
    return [names[series_id] for series_id in wrong if recount(session, series_id)]


def missing_from_counters(session: Session, series_ids: Collection[int]) -> dict[int, Counters]:
    """Return what is missing from the counters of these series, by counting; correct ones are left out."""
    sums = _sum(session, _DIFFERENCE, series_ids)
    return {series_id: Counters(*row[:-1]) for series_id, row in sums.items() if any(row)}


@dataclass(frozen=True)
class StatusCounts:
    """How many experiments of a series have which status.

    The five statuses count what the series file names; `retired` is what it no longer names,
    whatever its status. Claimed experiments count as pending.
    """

    pending: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    retired: int = 0

    @property
    def experiments(self) -> int:
        """All that the series file names."""
        return self.finished + self.pending + self.running

    @property
    def finished(self) -> int:
        """Those with a final status."""
        return self.completed + self.failed + self.cancelled

    @property
    def are_inconsistent(self) -> bool:
        """Whether they are impossible: statuses were changed with SQL."""
        return any(count < 0 for count in astuple(self))

    @classmethod
    def of(cls, counters: Counters, running: int) -> StatusCounts:
        """Make the counts from counters: what has not ended and does not run is pending."""
        completed, failed, cancelled = counters.completed, counters.failed, counters.cancelled
        pending = counters.experiments - completed - failed - cancelled - running
        return cls(pending, running, completed, failed, cancelled, counters.retired)


def read_counters(session: Session, series_ids: Collection[int]) -> dict[int, StatusCounts]:
    """Return the counters of these series; the cost does not depend on how many experiments they have."""
    return _status_counts(session, f"{_COUNTERS} UNION ALL {_RUNNING}", series_ids)


def count_rows(session: Session, series_ids: Collection[int]) -> dict[int, StatusCounts]:
    """Count the rows instead, right whatever was changed with SQL: about 0.1 s for each million."""
    return _status_counts(session, f"{_ROWS} UNION ALL {_RUNNING}", series_ids)


def _status_counts(session: Session, source: str, series_ids: Collection[int]) -> dict[int, StatusCounts]:
    sums = _sum(session, source, series_ids)
    nothing = (0,) * (len(_COLUMNS) + 1)
    rows = {series_id: sums.get(series_id, nothing) for series_id in series_ids}
    return {series_id: StatusCounts.of(Counters(*row[:-1]), row[-1]) for series_id, row in rows.items()}


def _sum(session: Session, source: str, series_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Sum up rows by series, each in one statement, so that its sums are consistent without a snapshot."""
    columns = ", ".join(f"sum({name})" for name in (*_COLUMNS, "running"))
    statement = text(
        f"SELECT series_id, {columns} FROM ({source}) AS part GROUP BY series_id ORDER BY series_id"
    ).bindparams(bindparam("ids", expanding=True))
    ids = list(series_ids)
    sums: dict[int, tuple[int, ...]] = {}
    for first in range(0, len(ids), _BATCH):
        rows = session.execute(statement, {"ids": ids[first : first + _BATCH]})
        sums.update((row[0], tuple(map(int, row[1:]))) for row in rows)
    return sums


def count_ended_by(session: Session, runner_ids: Collection[str]) -> Counters:
    """Count the experiments that these runners have completed and failed; reads one row per worker.

    After a user's `retry` an experiment counts again.
    """
    totals = select(
        func.coalesce(func.sum(SeriesCounters.completed), 0),
        func.coalesce(func.sum(SeriesCounters.failed), 0),
    )
    workers = select(Worker.id).where(Worker.runner_id.in_(runner_ids))
    completed, failed = session.execute(totals.where(SeriesCounters.worker_id.in_(workers))).one()
    return Counters(completed=int(completed), failed=int(failed))
