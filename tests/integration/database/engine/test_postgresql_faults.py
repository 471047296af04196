"""A PostgreSQL server that is killed, restarted, refuses, or throws a connection out."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from database.engine import registry as engines
from database.engine.faults import Fault, fault_of
from database.engine.registry import configure, database_error, get_engine
from database.errors import DatabaseError, DatabaseUnreachableError
from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal, scoped_session
from database.session.retry import retrying, retrying_transaction
from database.settings import normalise_url
from tests.faults.server import Server

PATIENCE_S = 30


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def url(clean_process: None, server: Server) -> str:
    """Return the URL of an empty database on the server of this module; this process is configured for it."""
    url = server.database()
    configure(url, protocol=True)
    return url


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        retrying_transaction(session, lambda each: add(each, "before"))
        yield session


def add(session: Session, name: str) -> None:
    session.add(ExperimentSeries(name=name, resolved={}, target="a:b"))
    session.flush()


def names() -> list[str]:
    with scoped_session(read_only=True) as session:
        return list(session.scalars(select(ExperimentSeries.name).order_by(ExperimentSeries.name)))


class Tries:
    """A transaction that counts its tries, and whose first one meets something in its middle."""

    def __init__(self, middle: object = None) -> None:
        self.count = 0
        self._middle = middle

    def __call__(self, session: Session) -> None:
        self.count += 1
        add(session, "after")
        if self.count == 1 and callable(self._middle):
            self._middle()


def submit(threads: ThreadPoolExecutor, session: Session, work: Tries) -> Future[None]:
    return threads.submit(retrying_transaction, session, work, deadline_s=math.inf)


@pytest.mark.parametrize("way", ["kill", "stop"])
def test_server_that_goes_and_comes_back(
    server: Server, session: Session, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A transaction that a kill -9 or a shutdown cut goes on when the server is back, recorded once."""
    tries = Tries(server.kill if way == "kill" else server.stop)
    with ThreadPoolExecutor(1) as threads:
        try:
            running = submit(threads, session, tries)
            while "the database does not answer" not in caplog.text:
                assert not running.done()
        finally:
            server.start()
        running.result(PATIENCE_S)
    assert tries.count > 1
    assert names() == ["after", "before"]
    assert "the database answers again, after" in caplog.text


def test_looking_while_the_server_is_away(server: Server, url: str) -> None:
    """Who does not wait is told that the server cannot be reached; a worker that starts waits for it."""
    server.kill()
    try:
        with pytest.raises(DatabaseUnreachableError, match="is the server running") as caught:
            get_engine()
        assert caught.value.exit_code == 3
        asked = []

        def start_then() -> bool:
            asked.append(len(asked))
            if len(asked) == 3:
                server.start()
            return False

        engine = retrying(get_engine, deadline_s=math.inf, give_up=start_then)
    finally:
        server.start()
    assert len(asked) >= 3
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(ExperimentSeries)) == 0


def test_connection_terminated_in_the_middle(server: Server, session: Session) -> None:
    """A backend that an administrator ends: the transaction runs again on another connection."""
    end_all = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%:runner:%'"
    )
    tries = Tries(lambda: server.administer(end_all))
    retrying_transaction(session, tries)
    assert tries.count == 2
    assert names() == ["after", "before"]


def test_idle_connections_terminated(server: Server, session: Session) -> None:
    """Connections that were ended while nobody used them are replaced unseen."""
    server.administer("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    tries = Tries()
    retrying_transaction(session, tries)
    assert tries.count == 1
    assert names() == ["after", "before"]


def wait_until_gone(url: str, pid: int) -> None:
    engine = create_engine(normalise_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        question = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
        while connection.scalar(question, {"pid": pid}):
            pass
    engine.dispose()


def test_idle_in_transaction(session: Session, url: str) -> None:
    """A transaction that the server ended because it did nothing for too long runs again."""

    def idle() -> None:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '10ms'"))
        pid = session.scalar(text("SELECT pg_backend_pid()"))
        wait_until_gone(url, int(pid or 0))

    tries = Tries(idle)
    retrying_transaction(session, tries)
    assert tries.count == 2
    assert names() == ["after", "before"]


#: Locks a row and stops, as a host does that vanishes.
VANISHED = """
import os, signal, sys
from sqlalchemy import text
from database.engine import configure
from database.session import SessionLocal
configure(sys.argv[1], protocol=True)
session = SessionLocal()
session.execute(text("SET idle_in_transaction_session_timeout = '500ms'"))
session.execute(text("UPDATE experiment_series SET description = 'never'"))
print("locked", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_client_that_vanishes_with_a_lock(session: Session, url: str) -> None:
    """The server takes the locks of a silent client back: others wait no longer than its idle timeout."""
    with subprocess.Popen(
        [sys.executable, "-c", VANISHED, url], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        os.waitpid(process.pid, os.WUNTRACED)
        change = text("UPDATE experiment_series SET description = 'mine'")
        retrying_transaction(session, lambda each: each.execute(change) and None)
        process.kill()
    assert session.scalar(select(ExperimentSeries.description)) == "mine"


def test_lock_timeout_passes(session: Session, url: str) -> None:
    """Who waits too long for a lock tries again until it is free."""
    change = text("UPDATE experiment_series SET description = :by")
    with SessionLocal() as holder:
        holder.execute(change, {"by": "holder"})
        tries: list[int] = []

        def work(each: Session) -> None:
            tries.append(len(tries))
            each.execute(text("SET LOCAL lock_timeout = '20ms'"))
            if len(tries) == 3:
                holder.commit()
            each.execute(change, {"by": "waiter"})

        retrying_transaction(session, work)
    assert len(tries) == 3
    assert session.scalar(select(ExperimentSeries.description)) == "waiter"


def test_settings_of_the_protocol(session: Session) -> None:
    """The server ends what a vanished runner leaves; a script may think for as long as it likes."""
    shown = {
        name: str(session.scalar(text(f"SHOW {name}")))
        for name in ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout")
    }
    assert shown == {
        "idle_in_transaction_session_timeout": "30s",
        "lock_timeout": "15s",
        "statement_timeout": "1min",
    }
    session.commit()
    configure(engines.current_url())
    with scoped_session() as script:
        assert {str(script.scalar(text(f"SHOW {name}"))) for name in shown} == {"0"}


@pytest.fixture
def protected(server: Server) -> Iterator[str]:
    """Yield the URL of a database for a role that needs a password."""
    url = normalise_url(server.database())
    server.administer("CREATE ROLE ada LOGIN PASSWORD 'geheim'")
    rules: Path = server.folder / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all ada scram-sha-256\n{before}")
    server.administer("SELECT pg_reload_conf()")
    yield url.set(username="ada", password="falsch").render_as_string(hide_password=False)
    rules.write_text(before)
    server.administer("SELECT pg_reload_conf()")
    server.administer("DROP ROLE ada")


def test_wrong_password(clean_process: None, protected: str) -> None:
    """A refused password is no fault that passes; the message says what to check, and not the password."""
    configure(protected)
    with pytest.raises(DatabaseError, match="refuses the connection") as caught:
        retrying(get_engine, deadline_s=math.inf)
    assert not isinstance(caught.value, DatabaseUnreachableError)
    assert "check the user, the password and the name in the URL" in str(caught.value)
    assert "falsch" not in str(caught.value)


@pytest.mark.parametrize(
    "option", ["unknown=geheim", "options=-c%20lock_timeout%3Dgeheim", "options=--geheim"]
)
def test_refused_options(clean_process: None, server: Server, option: str) -> None:
    """An option that is refused is told without its value, also in the traceback."""
    configure(f"{server.url}{'&' if '?' in server.url else '?'}{option}")
    with pytest.raises(DatabaseError, match=r"refuses|cannot be reached") as caught:
        get_engine()
    assert "geheim" not in "".join(traceback.format_exception(caught.value))


def test_values_of_failed_statements(session: Session) -> None:
    """Neither the error of a failed statement, nor what led to it, shows values; what failed is said."""
    statements = [
        (text("SELECT CAST(:value AS integer)"), {"value": "geheim 1"}),
        (text("SELECT 'geheim 2'::integer"), {}),
        (text("SELECT 'geheim 3' FROM nowhere"), {}),
        (insert(ExperimentSeries), [{"name": "geheim 4", "resolved": {}, "target": "a:b", "priority": 9999}]),
        (insert(ExperimentSeries), [{"name": "geheim 5", "resolved": {}, "target": "a:b"}] * 2),
        (text("DO $$ BEGIN PERFORM 'geheim 6'::integer; END $$"), {}),
        (text("SELECT CAST(:value AS json)"), {"value": '{"geheim": 7'}),
    ]
    for statement, values in statements:
        with pytest.raises(DBAPIError) as caught:
            session.execute(statement, values)
        session.rollback()
        shown = "".join(traceback.format_exception(caught.value))
        shown += f"{caught.value.orig}{database_error(caught.value)}"
        assert "geheim" not in re.sub(r"(?m)^    .*$", "", shown)  # the lines of this test
        assert "psycopg2.errors." in shown
        if "geheim 5" in str(values):
            assert 'duplicate key value violates unique constraint "uq_experiment_series_name"' in shown


@pytest.mark.parametrize("part", [{"database": "tippfehler"}, {"username": "niemand"}])
def test_unknown_names(clean_process: None, server: Server, part: dict[str, str]) -> None:
    """A database or a user that does not exist is told at once."""
    configure(normalise_url(server.url).set(**part))
    with pytest.raises(DatabaseError, match=r"does not exist.*check the user") as caught:
        retrying(get_engine, deadline_s=math.inf)
    assert isinstance(caught.value.__cause__, DBAPIError)
    assert fault_of(caught.value.__cause__) is Fault.STAYS
