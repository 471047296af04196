"""What upgrades make of the rows that were there before, on both databases."""

from __future__ import annotations

import pytest
from alembic import command
from sqlalchemy import Connection, text

from database.diagnosis import integrity
from database.engine import registry as engines
from database.engine import schema, sqlite
from database.queries.overview import StatusCounts, series_summaries
from database.session.lifecycle import configure, scoped_session
from meta.commands.group import run_command

SERIES = (
    "INSERT INTO experiment_series (id, name, folder, description, tags, resolved, digest, target, state, "
    "revision, version, changed_by, changed_at, notes, paused, priority) VALUES (:id, :name, :name, '', "
    "'[]', '{}', '', 'a:b', 'ready', 1, 1, '', '2030-01-01', '', false, 0)"
)
CONFIGURATION = (
    "INSERT INTO configuration (id, series_id, position, parameters, key, revision) "
    "VALUES (:id, :id, 0, '{}', :key, 1)"
)
EXPERIMENT = (
    "INSERT INTO experiment (series_id, configuration_id, repetition, position, seed, priority, status, "
    "retired, attempt_number) VALUES (:series, :series, :repetition, 0, 0, 0, :status, :retired, 0)"
)


def create_at(url: str, revision: str) -> None:
    """Make the tables as a program of that revision did."""
    engine = engines.new_engine(url)
    if engine.dialect.name == "sqlite":
        sqlite.switch_to_wal(engine)
    with engine.begin() as connection:
        config = schema._alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        fill(connection)
    engine.dispose()


def fill(connection: Connection) -> None:
    """Add a series with experiments of all kinds, one with a single one, and one without any."""
    for number, name in enumerate(("mixed é", "single", "empty"), 1):
        connection.execute(text(SERIES), {"id": number, "name": name})
        connection.execute(text(CONFIGURATION), {"id": number, "key": b"k" * 16})
    statuses = ["pending"] * 3 + ["completed"] * 4 + ["failed"] * 2 + ["cancelled"]
    rows = [(1, status, False) for status in statuses]
    rows += [(1, "completed", True), (1, "pending", True), (2, "pending", False)]
    for repetition, (series, status, retired) in enumerate(rows):
        values = {"series": series, "repetition": repetition, "status": status, "retired": retired}
        connection.execute(text(EXPERIMENT), values)
    connection.execute(
        text(
            "INSERT INTO runner (id, host, boot_id, pid, pid_start, state, beat, beat_at, started_at, "
            "user_name, arguments, python_version, platform, packages) VALUES ('r', 'h', 'b', 1, 1, "
            "'stopped', 0, '2030-01-01', '2030-01-01', '', '[]', '', '', '{}')"
        )
    )
    connection.execute(
        text(
            "INSERT INTO worker (id, runner_id, state, completed, failed) VALUES ('w', 'r', 'stopped', 5, 9)"
        )
    )


def test_tallies_are_filled(empty_database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The counts of what older programs recorded are right after the upgrade; their workers stay."""
    create_at(empty_database_url, "0001_v0.1.0")
    configure(empty_database_url)
    assert run_command(["database", "upgrade"]) == 0
    assert f"upgraded from revision 0001_v0.1.0 to {schema.CURRENT_REVISION}" in capsys.readouterr().out
    with scoped_session(read_only=True) as session:
        assert [one.counts for one in series_summaries(session)] == [
            StatusCounts(pending=3, completed=4, failed=2, cancelled=1, retired=2),
            StatusCounts(pending=1),
            StatusCounts(),
        ]
        broken = {each.rule for each in integrity.check_records(session)}
        assert session.execute(text("SELECT * FROM worker")).all() == [("w", "r", "stopped")]
    assert integrity.TALLIED not in broken
