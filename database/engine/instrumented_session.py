"""A session that stores where it was opened, emits events, and counts what it writes past the mapper.

Each opening, begin, commit, rollback and close is counted (`database.events`) and, at level DEBUG,
logged with the place that opened the session. Sessions of other libraries are not touched.
"""

from __future__ import annotations

import functools
import itertools
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from sqlalchemy import CompoundSelect, Connection, Engine, Executable, Select, UpdateBase, event, inspect
from sqlalchemy.exc import ResourceClosedError
from sqlalchemy.orm import Mapper, Session, SessionTransaction

from database import counters_listener, events
from database.engine import sqlite
from database.engine.call_site import caller_location
from database.engine.usage_warnings import warn_once
from database.engine.wrong_use import stays
from database.errors import SessionMisuseError
from database.events import EventKind

logger = logging.getLogger(__name__)

_numbers = itertools.count(1)


class InstrumentedSession(Session):
    """A plain session that emits events; in a forked child it can only be rolled back and closed.

    Parameters
    ----------
    bind : Engine or Connection
        Its database.
    opened_at : str, optional
        ``file:line`` of the code that opened it, if already known.
    **options
        Passed to `sqlalchemy.orm.Session`.
    """

    #: The call that opened it, for messages.
    pattern = "SessionLocal()"

    def __init__(self, bind: Any = None, *, opened_at: str | None = None, **options: Any) -> None:
        super().__init__(bind, **options)
        self.opened_at = opened_at or caller_location()
        self._pid = os.getpid()
        self._number = next(_numbers)
        self.holds_connection = False  # while it is in a transaction that has one
        self._closed = False
        #: The savepoints in which something was written, and None for the transaction itself.
        self._written: set[SessionTransaction | None] = set()
        self._emit(EventKind.OPENED)

    @property
    def is_inherited(self) -> bool:
        """Whether this process inherited it by a fork."""
        return self._pid != os.getpid()

    def __reduce__(self) -> NoReturn:
        raise stays(f"the session of {self.pattern} at {self.opened_at}")

    def check_usable(self) -> None:
        """Check that this is not a forked child, which has lost the connection.

        Raises
        ------
        SessionMisuseError
            The session is the parent's.
        """
        if self.is_inherited:
            raise self.wrong_owner(f"process {self._pid} and is used by its child {os.getpid()}")

    def wrong_owner(self, owner_and_user: str) -> SessionMisuseError:
        """Return the error that names its owner and its user."""
        return SessionMisuseError(
            f"the session of {self.pattern} at {self.opened_at} belongs to {owner_and_user}; "
            "a session is not safe to share: open one there, with scoped_session() or thread_session()"
        )

    def get_bind(self, *arguments: Any, **options: Any) -> Engine | Connection:
        """Return the engine, after checking that the session may be used; every statement calls this."""
        self.check_usable()
        return super().get_bind(*arguments, **options)

    def begin(self, nested: bool = False) -> SessionTransaction:
        """Begin a transaction, or a savepoint."""
        self.check_usable()
        return super().begin(nested)

    def commit(self) -> None:
        """Commit."""
        self.check_usable()
        super().commit()

    def bulk_save_objects(self, objects: Iterable[object], *arguments: Any, **options: Any) -> None:
        """Write objects without the events of a flush; experiments are counted before the commit."""
        rows = list(objects)
        if rows:
            self.note_written()
        for model in {type(row) for row in rows}:
            counters_listener.note_written(self, model)
        super().bulk_save_objects(rows, *arguments, **options)

    def bulk_insert_mappings(
        self, mapper: Any, mappings: Iterable[dict[str, Any]], *arguments: Any, **options: Any
    ) -> None:
        """Insert rows without the events of a flush; experiments are counted before the commit."""
        rows = list(mappings)
        if rows:
            self.note_written()
        counters_listener.note_written(self, inspect(mapper).class_)
        super().bulk_insert_mappings(mapper, rows, *arguments, **options)

    def bulk_update_mappings(self, mapper: Any, mappings: Iterable[dict[str, Any]]) -> None:
        """Update rows without the events of a flush; experiments are counted before the commit.

        Raises
        ------
        SessionMisuseError
            The model has versions, and a row is given without the one that was read.
        """
        rows = list(mappings)
        _check_versions(inspect(mapper), rows)
        if rows:
            self.note_written()
        counters_listener.note_written(self, inspect(mapper).class_)
        super().bulk_update_mappings(mapper, rows)

    def close(self) -> None:
        """Close it; what was not committed is rolled back, with a warning if no exception is the reason."""
        is_lost = sys.exc_info()[0] is None and self.has_uncommitted_work()
        try:
            super().close()
        finally:
            self._emit_closed()
        if is_lost:
            self._warn_of_lost_work()

    def __del__(self) -> None:
        """Warn when work was never committed."""
        if hasattr(self, "_written") and not self.is_inherited and self.has_uncommitted_work():
            self._warn_of_lost_work()

    def note_written(self) -> None:
        """Note that the current transaction, or savepoint, has written."""
        self._written.add(self.get_nested_transaction())

    def has_uncommitted_work(self) -> bool:
        """Return whether a commit would write, or keep, something."""
        return bool(self._written) or self.has_changed_objects()

    def has_changed_objects(self) -> bool:
        """Return whether a flush would write."""
        if self._is_clean():
            return False
        return bool(self.new or self.deleted) or any(map(self.is_modified, self.dirty))

    def _warn_of_lost_work(self) -> None:
        if isinstance(
            self.bind, Connection
        ):  # whoever began its transaction ends it, as a test that undoes all
            return
        warn_once(
            f"lost work of {self.opened_at}",
            f"the session of {self.pattern} at {self.opened_at} ended with work that was not committed and "
            "is lost; call session.commit() before it ends, or session.rollback() to give the work up",
            self.opened_at,
        )

    def invalidate(self) -> None:
        """Close it and invalidate its connections."""
        try:
            super().invalidate()
        finally:
            self._emit_closed()

    def _emit_closed(self) -> None:
        if not self._closed:
            self._closed = True
            self._emit(EventKind.CLOSED)

    def _emit(self, kind: EventKind) -> None:
        events.emit(kind, self.opened_at)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("session %d of %s: %s", self._number, self.opened_at, kind.replace("_", " "))


def _check_versions(mapper: Mapper[Any], rows: Iterable[Mapping[str, Any]]) -> None:
    """Check that rows to be updated by their keys have the version that was read, which shows conflicts."""
    if mapper.version_id_col is None:
        return
    version = mapper.get_property_by_column(mapper.version_id_col).key
    if any(version not in row for row in rows):
        raise SessionMisuseError(
            f"a row of {mapper.class_.__name__} is updated by its key only with the {version} that was read, "
            f"so that a change by others meanwhile is not overwritten; add {version!r} to each mapping, or "
            "change the object and let the session write it"
        )


def _noting_what_is_written(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that executes a statement, and notes what that may have written.

    Not by the event ``do_orm_execute``: where that is listened to, each query prepares its statement twice.
    """

    @functools.wraps(method)
    def execute(session: InstrumentedSession, statement: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(statement, (Select, CompoundSelect)):  # most are
            return method(session, statement, *arguments, **options)
        executed = _executed(statement)
        if getattr(executed, "is_dml", False):
            _prepare_to_write(session, executed, statement, *arguments, **options)
        try:
            result = method(session, statement, *arguments, **options)
        except ResourceClosedError:  # it was executed, and returns no rows for scalar() and scalars()
            session.note_written()
            raise
        # Rows that are returned may be counted only after they were read.
        if sqlite.may_write(executed) and (getattr(result, "returns_rows", True) or result.rowcount != 0):
            session.note_written()
        return result

    return execute


def _executed(statement: Any) -> Any:
    """Return the statement in ``lambda_stmt(...)``, and in ``select(Model).from_statement(...)``."""
    statement = getattr(statement, "_resolved", statement)
    return statement.element if getattr(statement, "is_from_statement", False) else statement


def _prepare_to_write(
    session: InstrumentedSession,
    executed: UpdateBase,
    statement: Executable,
    params: Any = None,
    *_arguments: Any,  # SQLAlchemy refuses them
    execution_options: Mapping[str, Any] | None = None,
    **_options: Any,
) -> None:
    described = executed.entity_description
    model = described.get("type")  # None of a statement of tables
    chosen = {**statement.get_execution_options(), **(execution_options or {})}
    if not chosen.get("counted"):
        counters_listener.note_written(session, model or described["table"], deleted=executed.is_delete)
    by_keys = model is not None and executed.is_update and isinstance(params, list)
    if by_keys and chosen.get("dml_strategy") != "core_only":
        _check_versions(inspect(model), params)


for _name in ("execute", "scalar", "scalars"):
    setattr(InstrumentedSession, _name, _noting_what_is_written(getattr(Session, _name)))


@event.listens_for(InstrumentedSession, "before_commit")
def _before_commit(session: InstrumentedSession) -> None:
    counters_listener.recount_noted(session)


@event.listens_for(InstrumentedSession, "after_begin")
def _after_begin(
    session: InstrumentedSession, _transaction: SessionTransaction, _connection: Connection
) -> None:
    if not session.holds_connection:  # once, however many savepoints and engines take part
        session.holds_connection, session._closed = True, False  # a closed session may be used again
        session._emit(EventKind.BEGUN)


@event.listens_for(InstrumentedSession, "after_commit")
def _after_commit(session: InstrumentedSession) -> None:
    if session.holds_connection and not session.in_nested_transaction():  # a savepoint's end commits nothing
        session._written.clear()
        session.holds_connection = False
        session._emit(EventKind.COMMITTED)


@event.listens_for(InstrumentedSession, "after_flush")
def _after_flush(session: InstrumentedSession, _context: object) -> None:
    if session.has_changed_objects():
        session.note_written()


def _savepoints(transaction: SessionTransaction | None) -> Iterator[SessionTransaction | None]:
    """Yield the savepoints around a transaction, the innermost first, and None for the whole."""
    while transaction is not None:
        if transaction.nested:
            yield transaction
        transaction = transaction.parent
    yield None


@event.listens_for(InstrumentedSession, "after_soft_rollback")
def _after_soft_rollback(session: InstrumentedSession, transaction: SessionTransaction) -> None:
    undone = next(_savepoints(transaction))
    # What a released savepoint wrote is undone with the one around it.
    session._written = {written for written in session._written if undone not in _savepoints(written)}


@event.listens_for(InstrumentedSession, "after_transaction_end")
def _after_transaction_end(session: InstrumentedSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session._written.clear()
    # By rollback(), close() or reset(): a commit has been noted before.
    if session.holds_connection and transaction.parent is None:
        session.holds_connection = False
        session._emit(EventKind.ROLLED_BACK)
