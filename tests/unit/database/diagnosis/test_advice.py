"""When `doctor` has something to say."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from database.diagnosis.advice import advise
from database.diagnosis.findings import Findings, LockWait, OpenTransaction
from database.diagnosis.sqlite import known_bugs

SQLITE = Findings("SQLite 3", 1, {"journal_mode": "wal"}, wal_bytes=0, write_lock="free")
POSTGRESQL = Findings("PostgreSQL 18", 1, {"fsync": "on"}, clients=(), lock_waits=())


@pytest.mark.parametrize("found", [SQLITE, POSTGRESQL])
def test_silent_when_all_is_well(found: Findings) -> None:
    """A healthy database gets no advice, also while somebody writes or a transaction is young."""
    assert list(advise(found, 0.9)) == []
    young = OpenTransaction(7, "script", "active", 599, "SELECT 1")
    busy = dataclasses.replace(found, write_lock=found.write_lock and "held", oldest_transaction=young)
    assert list(advise(busy, -0.9)) == []


@pytest.mark.parametrize(
    ("found", "changes", "message"),
    [
        (SQLITE, {"settings": {"journal_mode": "delete"}}, "journal mode is delete"),
        (SQLITE, {"wal_bytes": 65 * 2**20}, "the WAL file has 65 MiB"),
        (SQLITE, {"network_file_system": "nfs4"}, r"network file system \(nfs4\).*or use PostgreSQL"),
        (SQLITE, {"write_lock": "read only"}, "cannot be written; check the owner"),
        (POSTGRESQL, {"settings": {"fsync": "off"}}, "fsync is off"),
        (
            POSTGRESQL,
            {"oldest_transaction": OpenTransaction(7, "", "idle in transaction", 1200, "")},
            r"of a program without a name has been open for 20 min .*pg_terminate_backend\(7\)",
        ),
        (
            POSTGRESQL,
            {"lock_waits": (LockWait(7, "script", 2.5, (8, 9), "UPDATE x"),)},
            r"script \(process 7\) has been waiting for 2.5 s for a lock of 8, 9",
        ),
        (POSTGRESQL, {"lock_waits": (LockWait(7, "", 2.5, (), ""),)}, "a process that has ended"),
    ],
)
def test_one_sentence_each(found: Findings, changes: dict[str, Any], message: str) -> None:
    """Each trouble gets one sentence that says what to do."""
    [sentence] = advise(dataclasses.replace(found, **changes), 0.0)
    assert re.search(message, sentence)


@pytest.mark.parametrize(
    ("difference_s", "message"), [(2.0, "2.0 s ahead of this computer's"), (-3.25, "3.2 s behind this")]
)
def test_clocks(difference_s: float, message: str) -> None:
    """A clock that is more than a second off is told, with its direction."""
    [sentence] = advise(SQLITE, difference_s)
    assert message in sentence


@pytest.mark.parametrize(
    ("version", "harmed"),
    [((3, 6, 23), False), ((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 53, 0), False)],
)
def test_known_bugs(version: tuple[int, int, int], harmed: bool) -> None:
    """Versions of SQLite that can damage a file in WAL mode are known."""
    assert bool(known_bugs(version)) is harmed
