"""Isolation levels, and what each one means on SQLite and on PostgreSQL.

==================  =========================  ====================================================
level               PostgreSQL                 SQLite
==================  =========================  ====================================================
READ COMMITTED      as the name says           each read sees the newest committed state
REPEATABLE READ     one snapshot               read only: one snapshot; else as SERIALIZABLE
SERIALIZABLE        as the name says           the write lock from the first statement on: one after
                                               the other
==================  =========================  ====================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine

from database.errors import SessionMisuseError

#: From the weakest to the strongest.
LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


@dataclass(frozen=True)
class Isolation:
    """The isolation of a transaction.

    Attributes
    ----------
    level : str or None
        One of `LEVELS`; None takes the default: READ COMMITTED, and REPEATABLE READ where nothing is written.
    read_only : bool
        The database itself refuses writes.
    """

    level: str | None = None
    read_only: bool = False

    def __post_init__(self) -> None:
        if self.level is not None and self.level not in LEVELS:
            raise SessionMisuseError(
                f"{self.level!r} is not an isolation level; those of both databases are {', '.join(LEVELS)}"
            )

    @property
    def effective_level(self) -> str:
        """The level, given or default."""
        return self.level or ("REPEATABLE READ" if self.read_only else "READ COMMITTED")

    def applied_to(self, engine: Engine) -> Engine:
        """Return `engine`, or one on the same pool whose transactions all have this isolation."""
        return _isolated(engine, self) if self.level or self.read_only else engine

    def options(self, dialect: str) -> dict[str, Any]:
        """Return the execution options of the engine's connections for `dialect`."""
        if dialect == "sqlite":
            if self.read_only:
                return {"read_only": True}
            return {"write_lock": True} if self.effective_level != "READ COMMITTED" else {}
        options: dict[str, Any] = {}
        if self.level is not None or self.read_only:
            options["isolation_level"] = self.effective_level
        if self.read_only:
            options["postgresql_readonly"] = True
        return options

    def check_inside(self, outer: Isolation, opened_at: str) -> None:
        """Check that an outer transaction has at least this isolation.

        Raises
        ------
        SessionMisuseError
            It has a weaker level, which cannot be raised any more; the message names where it was opened.
        """
        if self.level is None or LEVELS.index(self.level) <= LEVELS.index(outer.effective_level):
            return
        raise SessionMisuseError(
            f"isolation_level={self.level!r} is not available inside the transaction opened at {opened_at}, "
            f"which has {outer.effective_level}; set it there"
        )


@lru_cache(maxsize=32)  # creating one takes as long as a small query
def _isolated(engine: Engine, isolation: Isolation) -> Engine:
    return engine.execution_options(**isolation.options(engine.dialect.name))
