"""Transient faults are waited for; others are not."""

from __future__ import annotations

import math
import sqlite3

import psycopg2
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from database.claims.types import RetryPolicy
from database.engine.faults import Fault, fault_of, is_transient
from database.errors import DatabaseUnreachableError
from database.models import ExperimentStatus, Outcome
from database.session.retry import retrying


class Postgres(psycopg2.OperationalError):
    def __init__(self, code: str | None, message: str = "server says no") -> None:
        super().__init__(message)
        self._code = code

    @property
    def pgcode(self) -> str | None:
        return self._code


def sqlite_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("no")
    error.sqlite_errorname = name
    return error


def wrapped(original: Exception, *, invalidated: bool = False) -> DBAPIError:
    return OperationalError("SELECT 1", {}, original, connection_invalidated=invalidated)


@pytest.mark.parametrize(
    "code", ["40001", "40P01", "55P03", "57P01", "53300", "53200", "25P03", "25006", "57P05", "08006", None]
)
def test_postgresql_faults_that_pass(code: str | None) -> None:
    """Serialization, deadlock, lock timeout, shutdown, too many connections, lost ones."""
    assert is_transient(wrapped(Postgres(code)))


@pytest.mark.parametrize("code", ["42601", "42P01", "23505", "28P01", "53400", "57P04", "42501"])
def test_postgresql_faults_that_stay(code: str) -> None:
    """Syntax, missing tables, wrong passwords, a limit, a dropped database do not go away."""
    assert fault_of(wrapped(Postgres(code))) is Fault.STAYS


def test_postgresql_disk_that_is_full() -> None:
    """It waits for somebody who makes room."""
    assert fault_of(wrapped(Postgres("53100"))) is Fault.NEEDS_ROOM


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ('connection to server at "h" (10.0.0.1), port 5432 failed: Connection refused', Fault.PASSES),
        ("connection to server on socket failed: FATAL:  the database system is starting up", Fault.PASSES),
        ("FATAL:  the database system is not yet accepting connections", Fault.PASSES),
        ("FATAL:  sorry, too many clients already", Fault.PASSES),
        ("server closed the connection unexpectedly", Fault.PASSES),
        ('could not translate host name "h" to address: Temporary failure', Fault.PASSES),
        ('FATAL:  password authentication failed for user "ada"', Fault.STAYS),
        ("fe_sendauth: no password supplied", Fault.STAYS),
        ('FATAL:  database "tippfehler" does not exist', Fault.STAYS),
        ('FATAL:  role "ada" does not exist', Fault.STAYS),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.2", user "ada"', Fault.STAYS),
        ("server does not support SSL, but SSL was required", Fault.STAYS),
        ("FATAL:  unsupported startup parameter: options", Fault.STAYS),
    ],
)
def test_connections_that_cannot_be_made(said: str, fault: Fault) -> None:
    """A server that is away or starts is waited for; one that refuses what the URL says is not."""
    assert fault_of(wrapped(Postgres(None, said))) is fault


def test_sqlite_faults() -> None:
    """A lock passes; a full disk waits for room; a damaged, read-only or unreadable file does neither."""
    for name in ("SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED_SHAREDCACHE", "SQLITE_PROTOCOL"):
        assert fault_of(wrapped(sqlite_error(name))) is Fault.PASSES
    for name in ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"):
        assert fault_of(wrapped(sqlite_error(name))) is Fault.NEEDS_ROOM
    for name in ("SQLITE_CORRUPT", "SQLITE_READONLY", "SQLITE_ERROR", "SQLITE_IOERR_READ", "SQLITE_NOTADB"):
        assert fault_of(wrapped(sqlite_error(name))) is Fault.STAYS


def test_others() -> None:
    """A connection found dead passes; a violated constraint or an error of ours does not."""
    assert is_transient(wrapped(sqlite_error("SQLITE_ERROR"), invalidated=True))
    assert not is_transient(IntegrityError("INSERT", {}, sqlite3.IntegrityError("unique")))
    assert not is_transient(ValueError())
    assert is_transient(DatabaseUnreachableError("away"))


class Flaky:
    """Work that fails with these errors, one after another, and then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self._errors:
            raise self._errors.pop(0)
        return "done"


LOCKED = wrapped(sqlite_error("SQLITE_BUSY"))
FULL = wrapped(sqlite_error("SQLITE_FULL"))


def test_retrying_for_ever() -> None:
    """Without a deadline, what passes is tried until it has passed."""
    work = Flaky(*[LOCKED] * 4, DatabaseUnreachableError("away"))
    assert retrying(work, deadline_s=math.inf) == "done"
    assert work.tries == 6


def test_giving_up() -> None:
    """Somebody who says so ends it with the last fault, also when there is no deadline."""
    work = Flaky(*[LOCKED] * 100)
    with pytest.raises(OperationalError) as caught:
        retrying(work, deadline_s=math.inf, give_up=lambda: work.tries == 3)
    assert caught.value is LOCKED
    assert work.tries == 3


def test_faults_that_stay_end_it_at_once() -> None:
    """What does not pass is not tried again."""
    work = Flaky(wrapped(sqlite_error("SQLITE_CORRUPT")))
    with pytest.raises(OperationalError):
        retrying(work, deadline_s=math.inf)
    assert work.tries == 1


def test_full_disk(caplog: pytest.LogCaptureFixture) -> None:
    """A full disk ends a script's work; the protocol waits, says at once what to do, and that it went on."""
    with pytest.raises(OperationalError):
        retrying(Flaky(FULL), deadline_s=math.inf)
    assert retrying(Flaky(FULL, FULL), deadline_s=math.inf, wait_for_room=True) == "done"
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "the database's disk is full",
        "the database answers again, after 0 s",
    ]
    assert "make room" in caplog.text


def test_short_locks_are_not_told(caplog: pytest.LogCaptureFixture) -> None:
    """A lock that is gone in a moment is everyday life."""
    assert retrying(Flaky(LOCKED, LOCKED), deadline_s=10) == "done"
    assert caplog.records == []


def test_retry_policy() -> None:
    """The default: bad luck ten times, blame twice, failures never; a policy can say otherwise."""
    policy = RetryPolicy()
    pending, failed = ExperimentStatus.PENDING, ExperimentStatus.FAILED
    assert policy.status_after(Outcome.COMPLETED, 0) is ExperimentStatus.COMPLETED
    assert [policy.status_after(Outcome.CRASHED, n) for n in (0, 1, 2)] == [pending, pending, failed]
    assert [policy.status_after(Outcome.LOST, n) for n in (9, 10)] == [pending, failed]
    assert policy.status_after(Outcome.ERROR, 0) is failed
    assert policy.status_after(Outcome.RELEASED, 99) is pending
    assert policy.status_after(Outcome.CANCELLED, 0) is ExperimentStatus.CANCELLED
    assert RetryPolicy({Outcome.ERROR: 1}).status_after(Outcome.ERROR, 0) is pending
