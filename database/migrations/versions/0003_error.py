"""The outcome of a target that raised is `error`; `failed` is a status only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from database.migrations.sqlite_tables import copy_table

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
        copy_table(
            "attempt",
            ("'failed'", "'error'"),
            {"outcome": "CASE outcome WHEN 'failed' THEN 'error' ELSE outcome END"},
        )
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
