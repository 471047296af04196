"""Advice about the findings of a diagnosis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from database.diagnosis.findings import NOT_CHECKED, Findings
from database.engine.sqlite_file import MAX_WAL_BYTES, how_to_mend

#: The limits beyond which advice is given, in seconds.
MAX_CLOCK_DIFFERENCE_S = 1.0
MAX_TRANSACTION_S = 600.0


def advise(findings: Findings, clock_difference_s: float) -> Iterator[str]:
    """Yield a sentence for each problem: what it is, and what to do."""
    if abs(clock_difference_s) > MAX_CLOCK_DIFFERENCE_S:
        direction = "ahead of" if clock_difference_s > 0 else "behind"
        yield (
            f"the database's clock is {abs(clock_difference_s):.1f} s {direction} this computer's; "
            "synchronise both (NTP), or times of different computers cannot be compared"
        )
    yield from _about_sqlite(findings)
    yield from _about_postgresql(findings)


def _about_sqlite(findings: Findings) -> Iterator[str]:
    if findings.wal_bytes is None:
        return
    if findings.settings["journal_mode"] != "wal":
        yield (
            f"the file's journal mode is {findings.settings['journal_mode']}, so that readers and the writer "
            "wait for each other; stop all programs that use it and run "
            "`sqlite3 FILE 'PRAGMA journal_mode=WAL'`"
        )
    if findings.wal_bytes > MAX_WAL_BYTES:
        yield (
            f"the WAL file has {findings.wal_bytes / 2**20:.0f} MiB: a process keeps an old read open; "
            "end it, and the next checkpoint shrinks the file"
        )
    if findings.network_file_system is not None:
        yield (
            f"the file lies on a network file system ({findings.network_file_system}), where SQLite damages "
            "data without an error; move it to a local disk, or use PostgreSQL"
        )
    if findings.write_lock == "read only":
        yield "the file cannot be written; check the owner of the file and of its folder"
    if findings.integrity is not None and findings.integrity.startswith(NOT_CHECKED):
        yield (
            f"the file's integrity was {findings.integrity}; `sqlite3 FILE 'PRAGMA integrity_check'` "
            "checks it without a time limit"
        )
    elif findings.is_damaged:
        yield (f"the file is damaged ({findings.integrity}); {how_to_mend(Path('FILE'))}")


def _about_postgresql(findings: Findings) -> Iterator[str]:
    if findings.settings.get("fsync") == "off":
        yield "fsync is off: a power cut may destroy the database; turn it on in postgresql.conf"
    oldest = findings.oldest_transaction
    if oldest is not None and oldest.seconds > MAX_TRANSACTION_S:
        yield (
            f"a transaction of {oldest.application or 'a program without a name'} has been open for "
            f"{oldest.seconds / 60:.0f} min and prevents VACUUM from removing old rows; commit it, or "
            f"SELECT pg_terminate_backend({oldest.pid})"
        )
    if findings.sees_others is False:
        yield (
            "this role sees only its own connections: locks and transactions of others are missing "
            "here; GRANT pg_read_all_stats TO it, or use another role"
        )
    for wait in findings.lock_waits or ():
        owners = ", ".join(map(str, wait.blocked_by)) or "a process that has ended"
        yield (
            f"{wait.application or 'a program without a name'} (process {wait.pid}) has been waiting for "
            f"{wait.seconds:.1f} s for a lock of {owners}"
        )
