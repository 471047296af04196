"""The protocol by which experiments are claimed, started, recorded, given back and taken away.

Promise: at-least-once execution, exactly-once recording.

States
------
::

                     claim              start                 record
    pending ----------------> claimed --------> running ------------------> completed
       ^  ^                     |  |              |  |  |                     (final)
       |  |   give back, settle |  |              |  |  | record, settle: no retry left
       |  +---------------------+  |              |  |  +-----------------> failed
       |                           | take_away    |  | take_away              |
       |                           +--------------+--+--------------------> cancelled
       |  record, settle with a retry left,       |                           |
       |  take_away as lost                       |                           |
       +------------------------------------------+                           |
       +--------- `corrections.retry`, by a person, from failed or cancelled -+

Whoever owns an experiment (`claimed`, `running`) is its `worker_id`; no other status has one. A
pending experiment with a `due_at` is a retry that waits: it is claimed when the database's clock
has passed that.

Contract
--------
* An experiment that is owned belongs to the worker in its `worker_id`; nobody else writes it,
  except to take it away from a worker that is dead, to give back what a worker has not started, or
  because a person says so (`take_away`). `attempt_number`, raised by each claim and by nothing
  else, is the fencing token: every write about an attempt names experiment, number and worker.
* A worker may claim and record only while its own row and its runner's row say `alive`. Whoever
  finds otherwise raises `FencedError`; a runner that was declared dead registers under a new id.
* Each attempt that ends leaves exactly one row of `attempt`, with the primary key (experiment,
  number): the witness of its COMMIT. A partial unique index lets the database itself refuse a
  second completed attempt. Only what was claimed and is still owned has no row yet.
* Every function here is one transaction's work, safe to repeat, and does not commit: callers run
  it through `database.session.retry.retrying_transaction`.

Transactions
------------
claim
    `exchange` with `Wish.claims`. First what the worker owns without knowing is handed out again
    (an earlier COMMIT whose answer was lost); only a worker that owns nothing gets new claims.
start
    In the same transaction the experiment that will run next is shown as running; when exactly an
    experiment began only its worker's journal knows.
record
    `exchange` by the worker, `record_for` by its supervisor while it is busy, `settle` after its
    end. What is owned is recorded with its row of `attempt`. Of the rest what has a witness of this
    worker with the same outcome has landed before; everything else was taken away: it is refused.
    How it goes on decides the `RetryPolicy`, by the outcomes since a person last said `retry`. What
    the database refuses for good is recorded as a note of that (`database.claims.rejected_rows`).
release
    `Wish.give_back`, `record_for(give_back=True)` and `settle`: what was not started goes back
    with the outcome `released`, hidden and uncounted.
reap
    `runners.declare_dead` fences a runner and its workers; `orphaned_workers` finds what such, or
    missing, workers own, and `settle` gives it back. Repeated, it heals every race between dying,
    registering and reaping.
cancel
    `take_away`: a person takes experiments from a worker that may be alive. Its supervisor finds
    out by `revoked`.

Locks
-----
On PostgreSQL (READ COMMITTED) every transaction first locks the row of one worker (FOR NO KEY
UPDATE; `settle` by its UPDATE), then what that worker owns, then what it adds to, the tally of that
worker (`database.counts`), and then pending experiments, of which it steps over those that others
have locked (SKIP LOCKED). So whoever declares a worker dead waits
for its transaction, or that sees the verdict; a claim waits for no other; and as nobody locks a
second worker while holding what a first one owns, there is no cycle. On SQLite every transaction
begins with BEGIN IMMEDIATE: there is one writer, and what it reads is the truth until it ends.

The unknown fate of a COMMIT
----------------------------
When the connection dies in COMMIT, nobody knows whether it happened. The caller runs the same
transaction again, never another one. Either it had not happened: then everything is as it was. Or it
had: then claims are found owned and handed out again, and records find their witnesses. Or it is
still under way on the server: then the repetition waits for the lock of the worker's row.

Statements are set-based: recording a batch and claiming the next costs a few round trips, whatever
the batch's size. The cost does not depend on the number of experiments in the series.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from database import counts
from database.claims import statements
from database.claims.lookups import FirstExperiments, Outlook, first_experiments, outlook, revoked
from database.claims.rejected_rows import write_outcomes
from database.claims.types import Chunk, Exchange, Finished, Removal, RetryPolicy, Token, Wish
from database.engine import sqlite
from database.errors import FencedError
from database.models import Experiment, ExperimentSeries, ExperimentStatus, Outcome, ProcessState

__all__ = [
    "Exchange",
    "FirstExperiments",
    "Outlook",
    "Removal",
    "Token",
    "Wish",
    "add_chunks",
    "exchange",
    "first_experiments",
    "orphaned_workers",
    "outlook",
    "record_for",
    "revoked",
    "settle",
    "take_away",
]


def exchange(
    session: Session, worker_id: str, finished: Sequence[Finished], *, wish: Wish, policy: RetryPolicy
) -> Exchange:
    """Record what a worker has finished, take back what it gives, and claim what it wishes.

    The experiment it will start next is marked as running.

    Raises
    ------
    FencedError
        The worker or its runner was declared dead.
    """
    connection = _begin(session)
    _require_alive(connection, worker_id)
    owned = statements.lock_owned(connection, worker_id)
    recorded, refused, _ = _record(connection, worker_id, finished, owned=owned, policy=policy)
    given_back = [token for token in wish.give_back if token in owned]
    _give_back(connection, worker_id, given_back)
    left = owned.keys() - recorded - set(given_back)
    held = [token for token in wish.keep if token in left]
    unknown = left.difference(held)
    if unknown:
        claims = statements.claims_of(connection, worker_id, [token[0] for token in unknown])
    elif wish.claims and not held:
        statements.end_delays(connection, wish.series_id)
        claims = statements.claim(connection, worker_id, wish.series_id, wish.claims, canary=wish.canary)
    else:
        claims = []
    following = held[0] if held else (claims[0].experiment_id, claims[0].attempt_number) if claims else None
    if following is not None:
        statements.start(connection, worker_id, following)
    return Exchange(recorded, refused, frozenset(held), tuple(claims))


def record_for(
    session: Session,
    worker_id: str,
    finished: Sequence[Finished],
    *,
    current: Token,
    give_back: bool,
    policy: RetryPolicy,
) -> int:
    """Record, for a live worker that is busy, what its journal says it has finished.

    Parameters
    ----------
    current : Token
        What it is at; people see it as running.
    give_back : bool
        Release everything else the worker holds: it waits behind a long experiment.

    Returns
    -------
    int
        How many claims were given back.
    """
    connection = _begin(session)
    _require_alive(connection, worker_id)
    owned = statements.lock_owned(connection, worker_id)
    recorded, _, _ = _record(connection, worker_id, finished, owned=owned, policy=policy)
    if current not in owned:
        return 0  # the worker has moved on meanwhile: what it holds now may be running already
    statements.start(connection, worker_id, current)
    if not give_back:
        return 0
    waiting = owned.keys() - recorded - {current}
    _give_back(connection, worker_id, waiting)
    return len(waiting)


def settle(
    session: Session,
    worker_id: str,
    finished: Sequence[Finished] | None,
    *,
    state: ProcessState,
    policy: RetryPolicy | None = None,
) -> int:
    """End a worker: record what is known of its attempts and give back the rest.

    Parameters
    ----------
    finished : sequence of Finished or None
        From its journal, the one it died in included. None when the journal is out of reach:
        then what the database shows as running is `lost`, without blame.
    state : ProcessState
        `stopped` or `dead`.
    policy : RetryPolicy, optional
        By default that of the series which it worked on: whoever takes over from another runner
        may be at a series with other rules.

    Returns
    -------
    int
        How many of its experiments are pending again.
    """
    connection = _begin(session)
    statements.end_worker(connection, worker_id, state)
    owned = statements.lock_owned(connection, worker_id)
    if policy is None:
        policy = _policy_of(session, owned)
    if finished is None:
        running = statements.running_of(connection, worker_id)
        finished = [Finished(*token, Outcome.LOST) for token in owned if token[0] in running]
    recorded, _, again = _record(connection, worker_id, finished, owned=owned, policy=policy)
    rest = owned.keys() - recorded
    _give_back(connection, worker_id, rest)
    return again + len(rest)


def take_away(session: Session, worker_id: str, removal: Removal) -> int:
    """Take from a worker, alive or not, what a person does not want it to do any more.

    What it says of these attempts afterwards is refused; `revoked` tells its supervisor.

    Returns
    -------
    int
        How many were taken away.
    """
    connection = _begin(session)
    statements.lock_worker(connection, worker_id)
    held = statements.holdings(connection, worker_id, removal.series_id)
    wanted = statements.fulfilling(connection, [one.token[0] for one in held], removal.conditions)
    held = [one for one in held if one.status in removal.statuses and one.token[0] in wanted]
    ended = [_taken(one, removal) for one in held]
    is_end = removal.outcome is Outcome.CANCELLED
    status = ExperimentStatus.CANCELLED if is_end else ExperimentStatus.PENDING
    _record_plain(connection, worker_id, ended, status)
    counts.add_ended(connection, worker_id, [one.tallied_in for one in held], status)
    return len(ended)


def add_chunks(session: Session, worker_id: str, token: Token, chunks: Sequence[Chunk]) -> None:
    """Record the metrics that a running experiment has logged so far.

    Raises
    ------
    FencedError
        The attempt is no longer this worker's.
    """
    connection = _begin(session)
    _require_alive(connection, worker_id)
    if token not in statements.lock_owned(connection, worker_id):
        raise FencedError(f"experiment {token[0]} was taken away from this worker")
    statements.insert_chunks(connection, [(token, chunk) for chunk in chunks])


def orphaned_workers(session: Session) -> list[str]:
    """Return the workers that own experiments although they, or their runner, are not alive.

    Settling them makes every race between dying, registering and reaping heal itself.
    """
    return statements.orphaned_workers(_begin(session))


def _begin(session: Session) -> Connection:
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        sqlite.hold_write_lock(connection)
    return connection


def _policy_of(session: Session, owned: Collection[Token]) -> RetryPolicy:
    """Return what the series of a worker's experiments says; a worker claims from one series only."""
    if not owned:
        return RetryPolicy()
    experiment_id, _ = next(iter(owned))
    resolved = session.scalars(
        select(ExperimentSeries.resolved)
        .join(Experiment, Experiment.series_id == ExperimentSeries.id)
        .where(Experiment.id == experiment_id)
    ).one()
    return RetryPolicy.of_series(resolved)


def _require_alive(connection: Connection, worker_id: str) -> None:
    if not statements.lock_alive(connection, worker_id):
        raise FencedError("this worker was declared dead; what it still does is not recorded")


def _released(token: Token) -> Finished:
    return Finished(*token, Outcome.RELEASED)


def _taken(held: statements.Held, removal: Removal) -> Finished:
    if held.status is ExperimentStatus.CLAIMED and removal.outcome is Outcome.LOST:
        return _released(held.token)
    return Finished(
        *held.token,
        removal.outcome,
        started_at=held.started_at,
        finished_at=held.now,
        duration_s=None if held.started_at is None else max(0.0, held.now - held.started_at),
        error_message=removal.reason,
    )


def _record(
    connection: Connection,
    worker_id: str,
    finished: Sequence[Finished],
    *,
    owned: statements.Owned,
    policy: RetryPolicy,
) -> tuple[frozenset[Token], frozenset[Token], int]:
    """Record what is owned; of the rest tell what an earlier transaction of ours has recorded.

    Returns what is recorded, what is refused, and how many experiments are pending again.
    """
    mine = [one for one in finished if (one.experiment_id, one.attempt_number) in owned]
    others = [one for one in finished if (one.experiment_id, one.attempt_number) not in owned]
    again = write_outcomes(
        connection, mine, lambda group: _record_mine(connection, worker_id, group, owned=owned, policy=policy)
    )
    recorded = {(one.experiment_id, one.attempt_number) for one in mine}
    witnessed = statements.witnesses(connection, worker_id, others) if others else set()
    refused = {(one.experiment_id, one.attempt_number) for one in others} - witnessed
    return frozenset(recorded | witnessed), frozenset(refused), sum(again)


def _record_mine(
    connection: Connection,
    worker_id: str,
    finished: Sequence[Finished],
    *,
    owned: statements.Owned,
    policy: RetryPolicy,
) -> int:
    """Record what is owned, each as it goes on; return how many are pending again."""
    mine: dict[ExperimentStatus, list[Finished]] = {}
    waits: list[tuple[Token, float]] = []
    for one in finished:
        status, delay_s = _decide(connection, one, policy)
        mine.setdefault(status, []).append(one)
        if delay_s:
            waits.append(((one.experiment_id, one.attempt_number), delay_s))
    for status, group in mine.items():
        _record_plain(connection, worker_id, group, status)
        tallied_in = [owned[one.experiment_id, one.attempt_number] for one in group]
        counts.add_ended(connection, worker_id, tallied_in, status)
    if waits:
        statements.delay(connection, waits)
    return len(mine.get(ExperimentStatus.PENDING, ()))


def _decide(connection: Connection, one: Finished, policy: RetryPolicy) -> tuple[ExperimentStatus, float]:
    """Return what becomes of the experiment, and how many seconds it waits before it is tried again."""
    earlier = 0
    if policy.limit(one.outcome):
        earlier = statements.count_outcomes(connection, one.experiment_id, one.outcome)
    status = policy.status_after(one.outcome, earlier)
    return status, policy.delay_after(one.outcome, earlier) if status is ExperimentStatus.PENDING else 0.0


def _give_back(connection: Connection, worker_id: str, tokens: Iterable[Token]) -> None:
    _record_plain(connection, worker_id, [_released(token) for token in tokens], ExperimentStatus.PENDING)


def _record_plain(
    connection: Connection, worker_id: str, finished: Iterable[Finished], status: ExperimentStatus
) -> None:
    group = list(finished)
    if not group:
        return
    changed = statements.finish(connection, worker_id, group, status)
    if changed != len(group):  # impossible while the rows are locked; nothing of it may stay
        raise FencedError(f"{len(group) - changed} experiments changed hands inside a transaction")
    statements.insert_attempts(connection, worker_id, group)
    chunks = [((one.experiment_id, one.attempt_number), chunk) for one in group for chunk in one.chunks]
    if chunks:
        statements.insert_chunks(connection, chunks)
