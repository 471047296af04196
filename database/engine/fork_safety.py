"""Fork safety: a child never uses or closes its parent's connections.

Parent and child would share one socket, and each could close it for the other. In the child all
connections that were open at the fork are dropped at once, whoever uses them: a session of the parent can
be rolled back and closed there, which does not reach the server, and cannot commit. The drivers' objects
are kept alive, because they would close the connection properly when they are freed.
"""

from __future__ import annotations

import os
import weakref
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
#: The pool's entries of open connections, by identity.
_entries: dict[int, Any] = {}
_inherited: list[object] = []


def watch(engine: Engine) -> None:
    """Drop the connections of `engine` in forked children."""
    _engines.add(engine)

    @event.listens_for(engine, "connect")
    def connect(_connection: Any, entry: ConnectionPoolEntry) -> None:
        _entries[id(entry)] = entry

    @event.listens_for(engine, "close")
    def close(_connection: Any, entry: ConnectionPoolEntry) -> None:
        _entries.pop(id(entry), None)


def _drop_inherited_connections() -> None:
    """In the child: renew the pools, and detach the connections from whoever uses them."""
    for entry in _entries.values():
        _inherited.append(entry.dbapi_connection)
        fairy = entry.fairy_ref() if entry.fairy_ref is not None else None
        entry.dbapi_connection = None
        # Otherwise it would return to the parent's pool, whose lock another thread may have held.
        entry.fairy_ref = None
        if fairy is not None:
            fairy.dbapi_connection = None
    _entries.clear()
    for engine in _engines:
        _inherited.append(engine.pool)
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_drop_inherited_connections)
