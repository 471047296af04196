"""`g.db`: one session for each request of a real Flask application, on both databases."""

from __future__ import annotations

import gc
import http.client
import logging
import re
import subprocess
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from flask import Flask, Response, g, request, stream_with_context
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from database.engine.registry import get_engine
from database.errors import SessionMisuseError
from database.events import Event, EventKind, listening
from database.integrations.flask import init_app
from database.models import ExperimentSeries
from database.process_identity import current_user
from database.session.lifecycle import (
    SessionLocal,
    SessionWarning,
    close_global_session,
    get_session,
    scoped_session,
)
from database.session.optimistic_locking import ConcurrentUpdateError
from database.session.thread_sessions import thread_session
from tests.integration.database.recorded_series import series
from tests.integration.databases import on_sqlite

#: The requests that are inside the application at the same moment.
REQUESTS = 1_000


def names() -> list[str]:
    with SessionLocal() as session:
        return sorted(session.scalars(select(ExperimentSeries.name)))


@pytest.fixture
def app(database_url: str) -> Flask:
    """Return an application whose requests write, fail and only look."""
    app = Flask(__name__)
    init_app(app)
    get_engine()

    @app.post("/<name>/commit")
    def commit(name: str) -> str:
        g.db.add(series(name))
        g.db.commit()
        return "committed"

    @app.post("/<name>/forget")
    def forget(name: str) -> str:
        g.db.add(series(name))
        g.db.flush()
        return "not committed"

    @app.post("/<name>/fail")
    def fail(name: str) -> str:
        g.db.add(series(name))
        g.db.flush()
        raise ZeroDivisionError

    @app.get("/nothing")
    def nothing() -> str:
        return "no database"

    @app.get("/same")
    def same() -> str:
        return str(g.db is g.db)

    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_committed_on_purpose_only(client: FlaskClient) -> None:
    """What a request commits stays, what it forgets to commit is gone."""
    assert client.post("/a/commit").status_code == 200
    with pytest.warns(SessionWarning, match=r"g\.db .* ended with work that was not committed"):
        assert client.post("/b/forget").status_code == 200
    assert names() == ["a"]


def test_rolled_back_on_error(app: Flask, client: FlaskClient) -> None:
    """A request that raises leaves nothing, even when the handler of its error commits."""

    @app.errorhandler(500)
    def apologise(_error: Exception) -> tuple[str, int]:
        count = g.db.scalar(select(func.count()).select_from(ExperimentSeries))
        g.db.commit()
        return f"sorry, {count} series", 500

    answer = client.post("/a/fail")
    assert (answer.status_code, answer.text) == (500, "sorry, 0 series")
    assert names() == []


@on_sqlite
def test_one_session_per_request(client: FlaskClient) -> None:
    """Within a request it is always the same; the next request has another; both are closed."""
    heard: list[Event] = []
    with listening(heard.append):
        assert client.get("/same").text == "True"
        assert client.get("/same").text == "True"
    assert [one.kind for one in heard] == [EventKind.OPENED, EventKind.CLOSED] * 2
    assert "test_flask.py" in heard[0].place


@on_sqlite
@pytest.mark.parametrize("pattern", ["scoped_session()", "get_session()", "thread_session()"])
@pytest.mark.parametrize("is_first", [True, False])
def test_beside_another_pattern(app: Flask, pattern: str, is_first: bool) -> None:
    """Another session in the middle of a transaction of g.db is told, with both places; so is the reverse."""

    def use_request() -> None:
        g.db.scalar(select(1))

    def use_other() -> None:
        opened = {
            "scoped_session()": lambda: stack.enter_context(scoped_session()),
            "get_session()": get_session,
            "thread_session()": thread_session,
        }[pattern]()
        opened.scalar(select(1))

    uses = {"g.db": use_request, pattern: use_other}
    busy, called = uses if is_first else reversed(uses)
    with app.test_request_context(), ExitStack() as stack:
        uses[busy]()
        with pytest.warns(SessionWarning) as told:
            uses[called]()
        uses[busy]()  # told once
    [message] = [str(one.message) for one in told]
    place = r"\S*test_flask\.py:\d+"
    assert re.match(
        f"{re.escape(called)} at {place} was called .*{re.escape(busy)} (opened )?at {place}", message
    )
    thread_session.remove()
    close_global_session()


@on_sqlite
def test_opened_on_first_use(client: FlaskClient) -> None:
    """A request that does not name it opens no session."""
    with listening(pytest.fail):
        assert client.get("/nothing").status_code == 200


def test_usable_after_a_caught_database_error(app: Flask, client: FlaskClient) -> None:
    """A request may catch a database's refusal, roll back and go on."""

    @app.post("/twice")
    def twice() -> str:
        g.db.add_all([series("a"), series("a")])
        try:
            g.db.commit()
        except IntegrityError:
            g.db.rollback()
        g.db.add(series("b"))
        g.db.commit()
        return "ok"

    assert client.post("/twice").text == "ok"
    assert names() == ["b"]


def test_streamed_answers(app: Flask, client: FlaskClient) -> None:
    """A streamed answer keeps the session of its request until its last row."""
    with scoped_session() as session:
        session.add_all([series("a"), series("b")])

    @app.get("/stream")
    def stream() -> Response:
        def rows() -> Iterator[str]:
            yield from g.db.scalars(select(ExperimentSeries.name).order_by(ExperimentSeries.name))

        return Response(stream_with_context(rows()))

    heard: list[Event] = []
    with listening(heard.append):
        assert client.get("/stream").text == "ab"
    assert [one.kind for one in heard] == ["opened", "begun", "rolled_back", "closed"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # a file ends no connection
def test_a_dead_connection_does_not_leak(app: Flask, client: FlaskClient) -> None:
    """A request whose connection was ended by the server fails alone; the next one works."""

    @app.get("/suicide")
    def suicide() -> str:
        g.db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return "never"

    assert client.get("/suicide").status_code == 500
    assert client.post("/a/commit").status_code == 200
    assert get_engine().pool.checkedout() == 0  # type: ignore[attr-defined] # a QueuePool has it


@on_sqlite
def test_outside_a_request(app: Flask) -> None:
    """Without a request `g.db` says what to write instead; without an application Flask says so."""
    with app.app_context(), pytest.raises(SessionMisuseError, match="with scoped_session"):
        _ = g.db
    with pytest.raises(RuntimeError, match="outside of application context"):
        _ = g.db


@on_sqlite
def test_assigning_explains_itself(app: Flask) -> None:
    """Code that opens `g.db` by hand is told; other names of `g` are free."""
    with app.test_request_context():
        g.user = "ada"
        with pytest.raises(SessionMisuseError, match="do not assign it"):
            g.db = SessionLocal
        assert g.user == "ada"


@on_sqlite
def test_twice_is_once(app: Flask, client: FlaskClient) -> None:
    """An application that is initialised twice behaves as if once."""
    init_app(app)
    heard: list[Event] = []
    with listening(heard.append):
        client.get("/same")
    assert [one.kind for one in heard] == ["opened", "closed"]


@on_sqlite
def test_own_class_of_g(database_url: str) -> None:
    """An application's own class of `g` keeps what it has."""
    from flask.ctx import _AppCtxGlobals

    class Own(_AppCtxGlobals):
        colour = "blue"

    app = Flask(__name__)
    app.app_ctx_globals_class = Own
    init_app(app)
    with app.test_request_context():
        assert g.colour == "blue"
        assert g.db.scalar(text("SELECT 1")) == 1


def test_without_flask() -> None:
    """Without Flask the error names the extra that brings it."""
    code = "import sys; sys.modules['flask'] = None; import database.integrations.flask"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "pip install 'experiment-series[flask]'" in found.stderr.splitlines()[-1]


@contextmanager
def serving(app: Flask) -> Iterator[int]:
    """Serve `app` on loopback, a thread per request, and yield the port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_many_concurrent_requests(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """1,000 requests inside the application at once: each its own session, none lost, none left."""
    inside = threading.Barrier(REQUESTS)
    sessions: list[weakref.ref[Session]] = []
    identities: set[int] = set()

    @app.post("/together/<int:number>")
    def together(number: int) -> str:
        session = g.db
        inside.wait(120)  # all sessions are alive now: their identities cannot be reused
        sessions.append(weakref.ref(session))
        identities.add(id(session))
        mine = f"{number:04d}"
        session.add(series(mine))
        session.flush()
        assert session.scalars(select(ExperimentSeries.name).where(ExperimentSeries.name == mine)).one()
        if number % 4 == 0:
            raise ZeroDivisionError
        if number % 4 < 3:
            session.commit()
        else:
            session.rollback()
        return request.path

    def ask(number: int) -> tuple[int, bool]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        connection.request("POST", f"/together/{number}")
        answer = connection.getresponse()
        right = answer.read().decode() == f"/together/{number}"
        connection.close()
        return answer.status, right

    caplog.set_level(logging.CRITICAL, "werkzeug")
    app.logger.disabled = True  # a logged traceback would keep its session alive
    heard: list[Event] = []
    with (
        listening(heard.append),
        serving(app) as port,
        ThreadPoolExecutor(REQUESTS) as threads,
    ):
        answers = Counter(threads.map(ask, range(REQUESTS)))
    assert answers == {(200, True): 750, (500, False): 250}
    assert names() == [f"{number:04d}" for number in range(REQUESTS) if number % 4 in {1, 2}]
    assert len(identities) == len(sessions) == REQUESTS
    kinds = Counter(one.kind for one in heard)
    del kinds[EventKind.SLOW_QUERY]  # this many threads may slow anything
    assert kinds == {"opened": 1000, "begun": 1000, "committed": 500, "rolled_back": 500, "closed": 1000}
    assert get_engine().pool.checkedout() == 0  # type: ignore[attr-defined] # a QueuePool has it
    gc.collect()
    assert not [session for session in sessions if session() is not None]


@on_sqlite
def test_teardown_that_raises(app: Flask) -> None:
    """The session is closed after all of the application's own teardown, also when that raises."""
    seen: list[int | None] = []

    @app.teardown_appcontext
    def look(_error: BaseException | None) -> None:
        seen.append(g.db.scalar(select(func.count()).select_from(ExperimentSeries)))
        raise ZeroDivisionError

    kinds: list[EventKind] = []
    with listening(lambda event: kinds.append(event.kind)), pytest.raises(ZeroDivisionError):
        app.test_client().post("/a/commit")
    assert seen == [1]
    assert (kinds.count(EventKind.OPENED), kinds.count(EventKind.CLOSED)) == (1, 1)


@on_sqlite
def test_session_of_a_request_has_an_owner(app: Flask) -> None:
    """A thread that took g.db along is refused, and so is who uses it after the request."""
    taken: list[Session] = []
    raised: list[BaseException] = []

    def use() -> None:
        try:
            taken[0].scalar(select(1))
        except SessionMisuseError as error:
            raised.append(error)

    @app.get("/share")
    def share() -> str:
        taken.append(g.db)
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        return str(g.db.scalar(select(1)))

    assert app.test_client().get("/share").text == "1"
    use()
    assert ["belongs to the thread" in str(raised[0]), "was closed" in str(raised[1])] == [True, True]
    assert "the session of g.db at" in str(raised[0])


def test_conflict_in_a_request(app: Flask) -> None:
    """A lost update is refused with who was faster, as everywhere."""

    @app.get("/edit")
    def edit() -> str:
        found = g.db.scalars(select(ExperimentSeries)).one()
        g.db.commit()
        assert found.notes == ""
        with SessionLocal() as other:
            other.scalars(select(ExperimentSeries)).one().notes = "theirs"
            other.commit()
        found.notes = "mine"
        try:
            g.db.commit()
        except ConcurrentUpdateError as error:
            return error.change.by if error.change else "deleted"
        return "lost"

    client = app.test_client()
    client.post("/a/commit")
    assert client.get("/edit").text == current_user()
