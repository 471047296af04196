"""How many experiments of a series stand where: tallied as they change, because counting takes long.

The counts of a series are the sums over its rows of `tally`. Whoever changes where an experiment
stands adds to one of them in the same transaction:

* what happens to an experiment that a worker owns (`database.claims.protocol`) goes to the row of that
  worker, which only the holder of that worker's lock writes: recording waits for nobody;
* what people and creations change goes to the row of no worker. It is locked last in its transaction,
  so that nobody holds it while waiting for experiments.

Nothing here counts as pending or running: the first is what is left, the second is few. What a
program writes through the models is tallied too (`database.counts_listener`), what a person changes with
SQL is not; `experiments database check` finds it, and `--repair` counts anew. So nothing that must be
right whatever people did (is something left to do?) rests on these numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass

from sqlalchemy import Connection, bindparam, func, select, text
from sqlalchemy.orm import Session

from database.models import ExperimentSeries, ExperimentStatus, Tally, Worker

_NO_WORKER = ""
_COLUMNS = ("experiments", "completed", "failed", "cancelled", "retired")
_ADD = text(
    f"INSERT INTO tally (series_id, worker_id, {', '.join(_COLUMNS)}) "
    f"VALUES (:series, :worker, {', '.join(f':{name}' for name in _COLUMNS)}) "
    "ON CONFLICT (series_id, worker_id) DO UPDATE SET "
    + ", ".join(f"{name} = tally.{name} + excluded.{name}" for name in _COLUMNS)
)
_TALLIED = f"SELECT series_id, {', '.join(_COLUMNS)}, 0 AS running FROM tally WHERE series_id IN :ids"
#: From the index's entries of that status, which are as many as there are workers.
_RUNNING = (
    "SELECT series_id, 0, 0, 0, 0, 0, count(*) FROM experiment "
    "WHERE series_id IN :ids AND status = 'running' AND NOT retired GROUP BY series_id"
)
_ENDS = ", ".join(
    f"CASE WHEN status = '{name}' THEN {{sign}}n ELSE 0 END AS {name}" for name in _COLUMNS[1:4]
)
# All of a series, less the retired: each from an index alone.
_COUNTED = (
    f"SELECT series_id, n AS experiments, {_ENDS.format(sign='')}, 0 AS retired, 0 AS running "
    "FROM (SELECT series_id, status, count(*) AS n FROM experiment "
    "WHERE series_id IN :ids GROUP BY series_id, status) AS every "
    f"UNION ALL SELECT series_id, -n, {_ENDS.format(sign='-')}, n, 0 "
    "FROM (SELECT series_id, status, count(*) AS n FROM experiment "
    "WHERE retired AND series_id IN :ids GROUP BY series_id, status) AS gone"
)
_NOT_TALLIED = (
    f"{_COUNTED} UNION ALL SELECT series_id, {', '.join(f'-{name}' for name in _COLUMNS)}, 0 "
    "FROM tally WHERE series_id IN :ids"
)
#: Series asked about at once: SQLite has a limit on the number of bound values.
_BATCH = 500


@dataclass(frozen=True)
class Change:
    """What is to be added to a tally; the statuses count experiments that the series file names.

    Attributes
    ----------
    experiments : int
        All that the series file names.
    completed, failed, cancelled : int
        Those of them that have ended so.
    retired : int
        Those that it no longer names, whatever their status.
    """

    experiments: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    retired: int = 0

    def __add__(self, other: Change) -> Change:
        return Change(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    @classmethod
    def of(cls, status: ExperimentStatus, count: int, *, retired: bool = False) -> Change:
        """Return what it changes that so many more stand so, or with a negative count so many less."""
        return cls(retired=count) if retired else cls(experiments=count) + cls.ended(status, count)

    @classmethod
    def moved(cls, before: ExperimentStatus, after: ExperimentStatus, count: int) -> Change:
        """Return what it changes that so many went from one status to another."""
        return cls.ended(before, -count) + cls.ended(after, count)

    @classmethod
    def ended(cls, status: ExperimentStatus, count: int) -> Change:
        """Return what it changes that so many have come to a status; one that is no end changes nothing."""
        return cls(**{status.value: count}) if status.is_finished() else cls()


def add(connection: Connection, series_id: int, change: Change, worker_id: str = _NO_WORKER) -> None:
    """Add to the tally of a series, in the transaction that changes the experiments.

    Parameters
    ----------
    connection : Connection
        In that transaction.
    series_id : int
        Of the experiments.
    change : Change
        What was changed.
    worker_id : str, optional
        Whose lock the transaction holds, when the experiments were a worker's.
    """
    values = dict(zip(_COLUMNS, astuple(change), strict=True))
    connection.execute(_ADD, {"series": series_id, "worker": worker_id, **values})


def add_ended(
    connection: Connection, worker_id: str, series_ids: Iterable[int | None], status: ExperimentStatus
) -> None:
    """Count in what has just come to a status, in the row of the worker whose lock this transaction holds.

    Parameters
    ----------
    series_ids : iterable of int or None
        Of each experiment; None for one that is not tallied, because the series file names it no more.
    status : ExperimentStatus
        One that is no end changes nothing.
    """
    if not status.is_finished():
        return
    for series_id, count in sorted(Counter(each for each in series_ids if each is not None).items()):
        add(connection, series_id, Change.ended(status, count), worker_id)


def recount(session: Session, series_id: int) -> bool:
    """Make the tally of a series that of its experiments, by counting them; workers may be at work.

    Returns
    -------
    bool
        Whether it was wrong.
    """
    connection = session.connection()
    # Locks the row: who has added to it is seen below, who will adds to what is written here. Workers add
    # to their own rows together with what they record: one statement sees both or neither.
    add(connection, series_id, Change())
    found = not_tallied(session, [series_id])
    if found:
        add(connection, series_id, found[series_id])
    return bool(found)


def recount_all(session: Session) -> list[str]:
    """Make all tallies right, and return the names of the series whose were not; safe to repeat."""
    names = {row.id: row.name for row in session.execute(select(ExperimentSeries.id, ExperimentSeries.name))}
    wrong = not_tallied(session, names)
    return [names[series_id] for series_id in wrong if recount(session, series_id)]


def not_tallied(session: Session, series_ids: Collection[int]) -> dict[int, Change]:
    """Return what is missing from the tallies of these series, by counting; right ones are left out."""
    found = _summed(session, _NOT_TALLIED, series_ids)
    return {series_id: Change(*sums[:-1]) for series_id, sums in found.items() if any(sums)}


@dataclass(frozen=True)
class Sums:
    """A tally, and how many of a series' experiments run now."""

    tally: Change
    running: int

    @property
    def contradict(self) -> bool:
        """Whether no series can stand so: somebody changed statuses with SQL."""
        ended = self.tally.completed + self.tally.failed + self.tally.cancelled
        return self.tally.experiments < ended + self.running or any(
            count < 0 for count in astuple(self.tally)
        )


def tallied(session: Session, series_ids: Collection[int]) -> dict[int, Sums]:
    """Return the tallies of these series; the cost does not depend on how many experiments they have."""
    return _told(session, f"{_TALLIED} UNION ALL {_RUNNING}", series_ids)


def counted(session: Session, series_ids: Collection[int]) -> dict[int, Sums]:
    """Return the same by counting, whatever anybody changed with SQL: about 0.1 s for each million."""
    return _told(session, f"{_COUNTED} UNION ALL {_RUNNING}", series_ids)


def _told(session: Session, source: str, series_ids: Collection[int]) -> dict[int, Sums]:
    found = _summed(session, source, series_ids)
    nothing = (0,) * (len(_COLUMNS) + 1)
    rows = {series_id: found.get(series_id, nothing) for series_id in series_ids}
    return {series_id: Sums(Change(*sums[:-1]), sums[-1]) for series_id, sums in rows.items()}


def _summed(session: Session, source: str, series_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Sum up rows; of one series in one statement, so that also without a snapshot they fit together."""
    columns = ", ".join(f"sum({name})" for name in (*_COLUMNS, "running"))
    statement = text(
        f"SELECT series_id, {columns} FROM ({source}) AS part GROUP BY series_id ORDER BY series_id"
    ).bindparams(bindparam("ids", expanding=True))
    ids = list(series_ids)
    found: dict[int, tuple[int, ...]] = {}
    for first in range(0, len(ids), _BATCH):
        rows = session.execute(statement, {"ids": ids[first : first + _BATCH]})
        found.update((row[0], tuple(map(int, row[1:]))) for row in rows)
    return found


@dataclass(frozen=True)
class Ended:
    """How many experiments ended, by the status that is left; one that was retried by hand counts again."""

    completed: int
    failed: int


def count_ended_by(session: Session, runner_ids: Collection[str]) -> Ended:
    """Count what these runners have ended; it costs as little as they have workers."""
    sums = select(func.coalesce(func.sum(Tally.completed), 0), func.coalesce(func.sum(Tally.failed), 0))
    workers = select(Worker.id).where(Worker.runner_id.in_(runner_ids))
    completed, failed = session.execute(sums.where(Tally.worker_id.in_(workers))).one()
    return Ended(int(completed), int(failed))
