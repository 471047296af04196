"""How a database is, read back from the database itself."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from database.diagnosis import sqlite as sqlite_diagnosis
from database.diagnosis.diagnose import diagnose
from database.diagnosis.findings import Diagnosis
from database.engine import schema
from database.engine.registry import dispose_engines, get_engine, new_engine
from database.models import ExperimentSeries
from database.session.lifecycle import scoped_session


@contextmanager
def another(url: str) -> Iterator[Connection]:
    """Yield a connection that has nothing to do with the engine under examination."""
    engine = new_engine(url)
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def test_a_healthy_database(database_url: str) -> None:
    """A fresh database is of our revision, has a size, and its clock is this computer's."""
    found = diagnose(get_engine())
    assert found.revision == found.known_revision == schema.CURRENT_REVISION
    assert found.found.size_bytes > 50_000
    assert abs(found.clock_difference_s) < found.clock_uncertainty_s + 0.05
    assert [sentence for sentence in found.advice if "fsync" not in sentence] == []


def test_growth_is_seen(database_url: str) -> None:
    """The size is that of what is stored."""
    before = diagnose(get_engine()).found.size_bytes
    with scoped_session() as session:
        session.add(ExperimentSeries(name="a", target="a:b", resolved={}, source=os.urandom(500_000).hex()))
    assert diagnose(get_engine()).found.size_bytes >= before + 400_000


def test_nothing_is_changed(database_url: str) -> None:
    """Looking leaves no lock, no open transaction and no setting behind."""
    with scoped_session() as session:
        session.add(ExperimentSeries(name="a", target="a:b", resolved={}))
    engine = get_engine()
    assert comparable(diagnose(engine)) == comparable(diagnose(engine))
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined] # a QueuePool has it
    with scoped_session() as session:
        session.add(ExperimentSeries(name="b", target="a:b", resolved={}))


def comparable(diagnosis: Diagnosis) -> tuple[object, ...]:
    return (diagnosis.found.settings, diagnosis.found.write_lock, diagnosis.pool, diagnosis.revision)


def test_pool(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool is that of the engine, with its limits and what is in use."""
    monkeypatch.setenv("EXPERIMENTS_POOL_SIZE", "3")
    monkeypatch.setenv("EXPERIMENTS_POOL_OVERFLOW", "2")
    with scoped_session() as session:
        session.execute(text("SELECT 1"))
        found = diagnose(get_engine())
    assert (found.pool.size, found.pool.overflow, found.pool.in_use, found.pool.idle) == (3, 2, 1, 1)
    assert found.environment["EXPERIMENTS_POOL_SIZE"] == "3"


def test_passwords_are_not_shown(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the URL of the database nor that of the environment shows a password."""
    monkeypatch.setenv("EXPERIMENTS_DATABASE_URL", "postgresql://u:geheim@h/d")
    url = new_engine(postgres_url).url
    found = diagnose(new_engine(url.set(password="geheim")))
    assert "geheim" not in repr(found)
    assert found.database.startswith("postgresql+psycopg2://postgres:***@")


def test_settings_of_sqlite(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pragmas are those in force, not those that were asked for."""
    monkeypatch.setenv("EXPERIMENTS_DURABILITY", "full")
    found = diagnose(new_engine(sqlite_url)).found
    assert found.server == f"SQLite {sqlite3.sqlite_version}"
    assert found.settings["journal_mode"] == "wal"
    assert found.settings["synchronous"] == "full"
    assert found.settings["foreign_keys"] == "1"
    assert found.settings["busy_timeout"] == "30000 ms"
    assert found.clients is found.lock_waits is found.oldest_transaction is None


def test_settings_of_postgresql(postgres_url: str) -> None:
    """The settings are those of a connection of this process."""
    protocol = new_engine(postgres_url, protocol=True)
    found = diagnose(protocol).found
    protocol.dispose()
    assert found.server.startswith("PostgreSQL 1")
    assert found.settings["statement_timeout"] == "1min"
    assert found.settings["default_transaction_isolation"] == "read committed"
    assert diagnose(get_engine()).found.settings["statement_timeout"] == "0"
    assert found.wal_bytes is found.write_lock is None


def test_write_lock_of_sqlite(sqlite_url: str) -> None:
    """Somebody who writes is seen at once, without waiting for him, and so is the end of it."""
    engine = get_engine()
    with another(sqlite_url) as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        assert diagnose(engine).found.write_lock == "held"
        other.rollback()
        assert diagnose(engine).found.write_lock == "free"


def test_read_only_file(sqlite_url: str) -> None:
    """A file that cannot be written is told."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True))
    with engine.connect() as connection:
        assert sqlite_diagnosis.examine(connection).write_lock == "read only"
    engine.dispose()


def test_wal_file(sqlite_url: str) -> None:
    """The WAL file's size is that on disk while a reader prevents its checkpoint."""
    with another(sqlite_url) as reader:
        reader.exec_driver_sql("BEGIN")
        reader.exec_driver_sql("SELECT count(*) FROM experiment_series").scalar()
        with scoped_session() as session:
            session.add(ExperimentSeries(name="a", target="a:b", resolved={}, source="x" * 500_000))
        assert (diagnose(get_engine()).found.wal_bytes or 0) > 500_000


def test_oldest_transaction(postgres_url: str) -> None:
    """The transaction that has been open longest is named, without the values of its latest statement."""
    with another(postgres_url) as first, another(postgres_url) as second:
        pid = first.scalar(text("SELECT pg_backend_pid()"))
        first.execute(text("SELECT 'a value' AS the_first"))
        second.execute(text("SELECT 'the second'"))
        oldest = diagnose(get_engine()).found.oldest_transaction
    assert oldest is not None
    assert (oldest.pid, oldest.state) == (pid, "idle in transaction")
    assert oldest.statement == "SELECT '…' AS the_first"
    assert oldest.application == f"experiments:script:{os.getpid()}"
    assert 0 <= oldest.seconds < 60
    assert diagnose(get_engine()).found.oldest_transaction is None


def test_lock_waits(postgres_url: str) -> None:
    """Who waits for a lock is named with whoever holds it."""
    with scoped_session() as session:
        session.add(ExperimentSeries(name="a", target="a:b", resolved={}))
    change = text("UPDATE experiment_series SET description = 'x'")
    waiting: list[int] = []
    known = threading.Event()

    def wait() -> None:
        with another(postgres_url) as connection:
            waiting.append(connection.scalar(text("SELECT pg_backend_pid()")) or 0)
            known.set()
            connection.execute(change)

    with another(postgres_url) as holder:
        holder.execute(change)
        pid = holder.scalar(text("SELECT pg_backend_pid()"))
        thread = threading.Thread(target=wait)
        thread.start()
        known.wait()
        found = diagnose(get_engine())
        while not found.found.lock_waits:  # until the server has seen it wait
            time.sleep(0.01)  # it needs the processor for that
            found = diagnose(get_engine())
        holder.rollback()
        thread.join()
    [wait_] = found.found.lock_waits
    assert (wait_.pid, wait_.blocked_by, wait_.statement) == (
        waiting[0],
        [pid],
        str(change).replace("x'", "…'"),
    )
    assert any(
        f"process {waiting[0]}" in sentence and f"lock of {pid}" in sentence for sentence in found.advice
    )


def test_clients(postgres_url: str) -> None:
    """Programs that are connected are counted by their state."""
    with another(postgres_url) as one, another(postgres_url) as two:
        one.execute(text("SELECT 1"))
        two.execute(text("SELECT 1"))
        clients = diagnose(get_engine()).found.clients or ()
    name = f"experiments:script:{os.getpid()}"
    assert {(one.application, one.state): one.count for one in clients} == {
        (name, "idle in transaction"): 2,
        (name, "active"): 1,
    }


def test_a_database_without_tables(empty_database_url: str) -> None:
    """An empty database is examined too; the advice says how to fill it, and nothing is made."""
    new_engine(empty_database_url).connect().close()
    found = diagnose(new_engine(empty_database_url))
    assert found.revision is None
    assert any("holds no experiments yet" in sentence for sentence in found.advice)
    assert diagnose(new_engine(empty_database_url)).revision is None


def test_a_database_of_another_revision(database_url: str) -> None:
    """Tables of another program's version do not stop the examination; the advice says what to do."""
    engine = get_engine()
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999_v9.9.9'"))
    found = diagnose(engine)
    assert found.revision == "9999_v9.9.9"
    assert any("install the program that wrote it" in sentence for sentence in found.advice)


def test_damaged_page(sqlite_url: str) -> None:
    """A file whose header is whole and whose pages are not is told to be damaged."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with another(sqlite_url) as connection:
        root = connection.scalar(text("SELECT rootpage FROM sqlite_master WHERE name = 'metric_chunk'"))
        page_size = connection.exec_driver_sql("PRAGMA page_size").scalar()
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert diagnose(get_engine()).found.integrity == "ok"
    dispose_engines()
    with path.open("r+b") as file:
        file.seek((root - 1) * page_size)
        file.write(b"\xff" * page_size)
    found = diagnose(get_engine())
    assert found.found.integrity != "ok"
    assert any(sentence.startswith("the file is damaged (") for sentence in found.advice)


def test_large_file_is_not_checked_for_ever(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes too long is said not to be checked, and the connection goes on."""
    monkeypatch.setattr(sqlite_diagnosis, "CHECK_S", -1.0)
    with scoped_session() as session:
        session.add_all(
            ExperimentSeries(name=f"s{number}", target="a:b", resolved={}) for number in range(2_000)
        )
    found = diagnose(get_engine())
    assert str(found.found.integrity).startswith("not checked: it takes longer than")
    assert any("was not checked" in sentence for sentence in found.advice)
    with scoped_session() as session:
        assert session.scalar(text("SELECT count(*) FROM experiment_series")) == 2_000


def test_file_kept_by_another_program(sqlite_url: str) -> None:
    """A file that somebody keeps for himself is told soon, and the engine's own waiting stays as it was."""
    path = sqlite_url.removeprefix("sqlite:///")
    owner = sqlite3.connect(path, isolation_level=None)
    owner.execute("PRAGMA locking_mode=EXCLUSIVE")
    owner.execute("BEGIN EXCLUSIVE")
    engine = new_engine(sqlite_url)
    started = time.monotonic()
    with pytest.raises(OperationalError, match="locked"):
        diagnose(engine)
    assert time.monotonic() - started < 15
    owner.close()
    assert diagnose(engine).found.settings["busy_timeout"] == "30000 ms"
    engine.dispose()


def test_role_that_sees_its_own_connections_only(postgres_url: str) -> None:
    """A role that is not told about others says so."""
    role = f"low_{uuid.uuid4().hex}"
    assert diagnose(get_engine()).found.sees_others is True
    with get_engine().begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        connection.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"))
    engine = new_engine(get_engine().url.set(username=role))
    found = diagnose(engine)
    engine.dispose()
    assert found.found.sees_others is False
    assert any("pg_read_all_stats" in sentence for sentence in found.advice)
    with get_engine().begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))
