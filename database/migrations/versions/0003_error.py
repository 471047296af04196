"""The outcome of a target that raised is `error`; `failed` is a status only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_v0.1.0"
down_revision = "0002_v0.1.0"
branch_labels = None
depends_on = None

_OUTCOMES = (
    "completed",
    "error",
    "invalid_result",
    "timed_out",
    "out_of_memory",
    "crashed",
    "lost",
    "interrupted",
    "cancelled",
    "released",
)
_SERIES = sa.table("experiment_series", sa.column("id"), sa.column("resolved", sa.JSON()))


def upgrade() -> None:
    """Rename the outcome of attempts, and the limit of retries that series were created with."""
    if op.get_context().dialect.name == "sqlite":
        _copy_attempts()
    else:
        op.drop_constraint("ck_attempt_outcome", "attempt")
        op.execute("UPDATE attempt SET outcome = 'error' WHERE outcome = 'failed'")
        words = ", ".join(f"'{word}'" for word in _OUTCOMES)
        op.create_check_constraint(op.f("ck_attempt_outcome"), "attempt", f"outcome IN ({words})")
    connection = op.get_bind()
    for row in connection.execute(sa.select(_SERIES.c.id, _SERIES.c.resolved)).all():
        retries = row.resolved.get("execute", {}).get("retries", {})
        if "failed" in retries:
            retries["error"] = retries.pop("failed")
            connection.execute(sa.update(_SERIES).where(_SERIES.c.id == row.id).values(resolved=row.resolved))


def _copy_attempts() -> None:
    """Copy the table, as SQLite cannot change a constraint; its triggers and indexes are kept."""
    connection = op.get_bind()
    table, *others = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE tbl_name = 'attempt' AND sql IS NOT NULL "
        "ORDER BY type = 'table' DESC, name"
    ).scalars()
    columns = [f'"{column["name"]}"' for column in sa.inspect(connection).get_columns("attempt")]
    connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")  # views go on naming this table
    op.rename_table("attempt", "attempt_of_0002")
    connection.exec_driver_sql("PRAGMA legacy_alter_table = OFF")
    connection.exec_driver_sql(table.replace("'failed'", "'error'"))
    values = ", ".join(
        "CASE outcome WHEN 'failed' THEN 'error' ELSE outcome END" if column == '"outcome"' else column
        for column in columns
    )
    op.execute(f"INSERT INTO attempt ({', '.join(columns)}) SELECT {values} FROM attempt_of_0002")
    op.drop_table("attempt_of_0002")
    for definition in others:
        connection.exec_driver_sql(definition)
