"""A series' name that is taken is told by its name, on both databases, whichever way it is written."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database.engine.registry import get_engine
from database.engine.taken_names import NameTakenError
from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal, get_session, scoped_session
from tests.integration.database.recorded_series import add, names, series

TOLD = "a series cannot be called taken: there is another series taken; `experiments status taken` shows it"
ROW = {"name": "taken", "target": "a:b", "resolved": {}}


def _add(session: Session) -> None:
    session.add(series("taken"))


def _rename(session: Session) -> None:
    session.scalars(select(ExperimentSeries).where(ExperimentSeries.name == "other")).one().name = "taken"


WAYS: dict[str, Callable[[Session], object]] = {
    "added": _add,
    "added with others": lambda session: session.add_all([series("a"), series("taken"), series("z")]),
    "renamed": _rename,
    "inserted": lambda session: session.execute(insert(ExperimentSeries), [{**ROW, "name": "b"}, ROW]),
    "updated": lambda session: session.execute(
        update(ExperimentSeries).where(ExperimentSeries.name == "other").values(name="taken")
    ),
    "bulk": lambda session: session.bulk_insert_mappings(ExperimentSeries, [ROW]),
}


@pytest.mark.parametrize("way", WAYS)
def test_name_is_told(database_url: str, way: str) -> None:
    """The error names the series that there is and what to do; it is an integrity error as before."""
    add("taken")
    add("other")
    with pytest.raises(NameTakenError) as caught, scoped_session() as session:
        WAYS[way](session)
    assert str(caught.value) == f"{TOLD}. Choose another name, or change that series"
    assert isinstance(caught.value, IntegrityError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert names() == ["other", "taken"]


def test_commit_of_other_sessions(database_url: str) -> None:
    """So it is at a commit, in a plain session of SQLAlchemy, and for two new ones of one name."""
    add("taken")
    get_session().add(series("taken"))
    with pytest.raises(NameTakenError, match=TOLD):
        get_session().commit()
    get_session().rollback()
    with Session(get_engine()) as plain, pytest.raises(NameTakenError, match=TOLD):
        plain.add(series("taken"))
        plain.commit()
    with SessionLocal() as session, pytest.raises(NameTakenError, match="another series twice"):
        session.add_all([series("twice"), series("twice")])
        session.commit()
    with SessionLocal() as session:
        with pytest.raises(IntegrityError) as caught:
            session.execute(text("INSERT INTO experiment_series (id) VALUES (1)"))
        session.rollback()
    assert not isinstance(caught.value, NameTakenError)  # other constraints are told as before


def test_name_of_a_renamed_series(database_url: str) -> None:
    """A name that another series had before is free: only its folder is not, so another is taken."""
    add("first")
    with scoped_session() as session:
        session.scalars(select(ExperimentSeries)).one().name = "renamed"
    add("first")
    with scoped_session(read_only=True) as session:
        found = session.execute(select(ExperimentSeries.name, ExperimentSeries.folder)).all()
    assert {tuple(row) for row in found} == {("renamed", "first"), ("first", "first-2")}
    with pytest.raises(NameTakenError, match="a series cannot be called first"), scoped_session() as session:
        session.add(ExperimentSeries(name="second", folder="first", target="a:b", resolved={}))
