"""Slow statements are logged with the place that ran them.

The time is that of the database driver's ``execute``: on PostgreSQL with the transfer of all rows, on
SQLite until the first row. A statement that fails, at a timeout for example, is logged too. Waiting for
SQLite's write lock is a statement by itself, BEGIN IMMEDIATE.
"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Engine, ExceptionContext, event

from database import clock, events
from database.engine.call_site import caller_location
from database.engine.failed_statements import without_literals
from database.events import EventKind

#: Longer statements are cut in the log.
MAX_STATEMENT = 2_000

logger = logging.getLogger(__name__)


def watch(engine: Engine, threshold_s: float) -> None:
    """Log each statement on `engine` that takes longer than `threshold_s` seconds; never its values."""

    @event.listens_for(engine, "before_cursor_execute")
    def before(*arguments: Any) -> None:
        context = arguments[4]
        context.experiments_begun_s = clock.monotonic()

    @event.listens_for(engine, "after_cursor_execute")
    def after(*arguments: Any) -> None:
        statement, context = arguments[2], arguments[4]
        seconds = clock.monotonic() - context.experiments_begun_s
        if seconds > threshold_s:
            _report(statement, seconds, threshold_s)

    @event.listens_for(engine, "handle_error")
    def failed(error: ExceptionContext) -> None:
        begun_s = getattr(error.execution_context, "experiments_begun_s", None)
        if begun_s is None or error.statement is None:
            return
        seconds = clock.monotonic() - begun_s
        if seconds > threshold_s:
            _report(error.statement, seconds, threshold_s)


def _report(statement: str, seconds: float, threshold_s: float) -> None:
    place, shown = caller_location(), " ".join(without_literals(statement).split())
    if len(shown) > MAX_STATEMENT:
        shown = f"{shown[:MAX_STATEMENT]}…"
    logger.warning(
        "a statement took %.3g s at %s (EXPERIMENTS_SLOW_QUERY_S is %g): %s",
        seconds,
        place,
        threshold_s,
        shown,
    )
    events.emit(EventKind.SLOW_QUERY, place, statement=shown, seconds=seconds)
