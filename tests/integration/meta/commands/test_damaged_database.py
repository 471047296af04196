"""What commands say when a page of an SQLite database is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from database.engine.registry import current_url, dispose_engines, get_engine
from meta.commands.group import run_command
from tests.integration.databases import on_sqlite
from tests.integration.meta.commanding import filled


def damage(table: str) -> None:
    """Overwrite a page of a table, as a failing disk does."""
    with get_engine().connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.exec_driver_sql(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).scalar()
        size = connection.exec_driver_sql("PRAGMA page_size").scalar()
    dispose_engines()
    assert page
    assert size
    with Path(str(current_url().database)).open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


@on_sqlite
@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize("table", ["experiment", "experiment_series"])
def test_every_command_says_that_the_file_is_damaged(capsys: pytest.CaptureFixture[str], table: str) -> None:
    """A damaged page is found when it is read: whoever reads it says so, what to do, and exits with 3."""
    filled()
    damage(table)
    for command in (
        *("list first", "show 1", "failures first", "retry first", "release first"),
        *("graphs first", "table first", "report first", "export first", "database check", "doctor"),
        *("compare first --of lr --on accuracy", "run first -q", "delete first --yes"),
    ):
        assert run_command(command.split()) == 3, command
        printed = capsys.readouterr()
        assert " is damaged (" in printed.out + printed.err, command
        assert ".recover | sqlite3 new.db" in printed.out + printed.err, command


@on_sqlite
@pytest.mark.usefixtures("commands")
def test_a_message_of_sqlite_that_is_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Damaged bytes that SQLite quotes in its own message are damage too."""
    filled()
    damage("runner")  # which also writes all of the database into its file
    path = Path(str(current_url().database))
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE artifact", b"\xff\xffEATE TABLE artifact"))
    for command in ("status", "doctor", "run first -q"):
        assert run_command(command.split()) == 3, command
        assert " is damaged (" in capsys.readouterr().err, command
