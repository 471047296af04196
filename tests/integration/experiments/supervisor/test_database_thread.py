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
    """Rings when the bookkeeper has done something."""

    def __init__(self) -> None:
        self.reader, self._writer = socket.socketpair()

    def ring(self) -> None:
        self._writer.send(b"\0")

    def wait(self, books: DatabaseThread) -> None:
        """Collect until nothing is outstanding."""
        while True:
            books.collect()  # first: one ring may have been heard together with an earlier one
            if not books.outstanding:
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
def books(bell: Bell, database_url: str) -> Iterator[DatabaseThread]:
    """Return a bookkeeper of a fresh database."""
    assert database_url
    books = DatabaseThread(bell.ring)
    yield books
    books.give_up()
    assert books.close(30.0)


def one(session: Session) -> int:
    return int(session.execute(text("SELECT 1")).scalar_one())


def test_answers_come_in_order(books: DatabaseThread, bell: Bell) -> None:
    """Pieces are done one after another in a thread; their answers are acted on where they are collected."""
    seen: list[tuple[int, bool]] = []
    threads: set[int] = set()

    def work(run: Transactions, number: int) -> int:
        threads.add(threading.get_ident())
        return run(one) * number

    for number in range(5):
        books.submit(
            lambda run, number=number: work(run, number),  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            lambda answer: seen.append((answer, threading.current_thread() is threading.main_thread())),
        )
    bell.wait(books)
    assert seen == [(number, True) for number in range(5)]
    assert threading.get_ident() not in threads


def test_submitting_never_waits(books: DatabaseThread, bell: Bell) -> None:
    """While a piece hangs, more can be submitted and nothing is answered; then all of it is."""
    gate, seen = threading.Event(), []
    books.submit(lambda run: gate.wait(30.0), seen.append)
    books.submit(lambda run: run(one), seen.append)
    books.collect()
    assert (seen, books.outstanding) == ([], 2)
    gate.set()
    bell.wait(books)
    assert seen == [True, 1]


def test_an_error_is_raised_where_it_is_collected(books: DatabaseThread, bell: Bell) -> None:
    """What a piece raises reaches whoever collects; the thread goes on with the next piece."""
    seen: list[int] = []
    books.submit(lambda run: run(lambda session: session.execute(text("SELECT nothing FROM nowhere"))))
    books.submit(lambda run: run(one), seen.append)
    with pytest.raises(Exception, match="nowhere"):
        bell.wait(books)
    bell.wait(books)
    assert seen == [1]


def test_transient_faults_are_tried_for_ever_until_given_up(books: DatabaseThread, bell: Bell) -> None:
    """A database that is away is waited for, and that is shown; whoever gives up gets the last fault."""
    tries: list[int] = []
    went = threading.Event()

    def away(_session: Session) -> None:
        tries.append(len(tries))
        if len(tries) == 3:
            went.set()
        raise OperationalError("SELECT 1", {}, Exception("server closed the connection unexpectedly"))

    books.submit(lambda run: run(away))
    assert went.wait(30.0)
    books.give_up()
    with pytest.raises(OperationalError, match="closed the connection"):
        bell.wait(books)
    assert len(tries) in {3, 4}


def test_each_piece_is_committed(books: DatabaseThread, bell: Bell) -> None:
    """What a piece wrote is there for others once its answer is collected."""
    books.submit(lambda run: run(lambda session: session.execute(text("CREATE TABLE note (line TEXT)"))))
    books.submit(lambda run: run(lambda session: session.execute(text("INSERT INTO note VALUES ('kept')"))))
    bell.wait(books)
    with SessionLocal() as session:
        assert session.execute(text("SELECT line FROM note")).scalars().all() == ["kept"]
