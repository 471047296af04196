"""Counters for programs that write experiments through the models, not through this project's functions.

What a flush adds, changes and deletes is counted by that flush, in any session. Statements (as
``session.query(Experiment).delete()``) and the bulk methods of a session do not report the rows that they
write, so a session of `database.session` counts all series again before it commits. What is written past such
a session (through a connection, as text, by other programs) is not noticed: `experiments database check`
finds it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, event, inspect
from sqlalchemy.orm import Session, object_session

from database import counters
from database.counters import Counters
from database.models import Configuration, Experiment

#: The execution option of statements whose caller counts the changes itself.
COUNTED = {"counted": True}
_CHANGES = "changes to count after the flush"
_RECOUNT = "count rows before the commit"

#: What to add to the counters of a series; None means to count its rows.
_Changes = dict[tuple[Connection, int], Counters | None]


def _change(experiment: Experiment, count: int, *, before: bool = False) -> Counters:
    """Return the change by adding (1) or removing (-1) this experiment, by its new or old values."""

    def value(name: str) -> Any:
        old = inspect(experiment).attrs[name].history.deleted if before else ()
        return old[0] if old else getattr(experiment, name)

    return Counters.of(value("status"), count, retired=value("retired"))


def _note(connection: Connection, row: Experiment | Configuration, change: Counters | None) -> None:
    session = object_session(row)
    if session is None or change == Counters():
        return
    if not event.contains(session, "after_flush", _count):
        event.listen(session, "after_flush", _count)
    changes: _Changes = session.info.setdefault(_CHANGES, {})
    key = connection, row.series_id
    noted = changes.get(key, Counters())
    changes[key] = None if noted is None or change is None else noted + change


@event.listens_for(Experiment, "after_insert")
def _inserted(_mapper: Any, connection: Connection, experiment: Experiment) -> None:
    _note(connection, experiment, _change(experiment, 1))


@event.listens_for(Experiment, "after_update")
def _updated(_mapper: Any, connection: Connection, experiment: Experiment) -> None:
    _note(connection, experiment, _change(experiment, 1) + _change(experiment, -1, before=True))


@event.listens_for(Experiment, "after_delete")
def _deleted(_mapper: Any, connection: Connection, experiment: Experiment) -> None:
    _note(connection, experiment, _change(experiment, -1, before=True))


@event.listens_for(Configuration, "after_delete")
def _lost_its_experiments(_mapper: Any, connection: Connection, configuration: Configuration) -> None:
    _note(connection, configuration, None)  # the database has deleted them with it


def _count(session: Session, _context: Any) -> None:
    changes: _Changes = session.info.pop(_CHANGES, {})
    for connection, series_id in sorted(changes, key=lambda change: change[1]):  # one order of locks for all
        change = changes[connection, series_id]
        if change is not None:
            counters.add(connection, series_id, change)
            continue
        with Session(connection) as same:  # leaves the transaction to its owner
            counters.recount(same, series_id)


def note_written(session: Session, model: Any, *, deleted: bool = False) -> None:
    """Note that rows of a model, or its table, were written unseen.

    A deleted configuration takes its experiments along.
    """
    counted = [Experiment, Configuration] if deleted else [Experiment]
    if any(model in (each, each.__table__) for each in counted):
        session.info[_RECOUNT] = True


def recount_noted(session: Session) -> None:
    """Count the rows of all series again if any were written unseen; before a commit."""
    if session.info.pop(_RECOUNT, False):
        session.flush()
        connection = session.connection(bind_arguments={"mapper": inspect(Experiment)})
        with Session(connection) as same:
            counters.recount_all(same)
