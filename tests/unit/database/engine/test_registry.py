"""What a driver's errors are told as."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy
from sqlalchemy.exc import OperationalError

from database.engine.registry import database_error
from database.errors import DatabaseUnreachableError
from database.settings import normalise_url


def refused(file: Path) -> str:
    """Return what is told when SQLite cannot open `file`."""
    url = normalise_url(f"sqlite:///{file}")
    engine = sqlalchemy.create_engine(url)
    with pytest.raises(OperationalError, match="unable to open database file") as caught:
        engine.connect()
    engine.dispose()
    told = database_error(caught.value, url)
    assert told.exit_code == 3
    return str(told)


def a_folder(folder: Path) -> Path:
    return folder


def in_no_folder(folder: Path) -> Path:
    return folder / "nowhere" / "a.db"


def behind_a_link(folder: Path) -> Path:
    (folder / "a.db").symlink_to(folder / "nowhere" / "b.db")
    return folder / "a.db"


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (a_folder, "it is a folder; name a file in it, such as {}/experiments.db"),
        (in_no_folder, "there is no folder {}/nowhere; make it, or name another place"),
        (behind_a_link, "check where its links lead, its disk, and the limit of open files"),
    ],
)
def test_why_a_file_cannot_be_opened(tmp_path: Path, place: Callable[[Path], Path], told: str) -> None:
    """SQLite says only that it cannot: the message says why, and what to do."""
    folder = tmp_path / "mes données"
    folder.mkdir()
    assert told.format(folder) in refused(place(folder))


@pytest.mark.parametrize(
    ("closed", "told"),
    [
        (".", "no file can be made beside it, {} belongs to"),
        ("a.db", "{}/a.db belongs to"),
        ("a.db-shm", "{}/a.db-shm belongs to"),
    ],
)
def test_missing_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: str, told: str) -> None:
    """Without permission for the folder, the file or one beside it, it is said which and whose it is."""
    file = tmp_path / "a.db"
    file.touch()
    (tmp_path / "a.db-shm").touch()
    # Root, as which tests may run, is refused nothing.
    monkeypatch.setattr(
        "database.engine.sqlite_file.os.access", lambda path, _mode, **_: Path(path) != tmp_path / closed
    )
    for code in ("SQLITE_CANTOPEN", "SQLITE_READONLY"):
        error = OperationalError("", {}, sqlite3.OperationalError("unable to open database file"))
        error.orig.sqlite_errorname = code  # type: ignore[union-attr]  # as the driver sets it
        said = str(database_error(error, normalise_url(f"sqlite:///{file}")))
        assert told.format(tmp_path) in said
        assert "ask its owner, or name another" in said


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("SQLITE_FULL", "no space is left on its disk (no); free space and run it again"),
        ("SQLITE_IOERR_WRITE", "no space is left on its disk"),
        ("SQLITE_IOERR_READ", "its disk fails (no, SQLITE_IOERR_READ)"),
        ("SQLITE_CONSTRAINT", "refused a statement (no)"),
    ],
)
def test_sqlite_faults_are_told(tmp_path: Path, code: str, told: str) -> None:
    """Each fault of the file names the file, the cause and what to do, and is none of the connection."""
    error = OperationalError("", {}, sqlite3.OperationalError("no"))
    error.orig.sqlite_errorname = code  # type: ignore[union-attr]  # as the driver sets it
    said = database_error(error, normalise_url(f"sqlite:///{tmp_path}/a.db"))
    assert told in str(said)
    assert str(tmp_path / "a.db") in str(said)
    assert not isinstance(said, DatabaseUnreachableError)


@pytest.mark.parametrize(
    ("message", "code", "told"),
    [
        ('FATAL:  database "d" does not exist', None, "check the user, the password and the name in the URL"),
        ("connection refused", None, "cannot be reached (connection refused); is the server running?"),
        ("terminating connection", "57P01", "cannot be reached"),
        ("deadlock detected", "40P01", "is too busy (deadlock detected); try again later"),
        ("no such column", "42703", "the database refused a statement"),
    ],
)
def test_postgresql_faults_are_told(message: str, code: str | None, told: str) -> None:
    """A refused connection, a server that is away, a busy one and a wrong statement are told apart."""

    class Error(psycopg2.OperationalError):
        pgcode = code

    error = OperationalError("", {}, Error(message))
    said = str(database_error(error, normalise_url("postgresql://ada:geheim@h/d")))
    assert told in said
    assert "geheim" not in said


def test_a_locked_file_is_told(tmp_path: Path) -> None:
    """A lock passes: whoever waits for the database waits for it too."""
    error = OperationalError("", {}, sqlite3.OperationalError("database is locked"))
    error.orig.sqlite_errorname = "SQLITE_BUSY"  # type: ignore[union-attr]  # as the driver sets it
    said = database_error(error, normalise_url(f"sqlite:///{tmp_path}/a.db"))
    assert "is locked by another program (database is locked); try again later" in str(said)
    assert isinstance(said, DatabaseUnreachableError)
