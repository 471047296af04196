"""Tallies of each series replace those of workers, so that no rows need to be counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_v0.1.0"
down_revision = "0001_v0.1.0"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the tables to this revision: earlier experiments are counted in the row without a worker."""
    op.create_table(
        "tally",
        sa.Column(
            "series_id", _ID, sa.ForeignKey("experiment_series.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("worker_id", sa.String(length=32), primary_key=True),
        sa.Column("experiments", sa.Integer(), nullable=False),
        sa.Column("completed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Integer(), nullable=False),
    )
    ends = ", ".join(
        f"sum(CASE WHEN NOT retired AND status = '{status}' THEN 1 ELSE 0 END)"
        for status in ("completed", "failed", "cancelled")
    )
    op.execute(
        "INSERT INTO tally (series_id, worker_id, experiments, completed, failed, cancelled, retired) "
        f"SELECT series_id, '', sum(CASE WHEN retired THEN 0 ELSE 1 END), {ends}, "
        "sum(CASE WHEN retired THEN 1 ELSE 0 END) FROM experiment GROUP BY series_id"
    )
    op.drop_column("worker", "completed")
    op.drop_column("worker", "failed")
