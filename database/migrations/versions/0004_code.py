"""Attempts record their code and threads, what was valid of a result, and results that were replaced."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from database.migrations.sqlite_tables import copy_table

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


def upgrade() -> None:
    """Bring the tables to this revision; the code of earlier attempts is unknown."""
    _allow_replaced_attempts()
    op.add_column("attempt", sa.Column("code", _ID))
    op.add_column("attempt", sa.Column("threads", sa.Integer()))
    op.add_column("attempt", sa.Column("partial", sa.JSON()))
    op.add_column("attempt", sa.Column("results", sa.JSON()))
    op.create_table(
        "code",
        sa.Column("id", _ID, primary_key=True),
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
