"""What goes wrong with an SQLite file: deleted, replaced, read-only, full, damaged, locked, on a network."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from database.engine import sqlite
from database.engine.faults import Fault, fault_of
from database.engine.registry import configure, database_error, get_engine
from database.errors import DatabaseError, DatabaseReplacedError
from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal
from database.session.retry import retrying_transaction
from tests.integration.database.sqlite_files import add, file_of, names


@pytest.fixture
def session(sqlite_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        retrying_transaction(session, lambda each: add(each, "before"))
        yield session


def delete(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("woanders é.db"))


def replace(path: Path) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


def make_anew(path: Path) -> None:
    path.unlink()
    sqlite3.connect(path).close()
    path.touch()


@pytest.mark.parametrize("happens", [delete, move, replace, make_anew])
@pytest.mark.parametrize("part", ["", "-wal"])
def test_file_that_is_not_the_same(
    session: Session, sqlite_url: str, happens: Callable[[Path], None], part: str
) -> None:
    """Nothing is written any more when the file, or its WAL file, is not the opened one."""
    happens(Path(f"{file_of(sqlite_url)}{part}"))
    told = "was deleted or moved away while" if happens in {delete, move} else "was replaced by another file"
    with pytest.raises(DatabaseReplacedError, match=told) as caught:
        retrying_transaction(session, lambda each: add(each, "after"))
    assert caught.value.exit_code == 3
    assert "are in the journals" in str(caught.value)
    assert str(file_of(sqlite_url)) in str(caught.value)
    assert fault_of(caught.value) is Fault.STAYS


def test_deleted_before_the_commit(session: Session, sqlite_url: str) -> None:
    """A file that is deleted in mid-transaction: its COMMIT fails and is not taken for a success."""
    add(session, "after")
    file_of(sqlite_url).unlink()
    with pytest.raises(DatabaseReplacedError, match="deleted"):
        session.commit()
    session.rollback()


def test_file_that_comes_back(session: Session, sqlite_url: str) -> None:
    """A file that was moved away and is put back is the same one: it goes on."""
    file, elsewhere = file_of(sqlite_url), file_of(sqlite_url).with_name("woanders")
    file.rename(elsewhere)
    with pytest.raises(DatabaseReplacedError):
        retrying_transaction(session, lambda each: add(each, "after"))
    elsewhere.rename(file)
    retrying_transaction(session, lambda each: add(each, "after"))
    assert names(sqlite_url) == ["after", "before"]


def test_link_that_leads_elsewhere(sqlite_url: str, tmp_path: Path) -> None:
    """A link in place of the file counts as what it leads to."""
    link = tmp_path / "link.db"
    link.symlink_to(file_of(sqlite_url))
    shutil.copy(file_of(sqlite_url), tmp_path / "other.db")
    configure(f"sqlite:///{link}")
    with SessionLocal() as session:
        retrying_transaction(session, lambda each: add(each, "before"))
        link.unlink()
        link.symlink_to(tmp_path / "other.db")
        with pytest.raises(DatabaseReplacedError, match="replaced"):
            retrying_transaction(session, lambda each: add(each, "after"))


#: Tells what a runner, and then a script, meet at the database; as another user when this one is root.
VISITOR = """
import json, os, sys
from sqlalchemy import text
from database.engine import configure, dispose_engines, get_engine
from database.errors import DatabaseError
from database.session import scoped_session
from meta.commands.support.exit_codes import as_experiments_error

def visit(url):
    said = {}
    configure(url, protocol=True)
    try:
        get_engine()
    except DatabaseError as error:
        said["runner"] = [str(error), error.exit_code]
    configure(url)
    try:
        with scoped_session() as session:
            said["read"] = session.scalar(text("SELECT count(*) FROM experiment_series"))
            session.execute(text("DELETE FROM experiment_series"))
    except Exception as error:
        told = as_experiments_error(error)
        said["script"] = [str(told), told.exit_code]
    dispose_engines()
    return said

visit("sqlite:///" + sys.argv[2])  # imports what it needs: the other user may not be let into our folder
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
print(json.dumps(visit("sqlite:///" + sys.argv[1])))
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a folder that another user can reach; pytest's own ones are closed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "Daten é"
        folder.mkdir()
        Path(name).chmod(0o755)
        yield folder
        folder.chmod(0o755)


@dataclass(frozen=True)
class Closed:
    """A part of the database that may not be written, and what is told of it; {} is the folder."""

    part: str
    mode: int
    told: str


@pytest.mark.parametrize(
    "closed",
    [
        Closed("x.db", 0o444, "{}/x.db belongs to"),
        Closed("x.db", 0o000, "{}/x.db belongs to"),
        Closed("x.db-shm", 0o444, "{}/x.db-shm belongs to"),
        Closed(".", 0o555, "no file can be made beside it, {} belongs to"),
    ],
)
def test_unwritable(session: Session, sqlite_url: str, open_folder: Path, closed: Closed) -> None:
    """A runner is refused at its start; a script that writes, when it does. Both are told what is whose."""
    session.connection().exec_driver_sql("PRAGMA wal_checkpoint")
    session.commit()
    for end in ("",) if closed.part == "." else ("", "-wal", "-shm"):
        shutil.copy(f"{file_of(sqlite_url)}{end}", open_folder / f"x.db{end}")
        (open_folder / f"x.db{end}").chmod(0o666)
    open_folder.chmod(0o777)
    (open_folder / closed.part).chmod(closed.mode)
    command = [sys.executable, "-c", VISITOR, str(open_folder / "x.db"), str(file_of(sqlite_url))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for who in ("runner", "script"):
        message, code = said[who]
        assert closed.told.format(open_folder) in message
        assert str(open_folder / "x.db") in message
        assert "ask its owner, or name another" in message
        assert code == 3


def test_read_only_errors_stay(session: Session, sqlite_url: str) -> None:
    """SQLite's own refusals to write, and to open, are faults that stay."""
    session.commit()
    connection = sqlite3.connect(f"file:{file_of(sqlite_url)}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError) as refused:
        connection.execute("DELETE FROM experiment_series")
    connection.close()
    with pytest.raises(sqlite3.OperationalError) as missing:
        sqlite3.connect(f"file:{file_of(sqlite_url)}.none?mode=ro", uri=True)
    for error, told in ((refused.value, "cannot be written"), (missing.value, "cannot be opened")):
        wrapped = OperationalError("DELETE", {}, error)
        assert fault_of(wrapped) is Fault.STAYS
        assert told in str(database_error(wrapped))


def test_network_file_system(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file on a network file system is refused, also an existing one, unless somebody insists."""
    listing = tmp_path / "mountinfo"
    listing.write_text("1 0 8:1 / / rw - nfs4 server:/root rw\n")
    monkeypatch.setattr("database.files.file_systems._MOUNTS", listing)
    new = tmp_path / "neu" / "x.db"
    for url in (sqlite_url, f"sqlite:///{new}"):
        with pytest.raises(DatabaseError, match=r"network file system \(nfs4\).*use PostgreSQL") as caught:
            get_engine(url)
        assert "EXPERIMENTS_ALLOW_NETWORK_FILE_SYSTEM=1" in str(caught.value)
    assert not new.parent.exists()
    monkeypatch.setenv("EXPERIMENTS_ALLOW_NETWORK_FILE_SYSTEM", "1")
    get_engine(f"sqlite:///{new}")


def test_damaged_in_the_middle(session: Session, sqlite_url: str) -> None:
    """A file that something else wrote into ends the next work with what to do, and is not tried again."""
    session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    session.commit()
    with file_of(sqlite_url).open("r+b") as file:
        file.write(b"GIF89a" * 1000)
    get_engine().dispose()  # a connection that is open already notices when it reads, not before
    with pytest.raises(DBAPIError) as caught:
        retrying_transaction(session, lambda each: add(each, "after"))
    assert fault_of(caught.value) is Fault.STAYS
    assert "is damaged or not an SQLite database" in str(database_error(caught.value))
    session.invalidate()


def test_damaged_text(session: Session) -> None:
    """Damaged bytes of a text, which SQLite does not notice, are damage too, and are not read once more."""
    with pytest.raises(DBAPIError) as caught:
        session.connection().exec_driver_sql("SELECT CAST(x'ff61' AS TEXT) AS description").scalar()
    assert fault_of(caught.value) is Fault.STAYS
    assert "is damaged (Could not decode" in str(database_error(caught.value))


#: Takes the write lock, tells it, and stops in the middle.
FROZEN = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE experiment_series SET description = 'never'")
print("locked", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_stopped_writer(session: Session, sqlite_url: str) -> None:
    """While a stopped process holds the write lock, others read; writers wait until it is killed."""
    command = [sys.executable, "-c", FROZEN, str(file_of(sqlite_url))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        os.waitpid(process.pid, os.WUNTRACED)
        done = threading.Event()

        def write() -> None:
            with SessionLocal() as own:
                retrying_transaction(own, lambda each: add(each, "after"))
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(100):
            assert names(sqlite_url) == ["before"]
        assert not done.is_set()
        process.send_signal(signal.SIGKILL)
        process.wait()
        writer.join(20)
    assert done.is_set()
    assert names(sqlite_url) == ["after", "before"]
    description = session.scalar(
        select(ExperimentSeries.description).where(ExperimentSeries.name == "before")
    )
    assert description != "never"


def test_giving_up_on_a_lock(session: Session, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is told to give up while another holds the lock stops waiting; the fault is the lock."""
    other = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.0)
    with pytest.raises(OperationalError, match="locked"):
        retrying_transaction(session, lambda each: add(each, "x"), deadline_s=math.inf, give_up=lambda: True)
    other.close()
