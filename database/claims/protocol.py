"""The protocol by which experiments are claimed, started, recorded, released and revoked.

Promise: at-least-once execution, exactly-once recording.

States
------
::

                     claim              start                 record
    pending ----------------> claimed --------> running ------------------> completed
       ^  ^                     |  |              |  |  |                     (final)
       |  |   release, finalize |  |              |  |  | record, finalize: no retry left
       |  +---------------------+  |              |  |  +-----------------> failed
       |                           | revoke       |  | revoke
       |                           +--------------+--+--------------------> cancelled
       |  record, finalize with a retry left,     |                           |
       |  revoke as lost                          |                           |
       +------------------------------------------+                           |
       +--- `database.series.retry_and_delete.retry`, from failed or cancelled+

Whoever owns an experiment (`claimed`, `running`) is its `worker_id`; no other status has one. A
pending experiment with a `due_at` is a retry that waits: it is claimed when the database's clock
has passed that.

Contract
--------
* An experiment that is owned belongs to the worker in its `worker_id`; no other process writes it,
  except to recover it from a dead worker, to release what a worker has not started, or on a
  user's request (`revoke`). `attempt_number`, raised by each claim and by nothing else, is the
  fencing token: every write about an attempt names experiment, number and worker.
* A worker may claim and record only while its own row and its runner's row are `alive`, else
  `FencedError` is raised; a runner that was declared dead registers under a new id.
* Each attempt that ends leaves exactly one row of `attempt`, with the primary key (experiment,
  number): the record that its COMMIT succeeded, which makes recording idempotent. A partial unique
  index lets the database itself refuse a second completed attempt. Only what was claimed and is
  still owned has no row yet.
* Every function here is one transaction's work, safe to repeat, and does not commit: callers run
  it through `database.session.retry.retrying_transaction`.

Transactions
------------
claim
    `record_and_claim` with `ClaimRequest.claims`. First it returns again what the worker owns without
    knowing (an earlier COMMIT whose answer was lost); only a worker that owns nothing gets new claims.
start
    In the same transaction the experiment that will run next is shown as running; the exact
    start of an experiment is in its worker's journal only.
record
    `record_and_claim` by the worker, `record_for` by its supervisor while it is busy,
    `finalize_worker` after its end. What is owned is recorded with its row of `attempt`. Of the rest,
    what has a commit record of this worker with the same outcome was committed before; everything else
    was revoked, and is refused.
    The `RetryPolicy` decides the next status, by the outcomes since a user's last `retry`. What the
    database refuses for good is recorded as a note of that (`database.claims.rejected_rows`).
release
    `ClaimRequest.release`, `record_for(release=True)` and `finalize_worker`: what was not started
    becomes pending with the outcome `released`, hidden and uncounted. Only what has provably not begun.
reap
    `runners.declare_dead` fences a runner and its workers; `orphaned_workers` finds what such, or
    missing, workers own, and `finalize_worker` releases it. Repeated, it resolves every race between
    dying, registering and reaping.
cancel
    `revoke`: a user takes experiments from a worker that may be alive. Its supervisor finds out by
    `lookups.revoked`.

Locks
-----
On PostgreSQL (READ COMMITTED) every transaction first locks the row of one worker (FOR NO KEY
UPDATE; `finalize_worker` by its UPDATE), then what that worker owns, then the counters of that worker
(`database.counters`) that it adds to, and then pending experiments, of which it skips those that
others have locked (SKIP LOCKED). So a transaction that declares a worker dead waits for the worker's,
or the latter reads `dead`; a claim waits for no other; and as no transaction locks a second worker
while holding what a first one owns, there is no cycle. On SQLite every transaction begins with BEGIN
IMMEDIATE: there is one writer, and what it reads stays valid until it ends.

A COMMIT whose answer is lost
-----------------------------
When the connection is lost in COMMIT, its success is unknown. The caller runs the same
transaction again, never another one. Either it had failed: then everything is as it was. Or it
had succeeded: then claims are returned again, and records have their commit records. Or it is
still under way on the server: then the repetition waits for the lock of the worker's row.

Statements are set-based: recording a batch and claiming the next costs a few round trips, whatever
the batch's size. The cost does not depend on the number of experiments in the series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from database import counters
from database.claims import statements
from database.claims.rejected_rows import write_outcomes
from database.claims.types import (
    Chunk,
    ClaimRequest,
    ExchangeResult,
    Finished,
    RetryPolicy,
    Revocation,
    Token,
)
from database.engine import sqlite
from database.errors import FencedError
from database.models import Experiment, ExperimentSeries, ExperimentStatus, Outcome, ProcessState


def record_and_claim(
    session: Session,
    worker_id: str,
    finished: Sequence[Finished],
    *,
    request: ClaimRequest,
    policy: RetryPolicy,
) -> ExchangeResult:
    """Record what a worker has finished, release what it returns, and claim what it requests.

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
    released = [token for token in request.release if token in owned]
    _release(connection, worker_id, released)
    left = owned.keys() - recorded - set(released)
    kept = [token for token in request.keep if token in left]
    unknown = left.difference(kept)
    if unknown:
        claims = statements.claims_of(connection, worker_id, [token[0] for token in unknown])
    elif request.claims and not kept:
        statements.end_delays(connection, request.series_id)
        claims = statements.claim(
            connection, worker_id, request.series_id, request.claims, canary=request.canary
        )
    else:
        claims = []
    following = kept[0] if kept else (claims[0].experiment_id, claims[0].attempt_number) if claims else None
    if following is not None:
        statements.start(connection, worker_id, following)
    return ExchangeResult(recorded, refused, frozenset(kept), tuple(claims))


def record_for(
    session: Session,
    worker_id: str,
    finished: Sequence[Finished],
    *,
    current: Token,
    release: bool,
    policy: RetryPolicy,
) -> int:
    """Record, for a live worker that is busy, the finished attempts in its journal.

    Parameters
    ----------
    current : Token
        The attempt it is running; it is shown as running.
    release : bool
        Release everything else the worker owns: it waits behind a long experiment.

    Returns
    -------
    int
        How many claims were released.
    """
    connection = _begin(session)
    _require_alive(connection, worker_id)
    owned = statements.lock_owned(connection, worker_id)
    recorded, _, _ = _record(connection, worker_id, finished, owned=owned, policy=policy)
    if current not in owned:
        return 0  # the worker runs another attempt by now: what it owns may be running
    statements.start(connection, worker_id, current)
    if not release:
        return 0
    waiting = owned.keys() - recorded - {current}
    _release(connection, worker_id, waiting)
    return len(waiting)


def finalize_worker(
    session: Session,
    worker_id: str,
    finished: Sequence[Finished],
    *,
    state: ProcessState,
    policy: RetryPolicy | Callable[[Mapping[str, Any]], RetryPolicy],
    unseen: Callable[[Token], Finished] | None = None,
) -> int:
    """End a worker: record what is known of its attempts and release the rest.

    Parameters
    ----------
    finished : sequence of Finished
        From its journal, including the attempt in which it died.
    state : ProcessState
        `stopped` or `dead`.
    policy : RetryPolicy or callable
        That of the series; or a function that reads it from `ExperimentSeries.resolved`: a runner that
        takes over from another one may be working on another series.
    unseen : callable, optional
        Returns how an attempt ended that is not in `finished` and shown as running: where the journal is
        missing or damaged it may have begun. By default no such attempt has begun.

    Returns
    -------
    int
        How many of its experiments are pending again.
    """
    connection = _begin(session)
    statements.end_worker(connection, worker_id, state)
    owned = statements.lock_owned(connection, worker_id)
    if not isinstance(policy, RetryPolicy):
        policy = policy(_resolved_file_of(session, owned)) if owned else RetryPolicy()
    if unseen is not None:
        shown = statements.running_of(connection, worker_id) - {attempt.token for attempt in finished}
        finished = [*finished, *(unseen(token) for token in shown)]
    recorded, _, retried = _record(connection, worker_id, finished, owned=owned, policy=policy)
    rest = owned.keys() - recorded
    _release(connection, worker_id, rest)
    return retried + len(rest)


def revoke(session: Session, worker_id: str, revocation: Revocation) -> int:
    """Revoke experiments of a worker, alive or not, on a user's request.

    What the worker reports of these attempts afterwards is refused; its supervisor learns of it by
    `lookups.revoked`.

    Returns
    -------
    int
        How many experiments were revoked.
    """
    connection = _begin(session)
    statements.lock_worker(connection, worker_id)
    owned = statements.owned_of_series(connection, worker_id, revocation.series_id)
    matching = statements.matching(
        connection, [experiment.token[0] for experiment in owned], revocation.conditions
    )
    chosen = [
        experiment
        for experiment in owned
        if experiment.status in revocation.statuses and experiment.token[0] in matching
    ]
    is_end = revocation.outcome is Outcome.CANCELLED
    status = ExperimentStatus.CANCELLED if is_end else ExperimentStatus.PENDING
    _record_plain(connection, worker_id, [_revoked(experiment, revocation) for experiment in chosen], status)
    counters.add_ended(connection, worker_id, [experiment.counted_in for experiment in chosen], status)
    return len(chosen)


def add_chunks(session: Session, worker_id: str, token: Token, chunks: Sequence[Chunk]) -> None:
    """Record metrics that a running experiment has logged so far.

    A chunk may grow: recorded again with more points it replaces what was recorded, otherwise it changes
    nothing.

    Raises
    ------
    FencedError
        The attempt is no longer this worker's.
    """
    connection = _begin(session)
    _require_alive(connection, worker_id)
    if token not in statements.lock_owned(connection, worker_id):
        raise FencedError(f"experiment {token[0]} was revoked from this worker")
    statements.insert_chunks(connection, [(token, chunk) for chunk in chunks])


def orphaned_workers(session: Session) -> list[str]:
    """Return the workers that own experiments although they, or their runner, are not alive."""
    return statements.orphaned_workers(_begin(session))


def _begin(session: Session) -> Connection:
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        sqlite.hold_write_lock(connection)
    return connection


def _resolved_file_of(session: Session, owned: Iterable[Token]) -> dict[str, Any]:
    """Return the resolved file of the series of a worker's experiments: it claims from one series only."""
    experiment_id, _ = next(iter(owned))
    resolved: dict[str, Any] = session.scalars(
        select(ExperimentSeries.resolved)
        .join(Experiment, Experiment.series_id == ExperimentSeries.id)
        .where(Experiment.id == experiment_id)
    ).one()
    return resolved


def _require_alive(connection: Connection, worker_id: str) -> None:
    if not statements.lock_alive(connection, worker_id):
        raise FencedError("this worker was declared dead; nothing more of it is recorded")


def _released(token: Token) -> Finished:
    return Finished(*token, Outcome.RELEASED)


def _revoked(experiment: statements.OwnedExperiment, revocation: Revocation) -> Finished:
    if experiment.status is ExperimentStatus.CLAIMED and revocation.outcome is Outcome.LOST:
        return _released(experiment.token)
    started_at, now = experiment.started_at, experiment.now
    return Finished(
        *experiment.token,
        revocation.outcome,
        started_at=started_at,
        finished_at=now,
        duration_s=None if started_at is None else max(0.0, now - started_at),
        error_message=revocation.reason,
    )


def _record(
    connection: Connection,
    worker_id: str,
    finished: Sequence[Finished],
    *,
    owned: statements.Owned,
    policy: RetryPolicy,
) -> tuple[frozenset[Token], frozenset[Token], int]:
    """Record what is owned; find which of the rest an earlier transaction of this worker has recorded.

    Returns what is recorded, what is refused, and how many experiments are pending again.
    """
    mine = [attempt for attempt in finished if attempt.token in owned]
    others = [attempt for attempt in finished if attempt.token not in owned]
    retried = write_outcomes(
        connection,
        mine,
        lambda group: _record_owned(connection, worker_id, group, owned=owned, policy=policy),
    )
    recorded = {attempt.token for attempt in mine}
    committed = statements.commit_records(connection, worker_id, others) if others else set()
    refused = {attempt.token for attempt in others} - committed
    return frozenset(recorded | committed), frozenset(refused), retried


def _record_owned(
    connection: Connection,
    worker_id: str,
    finished: Sequence[Finished],
    *,
    owned: statements.Owned,
    policy: RetryPolicy,
) -> int:
    """Record attempts that are owned, with the next status of each; return how many are pending again."""
    groups: dict[ExperimentStatus, list[Finished]] = {}
    delays: list[tuple[Token, float]] = []
    for attempt in finished:
        status, delay_s = _decide(connection, attempt, policy)
        groups.setdefault(status, []).append(attempt)
        if delay_s:
            delays.append((attempt.token, delay_s))
    for status, group in groups.items():
        _record_plain(connection, worker_id, group, status)
        counters.add_ended(connection, worker_id, [owned[attempt.token] for attempt in group], status)
    if delays:
        statements.delay(connection, delays)
    return len(groups.get(ExperimentStatus.PENDING, ()))


def _decide(connection: Connection, attempt: Finished, policy: RetryPolicy) -> tuple[ExperimentStatus, float]:
    """Return the next status of the experiment, and how many seconds it waits before it is tried again."""
    earlier = 0
    if policy.limit(attempt.outcome):
        earlier = statements.count_outcomes(connection, attempt.experiment_id, attempt.outcome)
    status = policy.status_after(attempt.outcome, earlier)
    is_retry = status is ExperimentStatus.PENDING
    return status, policy.delay_after(attempt.outcome, earlier) if is_retry else 0.0


def _release(connection: Connection, worker_id: str, tokens: Iterable[Token]) -> None:
    _record_plain(connection, worker_id, [_released(token) for token in tokens], ExperimentStatus.PENDING)


def _record_plain(
    connection: Connection, worker_id: str, finished: Sequence[Finished], status: ExperimentStatus
) -> None:
    if not finished:
        return
    changed = statements.finish(connection, worker_id, finished, status)
    if changed != len(finished):  # impossible while the rows are locked; roll back
        raise FencedError(f"{len(finished) - changed} experiments changed owner inside a transaction")
    statements.insert_attempts(connection, worker_id, finished)
    chunks = [(attempt.token, chunk) for attempt in finished for chunk in attempt.chunks]
    if chunks:
        statements.insert_chunks(connection, chunks)
