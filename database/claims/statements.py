"""The SQL of the claim protocol (`database.claims.protocol`), in the dialects of SQLite and PostgreSQL.

Everything here works on a connection inside a transaction of the protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, select, text

from database import clock
from database.claims.types import Chunk, Claim, Finished, Token
from database.models import Experiment, ExperimentStatus, Outcome, ProcessState, exact_json
from database.models.experiment import FIRST

#: The database's clock, as a value of our time columns.
NOW = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
    "postgresql": "clock_timestamp()",
}
_OWNED = "worker_id = :worker AND status IN ('claimed', 'running')"
_NOT_PAUSED = "NOT EXISTS (SELECT 1 FROM experiment_series s WHERE s.id = :series AND s.paused)"
#: As the conditions of the partial indexes; `end_delays` makes the first true of what was delayed.
_WAITING = f"series_id = :series AND status = 'pending' AND NOT retired AND {_NOT_PAUSED}"
CLAIMABLE = f"{_WAITING} AND due_at IS NULL"
CANARY = f" AND {FIRST}"
DELAYED = f"{_WAITING} AND due_at IS NOT NULL"
#: The columns of `attempt` with their types on PostgreSQL; after the first six, as `Finished` has them.
_ATTEMPT_COLUMNS = {
    "experiment_id": "bigint",
    "number": "int",
    "worker_id": "text",
    "outcome": "text",
    "started_at": "float8",
    "finished_at": "float8",
    "duration_s": "float8",
    "error_type": "text",
    "error_message": "text",
    "traceback": "text",
    "exit_code": "int",
    "signal": "int",
    "peak_memory_bytes": "bigint",
    "cpu_s": "float8",
    "log_tail": "text",
    "code": "bigint",
    "threads": "int",
    "partial": "text",
}
_plain_columns = attrgetter(*list(_ATTEMPT_COLUMNS)[6:])
#: What a worker owns, and the series whose counters count it: None while it is retired.
Owned = dict[Token, int | None]
_COUNTED_IN = "CASE WHEN retired THEN NULL ELSE series_id END"
#: How many due retries become claimable at a time, so that no claim takes long.
_DUE_BATCH = 500


def lock_alive(connection: Connection, worker_id: str) -> bool:
    """Lock the worker's row if it and its runner are alive."""
    lock = " FOR NO KEY UPDATE OF worker" if _is_postgresql(connection) else ""
    statement = text(
        "SELECT 1 FROM worker JOIN runner ON runner.id = worker.runner_id "
        f"WHERE worker.id = :worker AND worker.state = 'alive' AND runner.state = 'alive'{lock}"
    )
    return connection.execute(statement, {"worker": worker_id}).first() is not None


def lock_owned(connection: Connection, worker_id: str) -> Owned:
    """Lock and return all that the worker owns."""
    lock = " FOR NO KEY UPDATE" if _is_postgresql(connection) else ""
    statement = text(f"SELECT id, attempt_number, {_COUNTED_IN} FROM experiment WHERE {_OWNED}{lock}")
    return {(row[0], row[1]): row[2] for row in connection.execute(statement, {"worker": worker_id})}


@dataclass(frozen=True)
class OwnedExperiment:
    """An experiment that a worker owns.

    Attributes
    ----------
    token : Token
    counted_in : int or None
        The series whose counters count it; None while it is retired.
    status : ExperimentStatus
        ``claimed`` or ``running``.
    started_at : float or None
        Since when it runs, in seconds since 1970 by the database's clock.
    now : float
        The time now, by the same clock.
    """

    token: Token
    counted_in: int | None
    status: ExperimentStatus
    started_at: float | None
    now: float


def lock_worker(connection: Connection, worker_id: str) -> None:
    """Lock the worker's row, if there is one, as its own transactions do first."""
    lock = " FOR NO KEY UPDATE" if _is_postgresql(connection) else ""
    connection.execute(text(f"SELECT 1 FROM worker WHERE id = :worker{lock}"), {"worker": worker_id})


def owned_of_series(connection: Connection, worker_id: str, series_id: int) -> list[OwnedExperiment]:
    """Lock and return what the worker owns of a series."""
    if _is_postgresql(connection):
        seconds, lock = "extract(epoch FROM {})", " FOR NO KEY UPDATE"
        now = "clock_timestamp()"
    else:
        seconds, lock = "(julianday({}) - 2440587.5) * 86400.0", ""
        now = "'now'"
    statement = text(
        f"SELECT id, attempt_number, {_COUNTED_IN}, status, {seconds.format('started_at')}, "
        f"{seconds.format(now)} "
        f"FROM experiment WHERE {_OWNED} AND series_id = :series{lock}"
    )
    return [
        OwnedExperiment(
            (row[0], row[1]),
            row[2],
            ExperimentStatus(row[3]),
            None if row[4] is None else float(row[4]),
            float(row[5]),
        )
        for row in connection.execute(statement, {"worker": worker_id, "series": series_id})
    ]


def matching(
    connection: Connection, experiment_ids: Collection[int], conditions: Sequence[ColumnElement[bool]]
) -> set[int]:
    """Return those of a worker's experiments that match all conditions."""
    if not conditions:
        return set(experiment_ids)
    statement = select(Experiment.id).where(Experiment.id.in_(experiment_ids), *conditions)
    return set(connection.scalars(statement))


def running_of(connection: Connection, worker_id: str) -> set[Token]:
    """Return what the database shows as running under the worker."""
    statement = text(
        "SELECT id, attempt_number FROM experiment WHERE worker_id = :worker AND status = 'running'"
    )
    return {(row[0], row[1]) for row in connection.execute(statement, {"worker": worker_id})}


def end_delays(connection: Connection, series_id: int) -> None:
    """Make a batch of due retries claimable."""
    lock = " FOR UPDATE SKIP LOCKED" if _is_postgresql(connection) else ""
    due_now = text(
        f"SELECT id FROM experiment WHERE {due(connection)} ORDER BY due_at LIMIT {_DUE_BATCH}{lock}"
    )
    ids = connection.execute(due_now, {"series": series_id}).scalars().all()
    if ids:
        statement = text("UPDATE experiment SET due_at = NULL WHERE id IN :ids")
        connection.execute(statement.bindparams(bindparam("ids", expanding=True)), {"ids": ids})


def claim(
    connection: Connection, worker_id: str, series_id: int, limit: int, *, canary: bool = False
) -> list[Claim]:
    """Claim the first pending experiments of a series, and return them in the order to run them."""
    now = NOW[connection.dialect.name]
    which = CLAIMABLE + (CANARY if canary else "")
    pending = f"SELECT id FROM experiment WHERE {which} ORDER BY priority DESC, position LIMIT :limit"
    assignment = (
        f"status = 'claimed', attempt_number = attempt_number + 1, worker_id = :worker, claimed_at = {now}, "
        "started_at = NULL, finished_at = NULL, results = NULL"
    )
    if _is_postgresql(connection):
        # MATERIALIZED: otherwise the planner may run the subquery again and claim more than the limit.
        statement = (
            f"WITH pick AS MATERIALIZED ({pending} FOR UPDATE SKIP LOCKED) "
            f"UPDATE experiment e SET {assignment} FROM pick, configuration c "
            "WHERE e.id = pick.id AND c.id = e.configuration_id "
            "RETURNING e.id, e.attempt_number, e.repetition, e.seed, CAST(c.parameters AS text), "
            "e.priority, e.position"
        ).replace("attempt_number + 1", "e.attempt_number + 1")
    else:
        statement = (
            f"UPDATE experiment SET {assignment} WHERE id IN ({pending}) "
            "RETURNING id, attempt_number, repetition, seed, "
            "(SELECT parameters FROM configuration WHERE configuration.id = experiment.configuration_id), "
            "priority, position"
        )
    arguments = {"series": series_id, "limit": limit, "worker": worker_id}
    rows = connection.execute(text(statement), arguments).all()
    return [_claim(row) for row in sorted(rows, key=_order)]  # the order of RETURNING is undefined


def claims_of(connection: Connection, worker_id: str, experiment_ids: Sequence[int]) -> list[Claim]:
    """Return as claims those of these experiments that the worker owns (the answer to a COMMIT was lost)."""
    statement = text(
        "SELECT e.id, e.attempt_number, e.repetition, e.seed, CAST(c.parameters AS text), "
        "e.priority, e.position "
        "FROM experiment e JOIN configuration c ON c.id = e.configuration_id "
        "WHERE e.worker_id = :worker AND e.status IN ('claimed', 'running')"
    )
    wanted = set(experiment_ids)
    rows = [row for row in connection.execute(statement, {"worker": worker_id}) if row[0] in wanted]
    return [_claim(row) for row in sorted(rows, key=_order)]


def start(connection: Connection, worker_id: str, token: Token) -> None:
    """Show an experiment as running; the exact time is in its attempt."""
    statement = text(
        f"UPDATE experiment SET status = 'running', started_at = {NOW[connection.dialect.name]} "
        "WHERE id = :id AND attempt_number = :number AND worker_id = :worker AND status = 'claimed'"
    )
    connection.execute(statement, {"id": token[0], "number": token[1], "worker": worker_id})


def finish(
    connection: Connection, worker_id: str, finished: Sequence[Finished], status: ExperimentStatus
) -> int:
    """Move owned experiments to their next status, and return their number."""
    moment = _moment(connection)
    rows = [
        (
            attempt.results,
            moment(attempt.started_at),
            moment(attempt.finished_at),
            attempt.experiment_id,
            attempt.attempt_number,
        )
        for attempt in finished
    ]
    if _is_postgresql(connection):
        statement = text(
            "UPDATE experiment e SET status = :status, worker_id = NULL, results = CAST(v.results AS json), "
            "started_at = to_timestamp(v.started), finished_at = to_timestamp(v.finished) "
            "FROM unnest(CAST(:c0 AS text[]), CAST(:c1 AS float8[]), CAST(:c2 AS float8[]), "
            "CAST(:c3 AS bigint[]), CAST(:c4 AS int[])) AS v(results, started, finished, id, number) "
            f"WHERE e.id = v.id AND e.attempt_number = v.number AND e.{_OWNED}"
        )
        scalars = {"status": status.value, "worker": worker_id}
        return connection.execute(statement, {**_arrays(rows), **scalars}).rowcount
    # Without SQLAlchemy, whose work for each row of `text` took a tenth of a worker's time.
    update = (
        "UPDATE experiment SET status = ?, worker_id = NULL, results = ?, started_at = ?, finished_at = ? "
        "WHERE id = ? AND attempt_number = ? AND worker_id = ? AND status IN ('claimed', 'running')"
    )
    return connection.exec_driver_sql(update, [(status.value, *row, worker_id) for row in rows]).rowcount


def insert_attempts(connection: Connection, worker_id: str, finished: Sequence[Finished]) -> None:
    """Write the rows of `attempt`: they prove that this transaction was committed."""
    moment = _moment(connection)
    rows = [
        (
            attempt.experiment_id,
            attempt.attempt_number,
            worker_id,
            attempt.outcome.value,
            moment(attempt.started_at),
            moment(attempt.finished_at),
            *_plain_columns(attempt),
        )
        for attempt in finished
    ]
    names = ", ".join(_ATTEMPT_COLUMNS)
    if _is_postgresql(connection):
        arrays = ", ".join(f"CAST(:c{n} AS {kind}[])" for n, kind in enumerate(_ATTEMPT_COLUMNS.values()))
        values = names.replace(
            "started_at, finished_at", "to_timestamp(started_at), to_timestamp(finished_at)"
        ).replace("partial", "CAST(partial AS json)")
        statement = f"INSERT INTO attempt ({names}) SELECT {values} FROM unnest({arrays}) AS v({names})"
        connection.execute(text(statement), _arrays(rows))
        return
    marks = ", ".join("?" * len(_ATTEMPT_COLUMNS))
    connection.exec_driver_sql(f"INSERT INTO attempt ({names}) VALUES ({marks})", rows)


def _arrays(rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Return the columns of rows as arrays for PostgreSQL: ``c0``, ``c1`` and so on."""
    return {f"c{number}": list(column) for number, column in enumerate(zip(*rows, strict=True))}


def insert_chunks(connection: Connection, chunks: Sequence[tuple[Token, Chunk]]) -> None:
    """Write metrics; of a chunk that was written before the longer one stays, which begins as the other."""
    statement = text(
        "INSERT INTO metric_chunk "
        "(experiment_id, attempt_number, metric, number, count, steps, readings, seconds) "
        "VALUES (:id, :attempt, :metric, :number, :count, :steps, :readings, :seconds) "
        "ON CONFLICT (experiment_id, attempt_number, metric, number) DO UPDATE SET count = excluded.count, "
        "steps = excluded.steps, readings = excluded.readings, seconds = excluded.seconds "
        "WHERE excluded.count > metric_chunk.count"
    )
    rows = [{"id": token[0], "attempt": token[1], **asdict(chunk)} for token, chunk in chunks]
    connection.execute(statement, rows)


def commit_records(connection: Connection, worker_id: str, finished: Sequence[Finished]) -> set[Token]:
    """Return those of these attempts that this worker, or its supervisor, has recorded with the same outcome.

    An attempt that was revoked has a row as well, with another outcome than the worker reports.
    """
    statement = text(
        "SELECT experiment_id, number, outcome FROM attempt "
        "WHERE worker_id = :worker AND experiment_id IN :ids"
    ).bindparams(bindparam("ids", expanding=True))
    ids = [attempt.experiment_id for attempt in finished]
    recorded = {tuple(row) for row in connection.execute(statement, {"worker": worker_id, "ids": ids})}
    return {attempt.token for attempt in finished if (*attempt.token, attempt.outcome.value) in recorded}


def count_outcomes(connection: Connection, experiment_id: int, outcome: Outcome) -> int:
    """Count the attempts of an experiment with this outcome since a user last asked for a retry."""
    statement = text(
        "SELECT count(*) FROM attempt WHERE experiment_id = :id AND outcome = :outcome "
        "AND number > (SELECT forgiven FROM experiment WHERE id = :id)"
    )
    return int(connection.execute(statement, {"id": experiment_id, "outcome": outcome.value}).scalar_one())


def end_worker(connection: Connection, worker_id: str, state: ProcessState) -> None:
    """End the worker's right to claim and record."""
    statement = text("UPDATE worker SET state = :state WHERE id = :worker AND state = 'alive'")
    connection.execute(statement, {"state": state.value, "worker": worker_id})


def delay(connection: Connection, delays: Sequence[tuple[Token, float]]) -> None:
    """Delay pending experiments by the given seconds, by the database's clock."""
    moment = (
        "clock_timestamp() + make_interval(secs => :delay)"
        if _is_postgresql(connection)
        else "strftime('%Y-%m-%d %H:%M:%f000', 'now', :delay || ' seconds')"
    )
    statement = text(
        f"UPDATE experiment SET due_at = {moment} "
        "WHERE id = :id AND attempt_number = :number AND status = 'pending'"
    )
    rows = [{"id": token[0], "number": token[1], "delay": round(delay_s, 3)} for token, delay_s in delays]
    connection.execute(statement, rows)


def orphaned_workers(connection: Connection) -> list[str]:
    """Return the owners of experiments that are missing, not alive, or whose runner is not alive."""
    statement = text(
        "SELECT DISTINCT e.worker_id FROM experiment e LEFT JOIN worker w ON w.id = e.worker_id "
        "LEFT JOIN runner r ON r.id = w.runner_id WHERE e.worker_id IS NOT NULL "
        "AND (w.id IS NULL OR w.state <> 'alive' OR r.state <> 'alive')"
    )
    return list(connection.execute(statement).scalars())


def due(connection: Connection) -> str:
    """Return the condition of delayed retries that are due."""
    # In a subquery, because PostgreSQL's clock is volatile: compared directly, no index would be used.
    return f"{DELAYED} AND due_at <= (SELECT {NOW[connection.dialect.name]})"


def _claim(row: Sequence[Any]) -> Claim:
    return Claim(row[0], row[1], row[2], row[3], exact_json.decode(row[4]))


def _order(row: Sequence[Any]) -> tuple[int, int, int]:
    return (-row[5], row[6], row[0])


def _sqlite_time(moment: float | None) -> str | None:
    if moment is None:
        return None
    second, microsecond = divmod(round(moment * 1e6), 1_000_000)
    return f"{_sqlite_second(second)}.{microsecond:06d}"


@lru_cache(maxsize=64)  # many experiments begin and end in one second
def _sqlite_second(second: int) -> str:
    return clock.date_of(second).replace(tzinfo=None).isoformat(" ", "seconds")


def _moment(connection: Connection) -> Callable[[float | None], float | str | None]:
    """Return what writes seconds since 1970 for `connection`: PostgreSQL converts them itself."""
    return (lambda moment: moment) if _is_postgresql(connection) else _sqlite_time


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"
