"""Findings about a database of a PostgreSQL server.

Other users' connections are shown in full only to members of ``pg_read_all_stats``.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from database.diagnosis.findings import Clients, Findings, LockWait, OpenTransaction

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
_CLIENTS = text(
    "SELECT coalesce(application_name, '') AS application, coalesce(state, '') AS state, "
    "count(*) AS connections "
    "FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' "
    "GROUP BY 1, 2 ORDER BY 1, 2"
)
_LOCK_WAITS = text(
    "SELECT pid, coalesce(application_name, '') AS application, "
    "extract(epoch FROM clock_timestamp() - query_start) AS seconds, pg_blocking_pids(pid) AS blocked_by, "
    "left(coalesce(query, ''), 200) AS statement "
    "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
    "ORDER BY query_start"
)
_OLDEST = text(
    "SELECT pid, coalesce(application_name, '') AS application, coalesce(state, '') AS state, "
    "extract(epoch FROM clock_timestamp() - xact_start) AS seconds, "
    "left(coalesce(query, ''), 200) AS statement "
    "FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL "
    "AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 1"
)


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
        clients=tuple(
            Clients(row.application, row.state, row.connections) for row in connection.execute(_CLIENTS)
        ),
        lock_waits=tuple(
            LockWait(row.pid, row.application, float(row.seconds), tuple(row.blocked_by), row.statement)
            for row in connection.execute(_LOCK_WAITS)
        ),
        oldest_transaction=_oldest_transaction(connection),
        sees_others=bool(connection.scalar(_SEES_OTHERS)),
    )


def _oldest_transaction(connection: Connection) -> OpenTransaction | None:
    row = connection.execute(_OLDEST).first()
    if row is None:
        return None
    return OpenTransaction(row.pid, row.application, row.state, float(row.seconds), row.statement)
