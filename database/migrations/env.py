"""Alembic's environment: it uses the connection and transaction that `database.engine.schema` opened."""

from __future__ import annotations

from alembic import context

from database.engine.schema import VERSION_TABLE
from database.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
