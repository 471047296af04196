"""The thread that does the supervisor's transactions."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from database.session.lifecycle import SessionLocal
from experiments.supervisor.database_thread import DatabaseThread, Transactions


class Bell:
    """Rings when the database's thread has done something."""

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()

    def ring(self) -> None:
        self._writer.send(b"\0")

    def wait(self, database: DatabaseThread) -> None:
        """Collect until nothing is outstanding."""
        while True:
            database.collect()  # first: one ring may have been heard together with an earlier one
            if not database.outstanding:
                return
            ready, _, _ = select.select([self.reader], [], [], 30.0)
            assert ready
            self.reader.recv(64)

    def close(self) -> None:
        self.reader.close()
        self._writer.close()


@pytest.fixture
def bell() -> Iterator[Bell]:
    bell = Bell()
    yield bell
    bell.close()


@pytest.fixture
def database(bell: Bell, database_url: str) -> Iterator[DatabaseThread]:
    """Return a bookkeeper of a fresh database."""
    assert database_url
    database = DatabaseThread(bell.ring)
    yield database
    database.give_up()
    assert database.close(30.0)


def one(session: Session) -> int:
    return int(session.execute(text("SELECT 1")).scalar_one())


def test_answers_come_in_order(database: DatabaseThread, bell: Bell) -> None:
    """Pieces are done one after another in a thread; their answers are acted on where they are collected."""
    seen: list[tuple[int, bool]] = []
    threads: set[int] = set()

    def work(run: Transactions, number: int) -> int:
        threads.add(threading.get_ident())
        return run(one) * number

    for number in range(5):
        database.submit(
            lambda run, number=number: work(run, number),  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            lambda answer: seen.append((answer, threading.current_thread() is threading.main_thread())),
        )
    bell.wait(database)
    assert seen == [(number, True) for number in range(5)]
    assert threading.get_ident() not in threads


def test_submitting_never_waits(database: DatabaseThread, bell: Bell) -> None:
    """While a piece hangs, more can be submitted and nothing is answered; then all of it is."""
    gate, seen = threading.Event(), []
    database.submit(lambda run: gate.wait(30.0), seen.append)
    database.submit(lambda run: run(one), seen.append)
    database.collect()
    assert (seen, database.outstanding) == ([], 2)
    gate.set()
    bell.wait(database)
    assert seen == [True, 1]


def test_questions_do_not_pile_up(database: DatabaseThread, bell: Bell) -> None:
    """A question is not asked again before it is answered; afterwards it is."""
    gate = threading.Event()
    seen: list[object] = []
    database.submit(lambda run: gate.wait(30.0), once="who")
    database.submit(lambda run: run(one), seen.append, once="who")
    database.submit(lambda run: run(one), seen.append, once="what")
    assert (database.outstanding, database.awaits("who"), database.awaits("when")) == (2, True, False)
    gate.set()
    bell.wait(database)
    assert (seen, database.awaits("who"), database.awaits("what")) == ([1], False, False)
    database.submit(lambda run: run(one), seen.append, once="who")
    bell.wait(database)
    assert seen == [1, 1]


def test_an_error_is_raised_where_it_is_collected(database: DatabaseThread, bell: Bell) -> None:
    """What a piece raises reaches whoever collects; the thread goes on with the next piece."""
    seen: list[int] = []
    database.submit(lambda run: run(lambda session: session.execute(text("SELECT nothing FROM nowhere"))))
    database.submit(lambda run: run(one), seen.append)
    with pytest.raises(Exception, match="nowhere"):
        bell.wait(database)
    bell.wait(database)
    assert seen == [1]


def test_transient_faults_are_tried_for_ever_until_given_up(database: DatabaseThread, bell: Bell) -> None:
    """A database that is away is waited for, and that is shown; whoever gives up gets the last fault."""
    tries: list[int] = []
    went = threading.Event()

    def away(_session: Session) -> None:
        tries.append(len(tries))
        if len(tries) == 3:
            went.set()
        raise OperationalError("SELECT 1", {}, Exception("server closed the connection unexpectedly"))

    database.submit(lambda run: run(away))
    assert went.wait(30.0)
    database.give_up()
    with pytest.raises(OperationalError, match="closed the connection"):
        bell.wait(database)
    assert len(tries) in {3, 4}


def test_each_piece_is_committed(database: DatabaseThread, bell: Bell) -> None:
    """What a piece wrote is there for others once its answer is collected."""
    database.submit(lambda run: run(lambda session: session.execute(text("CREATE TABLE note (line TEXT)"))))
    database.submit(
        lambda run: run(lambda session: session.execute(text("INSERT INTO note VALUES ('kept')")))
    )
    bell.wait(database)
    with SessionLocal() as session:
        assert session.execute(text("SELECT line FROM note")).scalars().all() == ["kept"]
