"""Databases that tell the time a test moves by hand, as seconds after a fixed moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event, text

_BEGIN = "2030-01-01"
#: Found before the function of that name which tells the true time.
_CLOCK = (
    "CREATE SCHEMA moved",
    "CREATE TABLE moved.clock (now_s float8 NOT NULL)",
    "INSERT INTO moved.clock VALUES (0)",
    f"""CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    $$ SELECT timestamptz '{_BEGIN} UTC' + now_s * interval '1 second' FROM moved.clock $$""",
)


class SqliteClock:
    """Replaces SQLite's functions of time on all connections of an engine from now on."""

    def __init__(self, engine: Engine) -> None:
        self.now_s = 0.0
        self._plain = sqlite3.connect(":memory:", check_same_thread=False)
        event.listen(engine, "connect", self._install)
        engine.dispose()  # it has looked at the file already: later connections have the clock

    def _install(self, connection: sqlite3.Connection, _record: object) -> None:
        for name in ("strftime", "julianday"):
            connection.create_function(name, -1, self._function(name))

    def _function(self, name: str) -> Callable[..., Any]:
        def tell(*arguments: Any) -> Any:
            given: list[Any] = []
            for one in arguments:
                given += [_BEGIN, f"{self.now_s} seconds"] if one == "now" else [one]
            slots = ", ".join("?" * len(given))
            return self._plain.execute(f"SELECT {name}({slots})", given).fetchone()[0]

        return tell


class PostgresqlClock:
    """Puts a function of its own before that of PostgreSQL on all connections of an engine from now on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._now_s = 0.0
        with engine.begin() as connection:
            for statement in _CLOCK:
                connection.execute(text(statement))
        event.listen(engine, "connect", self._install)
        engine.dispose()

    def _install(self, connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET search_path = moved, pg_catalog, public")
        connection.commit()

    @property
    def now_s(self) -> float:
        """The time, which may be set."""
        return self._now_s

    @now_s.setter
    def now_s(self, now_s: float) -> None:
        self._now_s = now_s
        with self._engine.begin() as connection:
            connection.execute(text("UPDATE moved.clock SET now_s = :now"), {"now": now_s})


Clock = SqliteClock | PostgresqlClock


def clock_of(engine: Engine) -> Clock:
    """Return the clock that fits the engine."""
    return SqliteClock(engine) if engine.dialect.name == "sqlite" else PostgresqlClock(engine)
