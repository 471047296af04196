"""Findings about a database of a PostgreSQL server.

Other users' connections are shown in full only to members of ``pg_read_all_stats``.
"""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import Connection, text

from database.diagnosis.findings import Clients, Findings, LockWait, OpenTransaction
from database.engine.failed_statements import without_literals

_SETTINGS = (
    "default_transaction_isolation",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "synchronous_commit",
    "fsync",
    "full_page_writes",
    "max_connections",
    "shared_buffers",
    "work_mem",
    "autovacuum",
    "TimeZone",
    "server_encoding",
)
#: The clock of this database's time stamps, in seconds since 1970.
CLOCK = "SELECT extract(epoch FROM clock_timestamp())"
CLOCK_RESOLUTION_S = 1e-6
_SEES_OTHERS = text("SELECT pg_has_role('pg_read_all_stats', 'USAGE')")
_CLIENTS = (
    "SELECT coalesce(application_name, '') AS application, coalesce(state, '') AS state, count(*) AS count "
    "FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' "
    "GROUP BY 1, 2 ORDER BY 1, 2"
)
_ACTIVITY = (
    "SELECT pid, coalesce(application_name, '') AS application, {what}, "
    "CAST(extract(epoch FROM clock_timestamp() - {since}) AS float8) AS seconds, "
    "left(coalesce(query, ''), 200) AS statement "
    "FROM pg_stat_activity WHERE datname = current_database() AND {which} ORDER BY {since}"
)
_LOCK_WAITS = _ACTIVITY.format(
    what="pg_blocking_pids(pid) AS blocked_by", since="query_start", which="wait_event_type = 'Lock'"
)
_TRANSACTIONS = _ACTIVITY.format(
    what="coalesce(state, '') AS state",
    since="xact_start",
    which="xact_start IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
)
_Row = TypeVar("_Row", Clients, LockWait, OpenTransaction)


def examine(connection: Connection) -> Findings:
    """Read the settings, the size, the clients, the waits for locks, and the oldest transaction."""
    settings = connection.execute(
        text("SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(:names) ORDER BY name"),
        {"names": list(_SETTINGS)},
    )
    in_force = {str(name): str(value) for name, value in settings}
    return Findings(
        server=f"PostgreSQL {connection.scalar(text('SHOW server_version'))}",
        size_bytes=int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0),
        settings={name: in_force[name] for name in _SETTINGS if name in in_force},
        clients=_read(connection, Clients, _CLIENTS),
        lock_waits=_read(connection, LockWait, _LOCK_WAITS),
        oldest_transaction=next(iter(_read(connection, OpenTransaction, f"{_TRANSACTIONS} LIMIT 1")), None),
        sees_others=bool(connection.scalar(_SEES_OTHERS)),
    )


def _read(connection: Connection, kind: type[_Row], statement: str) -> tuple[_Row, ...]:
    rows = [dict(row._mapping) for row in connection.execute(text(statement))]
    for row in rows:
        if "statement" in row:  # of any program
            row["statement"] = without_literals(row["statement"])
    return tuple(kind(**row) for row in rows)
