"""How Alembic runs here: on the connection, and in the transaction, that `database.schema` opened."""

from __future__ import annotations

from alembic import context

from database.models import Base
from database.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
