"""Attempts record their code and threads, what was valid of a result, and results that were replaced.

Secrets that were recorded are taken out: the URLs of webhooks, and options of command lines.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from database.migrations.sqlite_tables import copy_table
from database.redaction import recorded_webhook, safe_arguments, without_webhook

revision = "0004_v0.1.0"
down_revision = "0003_v0.1.0"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
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
    "replaced",
    "released",
)
_SERIES = sa.table(
    "experiment_series", sa.column("id"), sa.column("source"), sa.column("resolved", sa.JSON())
)
_RUNNER = sa.table("runner", sa.column("id"), sa.column("arguments", sa.JSON()))


def upgrade() -> None:
    """Bring the tables to this revision; the code of earlier attempts is unknown."""
    _allow_replaced_attempts()
    op.add_column("attempt", sa.Column("code", _ID))
    op.add_column("attempt", sa.Column("threads", sa.Integer()))
    op.add_column("attempt", sa.Column("partial", sa.JSON()))
    op.add_column("attempt", sa.Column("results", sa.JSON()))
    op.create_table(
        "code",
        sa.Column("id", _ID, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("git_commit", sa.Text()),
        _created_at(),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "series_code",
        sa.Column(
            "series_id", _ID, sa.ForeignKey("experiment_series.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("code_id", _ID, primary_key=True, autoincrement=False),
        _created_at(),
        sa.Column("accepted_by", sa.Text()),
        sa.Column("accepted_at", sa.DateTime(timezone=True)),
    )
    op.execute(
        "INSERT INTO series_code (series_id, code_id) SELECT id, 0 FROM experiment_series s "
        "WHERE EXISTS (SELECT 1 FROM experiment e WHERE e.series_id = s.id AND e.attempt_number > 0)"
    )
    _take_out_webhooks(op.get_bind())
    _take_out_arguments(op.get_bind())


def _take_out_webhooks(connection: sa.Connection) -> None:
    """Record series as they are recorded since: an unchanged file must not look changed."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")  # nor stay in unused pages of the file
    for row in connection.execute(sa.select(_SERIES)).all():
        notify = row.resolved.get("execute", {}).get("notify", {})
        webhook = notify.get("webhook")
        recorded = {"source": row.source and without_webhook(row.source, webhook), "resolved": row.resolved}
        is_changed = recorded["source"] != row.source
        if webhook is not None and (kept := recorded_webhook(webhook)) != webhook:
            notify["webhook"], is_changed = kept, True
        if is_changed:
            connection.execute(sa.update(_SERIES).where(_SERIES.c.id == row.id).values(recorded))


def _take_out_arguments(connection: sa.Connection) -> None:
    for row in connection.execute(sa.select(_RUNNER)).all():
        arguments = safe_arguments(row.arguments)
        if arguments != row.arguments:
            connection.execute(sa.update(_RUNNER).where(_RUNNER.c.id == row.id).values(arguments=arguments))


def _created_at() -> sa.Column[datetime]:
    now = sa.text("CURRENT_TIMESTAMP")
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False)


def _allow_replaced_attempts() -> None:
    if op.get_context().dialect.name == "sqlite":
        copy_table("attempt", ("'released'", "'replaced', 'released'"))
        return
    words = ", ".join(f"'{word}'" for word in _OUTCOMES)
    op.drop_constraint("ck_attempt_outcome", "attempt")
    op.create_check_constraint(op.f("ck_attempt_outcome"), "attempt", f"outcome IN ({words})")
