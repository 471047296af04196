"""Consistent snapshots of the database for several reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from database.session.isolation_levels import Isolation
from database.session.lifecycle import commit_part


@contextmanager
def snapshot(session: Session) -> Iterator[None]:
    """Make `session` read one snapshot until the end of the block.

    What was done on `session` before is committed, and the block is a read-only transaction of its own:
    REPEATABLE READ on PostgreSQL, one read transaction on SQLite. Every read within it sees the database
    as it was at the first one, whatever others commit meanwhile, and writes are refused. Inside a nested
    scope nothing is committed, and it reads what the outer scope reads.

    Parameters
    ----------
    session : Session
        Of any pattern. Objects that it has loaded may be expired.
    """
    commit_part(session)
    if not session.in_transaction():
        dialect = session.get_bind().dialect.name
        session.connection(execution_options=Isolation(read_only=True).options(dialect))
    yield
    commit_part(session)
