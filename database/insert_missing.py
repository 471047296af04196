"""INSERT that does nothing when the row exists: each dialect has its own, and imports of one take long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert_missing(session: Session, into: Any) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT into a table, or that of a model, which does nothing for a row that exists.

    A SELECT first is not enough: another process may insert the row in between, and so may an earlier COMMIT
    of this one whose answer was lost.
    """
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as on_postgresql  # noqa: PLC0415 - only where it is used

        return on_postgresql(into).on_conflict_do_nothing()
    from sqlalchemy.dialects.sqlite import insert as on_sqlite  # noqa: PLC0415 - only where it is used

    return on_sqlite(into).on_conflict_do_nothing()
