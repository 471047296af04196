"""The open sessions of this thread, and the scope that a new one would join."""

from __future__ import annotations

import threading

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from database.engine.registry import get_engine
from database.session.scopes import OpenScope
from database.session.thread_bound_session import ThreadBoundSession
from database.settings import normalise_url


class ThreadState(threading.local):
    """The open sessions of this thread.

    Attributes
    ----------
    scopes : list of OpenScope
        Its scoped sessions, the innermost last; another thread that ends one removes it.
    own : ThreadBoundSession or None
        The session from `database.session.thread_sessions.thread_session`.
    """

    def __init__(self) -> None:
        self.scopes: list[OpenScope] = []
        self.own: ThreadBoundSession | None = None


thread_state = ThreadState()


def innermost_scope(url: URL | None, engine: Engine | None) -> OpenScope | None:
    """Return the innermost open scope of this thread and task, on a given database if there is one."""
    for scope in reversed(thread_state.scopes):
        if scope.opener.is_of_another_task():
            continue
        if (url is None and engine is None) or scope.engine is engine or _is_on(scope, url):
            return scope
    return None


def _is_on(scope: OpenScope, url: URL | None) -> bool:
    # Not by identity alone: the process may have new engines since the scope was opened.
    return (
        url is not None
        and scope.engine.url == url
        and (not scope.by_engine or scope.engine is get_engine(url))
    )


def is_inside_scope(url: str | URL | None = None) -> bool:
    """Return whether a `scoped_session()` opened here would join another one.

    Parameters
    ----------
    url : str or URL, optional
        The database it would be opened for, if any is given.
    """
    return innermost_scope(None if url is None else normalise_url(url), None) is not None


def forget_scopes() -> list[OpenScope]:
    """Roll back and close the scopes that this thread has open; return them, the innermost last."""
    left = list(thread_state.scopes)
    thread_state.scopes.clear()
    for scope in reversed(left):
        scope.session.give_up()
    return left
