"""One consistent picture for a part of a session, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from database.models import Experiment, ExperimentSeries
from database.session.lifecycle import (
    SessionLocal,
    close_global_session,
    get_session,
    scoped_session,
    snapshot,
)
from tests.integration.recording import add_series

Open = Callable[[], AbstractContextManager[Session]]


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Experiment)) or 0


def add_elsewhere(name: str) -> None:
    with SessionLocal() as other:
        add_series(other, name)


@pytest.mark.parametrize(
    "open_session", [scoped_session, SessionLocal, lambda: scoped_session(read_only=True)]
)
def test_what_others_commit_is_not_seen(database_url: str, open_session: Open) -> None:
    """Within a snapshot nothing changes, in the next one everything is there, whatever the session."""
    add_elsewhere("a")
    with open_session() as session:
        with snapshot(session):
            before = count(session)
            add_elsewhere("b")
            assert count(session) == before == 4
        assert not session.in_transaction()
        with snapshot(session):
            assert count(session) == 8


def test_a_read_before_is_no_part_of_it(database_url: str) -> None:
    """A transaction that was open already, and saw an older state, is ended first."""
    session = get_session()
    assert count(session) == 0
    add_elsewhere("a")
    with snapshot(session):
        assert count(session) == 4
    close_global_session()


def test_what_was_done_before_is_committed_and_nothing_written_within(database_url: str) -> None:
    """The block is a transaction of its own, which refuses writes; afterwards the session writes again."""
    with SessionLocal() as session:
        session.add(ExperimentSeries(name="mine", resolved={}, target="m:f"))
        with pytest.raises(DBAPIError), snapshot(session):
            found = session.scalars(select(ExperimentSeries)).one()
            found.target = "m:g"
            session.flush()
        session.rollback()
        session.add(ExperimentSeries(name="another", resolved={}, target="m:f"))
        session.commit()
        assert session.scalars(select(ExperimentSeries.target).order_by(ExperimentSeries.name)).all() == [
            "m:f",
            "m:f",
        ]


def test_inside_a_nested_scope_the_outer_one_decides(database_url: str) -> None:
    """Nothing is committed there: it sees what the outer scope has done, and its end undoes it."""
    with pytest.raises(LookupError), scoped_session() as outer:
        outer.add(ExperimentSeries(name="undone", resolved={}, target="m:f"))
        with scoped_session() as inner, snapshot(inner):
            assert inner.scalars(select(ExperimentSeries.name)).all() == ["undone"]
        raise LookupError
    with scoped_session(read_only=True) as session:
        assert not session.scalars(select(ExperimentSeries.name)).all()
