"""What a forked child inherits of its parent's connections: nothing that it could use or close.

Parent and child would speak to the server on one line, and each would hang up on the other. In the child all
connections that were open at the fork are lost at once, whoever holds them: a session of the parent can be
rolled back and closed there, which reaches nobody, and cannot commit. What the drivers hold is kept alive,
because they would say goodbye when it is freed.
"""

from __future__ import annotations

import os
import weakref
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
#: The connections that are open, by identity: what the pool keeps of them.
_entries: dict[int, Any] = {}
_inherited: list[object] = []


def watch(engine: Engine) -> None:
    """Have the connections of `engine` lost in forked children."""
    _engines.add(engine)

    @event.listens_for(engine, "connect")
    def connect(_connection: Any, entry: ConnectionPoolEntry) -> None:
        _entries[id(entry)] = entry

    @event.listens_for(engine, "close")
    def close(_connection: Any, entry: ConnectionPoolEntry) -> None:
        _entries.pop(id(entry), None)


def _lose_parents_connections() -> None:
    """In the child: make the pools new, and the connections those of nobody."""
    for entry in _entries.values():
        _inherited.append(entry.dbapi_connection)
        fairy = entry.fairy_ref() if entry.fairy_ref is not None else None
        entry.dbapi_connection = None
        # Without this it would go back to the parent's pool, whose lock another thread may have held.
        entry.fairy_ref = None
        if fairy is not None:
            fairy.dbapi_connection = None
    _entries.clear()
    for engine in _engines:
        _inherited.append(engine.pool)
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_lose_parents_connections)
