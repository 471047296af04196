"""Two users who change the same series: the second learns who was faster, and when; on both databases."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm.exc import StaleDataError

from database.engine.registry import current_url, dispose_engines, get_engine
from database.errors import NotFoundError
from database.models import ExperimentSeries
from database.process_identity import current_user
from database.series.editing import InvalidEditError, NameTakenError, SeriesEdit, edit_series
from database.session.lifecycle import SessionLocal, scoped_session
from database.session.optimistic_locking import ConcurrentUpdateError
from database.session.thread_bound_session import ThreadBoundSession
from tests.integration.databases import on_sqlite


@pytest.fixture
def series_id(database_url: str) -> int:
    """Return a recorded series."""
    with scoped_session() as session:
        made = ExperimentSeries(name="shared", resolved={}, target="a:b")
        session.add(made)
    return made.id


def change_as(person: str, series_id: int, **values: object) -> datetime:
    """Let somebody else change the series now; return when."""
    at = datetime.now(UTC).replace(microsecond=0)
    with SessionLocal() as session:
        session.execute(
            update(ExperimentSeries)
            .where(ExperimentSeries.id == series_id)
            .values(version=ExperimentSeries.version + 1, changed_by=person, changed_at=at)
            .values(**(values or {"notes": "theirs"}))
        )
        session.commit()
    return at


def notes(series_id: int) -> str:
    with scoped_session(read_only=True) as session:
        return session.scalars(select(ExperimentSeries.notes).where(ExperimentSeries.id == series_id)).one()


def test_edit(series_id: int) -> None:
    """A change raises the version and records who made it, and when; None changes nothing."""
    with scoped_session() as session:
        edited = edit_series(session, series_id, SeriesEdit(notes="mine"))
    assert (edited.notes, edited.paused, edited.version) == ("mine", False, 2)
    assert edited.changed_by == current_user()
    assert abs(datetime.now(UTC) - edited.changed_at) < timedelta(minutes=1)
    with scoped_session() as session:
        edited = edit_series(session, series_id, SeriesEdit(paused=True), version=2)
    assert (edited.notes, edited.paused, edited.version) == ("mine", True, 3)
    with scoped_session() as session:
        assert edit_series(session, series_id, SeriesEdit(notes="mine", paused=True)).version == 3


def test_edit_of_an_outdated_version(series_id: int) -> None:
    """Who decided on an older version is told who changed it since, and when."""
    at = change_as("grace@lab", series_id)
    message = f"series shared was changed by grace@lab at {at:%Y-%m-%d %H:%M:%S} UTC"
    with pytest.raises(ConcurrentUpdateError, match=message) as caught, scoped_session() as session:
        edit_series(session, series_id, SeriesEdit(notes="mine"), version=1)
    change = caught.value.change
    assert change is not None
    assert (change.series, change.version, change.by, change.at) == ("shared", 2, "grace@lab", at)
    assert notes(series_id) == "theirs"


def test_rename(series_id: int) -> None:
    """A new name and a priority are one change; the folder stays, and the same name again changes nothing."""
    with scoped_session() as session:
        edited = edit_series(session, series_id, SeriesEdit(name="best", priority=-1000))
    assert (edited.name, edited.folder, edited.priority, edited.version) == ("best", "shared", -1000, 2)
    with scoped_session() as session:
        assert edit_series(session, series_id, SeriesEdit(name="best", priority=-1000)).version == 2


def test_rename_to_a_taken_name(series_id: int) -> None:
    """Two series never share a name: the other one is named, and nothing of the edit is written."""
    with scoped_session() as session:
        session.add(ExperimentSeries(name="other", resolved={}, target="a:b"))
    told = "series shared cannot be called other: there is another series other"
    with pytest.raises(NameTakenError, match=told) as caught, scoped_session() as session:
        edit_series(session, series_id, SeriesEdit(notes="mine", name="other"))
    assert caught.value.exit_code == 2
    assert notes(series_id) == ""


@on_sqlite
@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (SeriesEdit(name="../up"), "must begin with a letter or digit"),
        (SeriesEdit(name=""), "must begin with a letter or digit"),
        (SeriesEdit(name="a" * 129), "at most 128"),
        (SeriesEdit(name="con"), "a device on Windows"),
        (SeriesEdit(name="a.db"), "ends as a database file does"),
        (SeriesEdit(priority=1001), "from -1000 to 1000, not 1001"),
        (SeriesEdit(priority=-1001), "from -1000 to 1000, not -1001"),
    ],
    ids=repr,
)
def test_impossible_edit(series_id: int, edit: SeriesEdit, told: str) -> None:
    """A name is one that a series file may have, a priority within its bounds; nothing is written."""
    with pytest.raises(InvalidEditError, match=told), scoped_session() as session:
        edit_series(session, series_id, edit)
    with scoped_session(read_only=True) as session:
        found = session.get_one(ExperimentSeries, series_id)
    assert (found.name, found.priority, found.version) == ("shared", 0, 1)


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [({"name": "best"}, SeriesEdit(priority=5)), ({"priority": 5}, SeriesEdit(name="best"))],
    ids=["rename first", "priority first"],
)
@pytest.mark.parametrize("named", [True, False], ids=["seen version", "read before"])
def test_rename_against_priority(
    series_id: int, theirs: dict[str, object], mine: SeriesEdit, *, named: bool
) -> None:
    """Of a rename and a new priority decided at once, the second is refused with who was faster, and when."""
    with pytest.raises(ConcurrentUpdateError, match="grace@lab") as caught, scoped_session() as session:
        read = session.get_one(ExperimentSeries, series_id)
        assert read.version == 1
        at = change_as("grace@lab", series_id, **theirs)
        if named:
            session.expire_all()
        edit_series(session, series_id, mine, version=1 if named else None)
    change = caught.value.change
    assert change is not None
    assert (change.version, change.by, change.at) == (2, "grace@lab", at)
    assert change.series == theirs.get("name", "shared")
    with scoped_session(read_only=True) as session:
        found = session.get_one(ExperimentSeries, series_id)
    assert {"name": found.name, "priority": found.priority} == {"name": "shared", "priority": 0, **theirs}


def test_edit_of_what_is_gone(database_url: str) -> None:
    """A series that does not exist is told so."""
    with pytest.raises(NotFoundError), scoped_session() as session:
        edit_series(session, 7, SeriesEdit(notes="mine"))


@pytest.mark.parametrize("attribute", ["name", "description", "notes"])
def test_lost_update_is_refused(series_id: int, attribute: str) -> None:
    """Any change of a series read before somebody else's is refused, with who and when."""
    with scoped_session() as session:
        read = session.get_one(ExperimentSeries, series_id)
    change_as("grace@lab", series_id)
    with pytest.raises(ConcurrentUpdateError, match="grace@lab") as caught, scoped_session() as session:
        session.add(read)
        setattr(read, attribute, "mine")
    assert isinstance(caught.value.__cause__, StaleDataError)
    assert notes(series_id) == "theirs"


def test_lost_update_in_a_savepoint(series_id: int) -> None:
    """The refusal undoes the savepoint; the outer part goes on."""
    with scoped_session() as session:
        read = session.get_one(ExperimentSeries, series_id)
    change_as("grace@lab", series_id)
    with scoped_session() as session:
        with pytest.raises(ConcurrentUpdateError), scoped_session():
            session.add(read)
            read.notes = "mine"
        session.add(ExperimentSeries(name="other", resolved={}, target="a:b"))
    with scoped_session() as session:
        assert len(session.scalars(select(ExperimentSeries)).all()) == 2
    assert notes(series_id) == "theirs"


def test_update_of_a_deleted_series(series_id: int) -> None:
    """A series deleted meanwhile is told to be gone; deleting a changed one is refused too."""
    with scoped_session() as session:
        read = session.get_one(ExperimentSeries, series_id)
    with scoped_session() as session:
        also_read = session.get_one(ExperimentSeries, series_id)
    change_as("grace@lab", series_id)
    with pytest.raises(ConcurrentUpdateError, match="grace@lab"), scoped_session() as session:
        session.add(also_read)
        session.delete(also_read)
    with scoped_session() as session:
        session.delete(session.get_one(ExperimentSeries, series_id))
    with pytest.raises(ConcurrentUpdateError, match="deleted in another"), scoped_session() as session:
        session.add(read)
        read.notes = "mine"


def test_edit_for_somebody_else(series_id: int) -> None:
    """A web application names its user, also twice in a row; who changes nothing is not named."""
    for text in ("first", "second"):
        with scoped_session() as session:
            edited = edit_series(session, series_id, SeriesEdit(notes=text), changed_by="grace")
        assert (edited.notes, edited.changed_by) == (text, "grace")
    with scoped_session() as session:
        edited = edit_series(session, series_id, SeriesEdit(notes="second"), changed_by="ada")
    assert (edited.changed_by, edited.version) == ("grace", 3)
    with scoped_session() as session:
        assert edit_series(session, series_id, SeriesEdit(notes="third")).changed_by == current_user()


@pytest.mark.parametrize("in_savepoint", [False, True])
def test_conflict_with_the_last_connection(
    series_id: int, monkeypatch: pytest.MonkeyPatch, in_savepoint: bool
) -> None:
    """Who was faster is found out without a second connection."""
    with scoped_session() as session:
        read = session.get_one(ExperimentSeries, series_id)
    change_as("grace@lab", series_id)
    for name, value in (("SIZE", "1"), ("OVERFLOW", "0"), ("TIMEOUT_S", "0.1")):
        monkeypatch.setenv(f"EXPERIMENTS_POOL_{name}", value)
    dispose_engines()
    with (
        pytest.raises(ConcurrentUpdateError, match="grace@lab"),
        scoped_session() as session,
        session.begin_nested() if in_savepoint else nullcontext(),
    ):
        session.add(read)
        read.notes = "mine"
        session.flush()
    assert notes(series_id) == "theirs"


def test_conflict_on_another_database(series_id: int, tmp_path: Path) -> None:
    """Who was faster is looked for where the series lies, whatever the session is bound to besides."""
    here = current_url()
    with SessionLocal() as session:
        read = session.get_one(ExperimentSeries, series_id)
    change_as("grace@lab", series_id)
    session = ThreadBoundSession(
        get_engine(f"sqlite:///{tmp_path / 'other.db'}"),
        pattern="test",
        opened_at="here",
        binds={ExperimentSeries: get_engine(here)},
    )
    with session, pytest.raises(ConcurrentUpdateError, match="grace@lab"):
        session.add(read)
        read.notes = "mine"
        session.commit()
