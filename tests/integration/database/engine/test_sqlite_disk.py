"""SQLite files whose disk is full or slow, and a write-ahead log that grows."""

from __future__ import annotations

import itertools
import logging
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from database.engine.faults import Fault, fault_of
from database.engine.registry import database_error, get_engine
from database.engine.sqlite_file import WalMonitor, fold_wal, wal_bytes
from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal, scoped_session
from database.session.retry import retrying_transaction
from tests.integration.database.sqlite_files import add, file_of, names


@pytest.fixture
def session(sqlite_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        retrying_transaction(session, lambda each: add(each, "before"))
        yield session


def limit_pages(session: Session, more: int | None) -> None:
    """Let the file grow by so many pages only, as a disk does that is almost full; None: as it likes."""
    connection = session.connection()
    count = connection.exec_driver_sql("PRAGMA page_count").scalar()
    connection.exec_driver_sql(f"PRAGMA max_page_count={2**30 if more is None else int(count or 0) + more}")
    session.commit()


def test_full_disk_ends_a_script(session: Session) -> None:
    """Without room, what was committed stays, and the message says that there is none."""
    limit_pages(session, 3)
    added = 0
    with pytest.raises(OperationalError, match="full") as caught:
        for added in range(10_000):
            add(session, f"{added:0200}")
            session.commit()
    session.rollback()
    assert added > 1
    assert fault_of(caught.value) is Fault.NEEDS_ROOM
    assert "no space is left on its disk" in str(database_error(caught.value))
    assert session.scalar(select(func.count()).select_from(ExperimentSeries)) == added + 1
    assert session.scalar(text("PRAGMA integrity_check")) == "ok"


def test_full_disk_holds_up_the_protocol(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    """A transaction of the protocol waits for room, says so, and is recorded once when there is some."""
    limit_pages(session, 0)
    tries = []

    def work(each: Session) -> None:
        tries.append(len(tries))
        if len(tries) == 4:
            limit_pages(each, None)
        for number in range(100):
            add(each, f"{number:0200}")

    retrying_transaction(session, work)
    assert len(tries) == 4
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.WARNING]
    assert "the database's disk is full: nothing is lost" in caplog.text
    assert "the database answers again" in caplog.text
    assert session.scalar(select(func.count()).select_from(ExperimentSeries)) == 101


#: Records until the file may not grow any more, tells how many there are, and goes on when told.
LIMITED = """
import logging, resource, sys
from database.engine import configure
from database.session.retry import retrying_transaction
from database.session import SessionLocal
from database.models import ExperimentSeries

class Tell(logging.Handler):
    def emit(self, record):
        print(record.getMessage().split(":")[0], done, flush=True)
        if "full" in record.getMessage():
            sys.stdin.readline()

logging.getLogger("database.session.retry").addHandler(Tell())
configure(sys.argv[1])
done = 0

def add(session, number):
    session.add(ExperimentSeries(name=f"{number:0200}", resolved={}, target="a:b"))

with SessionLocal() as session:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    while done < 300:
        retrying_transaction(session, lambda each: add(each, done))
        done += 1
print("done", done, flush=True)
"""


def test_limit_of_file_sizes(sqlite_url: str) -> None:
    """`ulimit -f` is as a full disk: what was acknowledged is there, and it goes on when it is lifted."""
    command = [sys.executable, "-c", LIMITED, sqlite_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said, _, acknowledged = process.stdout.readline().strip().rpartition(" ")
        assert said == "the database's disk is full"
        assert 0 < int(acknowledged) < 300
        assert len(names(sqlite_url)) == int(acknowledged)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        process.stdin.write("\n")
        process.stdin.close()
        assert process.stdout.read().splitlines()[-1] == "done 300"
    assert len(names(sqlite_url)) == 300
    with scoped_session() as session:
        assert session.scalar(text("PRAGMA integrity_check")) == "ok"


def test_folding_the_wal(session: Session, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end everything is in the file itself; while somebody reads an old state, it stays in the WAL."""
    monkeypatch.setattr("database.engine.sqlite_file._FOLD_WAIT_MS", 1)
    engine = get_engine()
    assert wal_bytes(file_of(sqlite_url)) > 0
    reader = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM experiment_series").fetchone()
    retrying_transaction(session, lambda each: add(each, "after"))
    assert not fold_wal(engine)
    reader.close()
    assert fold_wal(engine)
    assert wal_bytes(file_of(sqlite_url)) == 0
    alone = file_of(sqlite_url).with_name("alone.db")
    shutil.copy(file_of(sqlite_url), alone)
    assert names(f"sqlite:///{alone}") == ["after", "before"]


def test_wal_that_grows(
    session: Session, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A WAL file beyond the limit is told once, and again when it has doubled."""
    monkeypatch.setattr("database.engine.sqlite_file.MAX_WAL_BYTES", 100_000)
    watch, engine, wal = WalMonitor(), get_engine(), Path(f"{file_of(sqlite_url)}-wal")
    reader = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM experiment_series").fetchone()
    told = []
    for number in range(60):
        retrying_transaction(session, lambda each: add(each, f"{number}"))  # noqa: B023 - called at once
        watch.check(engine)
        if len(caplog.records) > len(told):
            told.append(wal.stat().st_size)
    reader.close()
    assert len(told) >= 2
    assert told[0] > 100_000
    assert all(later > 2 * earlier for earlier, later in itertools.pairwise(told))
    assert "end that process" in caplog.text


def test_postgresql_has_no_file(postgres_url: str) -> None:
    """What is done about the file is nothing on PostgreSQL."""
    assert fold_wal(get_engine())
    WalMonitor().check(get_engine())
