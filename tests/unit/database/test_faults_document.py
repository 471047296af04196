"""The page about faults says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from database.engine import sqlite
from database.engine.registry import PROTOCOL_OPTIONS
from database.engine.schema import VERSION_TABLE
from database.engine.sqlite_file import MAX_WAL_BYTES
from experiments.supervisor import limits

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
SOURCE = "\n".join(
    path.read_text(encoding="utf-8")
    for name in ("database", "experiments")
    for path in (ROOT / name).rglob("*.py")
)


@pytest.mark.parametrize("message", re.findall(r"`(the database[^`]+|refuses[^`]+)`", PAGE))
def test_messages(message: str) -> None:
    """What is quoted as being said is what the code says."""
    said = re.sub(r'"\s+f?"', "", SOURCE)
    for part in message.split(" ... "):
        assert part in said


def test_at_least_some_messages_are_quoted() -> None:
    """The page quotes the messages that users will search for."""
    assert len(re.findall(r"`(the database[^`]+|refuses[^`]+)`", PAGE)) >= 3


@pytest.mark.parametrize("path", re.findall(r"`((?:tests|database)/[\w/]+\.py)`", PAGE))
def test_files(path: str) -> None:
    """Files that are named exist."""
    assert (ROOT / path).is_file()


def test_numbers() -> None:
    """Times and sizes are those of the code."""
    assert f"writers wait up to {sqlite.BUSY_TIMEOUT_S:.0f} s at a time" in PAGE
    assert f"`doctor` says so from {MAX_WAL_BYTES // 2**20} MiB on" in PAGE
    assert f"killed by its runner after {limits.STUCK_S:.0f} s" in PAGE
    times = dict(re.findall(r"(\w+)=(\d+)s", PROTOCOL_OPTIONS))
    assert f"locks ({times['lock_timeout']} s), statements ({times['statement_timeout']} s)" in PAGE
    assert f"idle transactions ({times['idle_in_transaction_session_timeout']} s)" in PAGE
    assert f"`{VERSION_TABLE}`" in PAGE
    assert "SQLite 3.51.3" in PAGE or "before 3.51.3" in PAGE
