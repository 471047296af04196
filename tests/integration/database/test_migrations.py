"""What upgrades make of the rows that were there before, on both databases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError

from database.code_sets import code_sets
from database.counters import StatusCounts
from database.diagnosis import integrity
from database.engine import registry as engines
from database.engine import schema, sqlite
from database.models import Attempt, Base, Experiment, ExperimentSeries, Outcome, Runner
from database.queries.overview import series_summaries
from database.session.lifecycle import configure, scoped_session
from experiments.creation import create_series
from experiments.series_file.loading import load_series_file
from experiments.series_file.models import SeriesFile
from experiments.series_file.sections.execute import recorded_policy
from meta.commands.group import run_command

SERIES = (
    "INSERT INTO experiment_series (id, name, folder, description, tags, resolved, digest, target, state, "
    "revision, version, changed_by, changed_at, notes, paused, priority) VALUES (:id, :name, :name, '', "
    "'[]', :resolved, '', 'a:b', 'ready', 1, 1, '', '2030-01-01', '', false, 0)"
)
CONFIGURATION = (
    "INSERT INTO configuration (id, series_id, position, parameters, key, revision) "
    "VALUES (:id, :id, 0, '{}', :key, 1)"
)
EXPERIMENT = (
    "INSERT INTO experiment (series_id, configuration_id, repetition, position, seed, priority, status, "
    "retired, attempt_number) VALUES (:series, :series, :repetition, 0, 0, 0, :status, :retired, 0)"
)
ATTEMPT = (
    "INSERT INTO attempt (experiment_id, number, worker_id, outcome, duration_s, traceback) "
    "SELECT id, 1, 'w', :outcome, 0.1, 'é: %' FROM experiment WHERE repetition = :repetition"
)
#: What each outcome of the first two revisions is called now.
OUTCOMES = {
    "completed": Outcome.COMPLETED,
    "failed": Outcome.ERROR,
    "invalid_result": Outcome.INVALID_RESULT,
    "timed_out": Outcome.TIMED_OUT,
    "out_of_memory": Outcome.OUT_OF_MEMORY,
    "crashed": Outcome.CRASHED,
    "lost": Outcome.LOST,
    "interrupted": Outcome.INTERRUPTED,
    "cancelled": Outcome.CANCELLED,
    "released": Outcome.RELEASED,
}
RETRIES = {"lost": 1, "crashed": 2, "failed": 3, "delay": 0.5}


def create_at(url: str, revision: str) -> None:
    """Make the tables as a program of that revision did."""
    engine = engines.new_engine(url)
    if engine.dialect.name == "sqlite":
        sqlite.switch_to_wal(engine)
    with engine.begin() as connection:
        config = schema._alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        fill(connection, revision)
    engine.dispose()


def fill(connection: Connection, revision: str) -> None:
    """Add a series with experiments of all kinds, one with a single one, and one without any."""
    resolved = json.dumps({"fixed": {"lr": 1e-05}, "execute": {"retries": RETRIES}})
    for number, name in enumerate(("mixed é", "single", "empty"), 1):
        row = {"id": number, "name": name, "resolved": resolved if number == 1 else "{}"}
        connection.execute(text(SERIES), row)
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
    columns, values = ("", "") if revision != "0001_v0.1.0" else (", completed, failed", ", 5, 9")
    connection.execute(
        text(f"INSERT INTO worker (id, runner_id, state{columns}) VALUES ('w', 'r', 'stopped'{values})")
    )
    for repetition, (earlier, now) in enumerate(OUTCOMES.items()):
        outcome = earlier if revision < "0003" else now.value
        connection.execute(text(ATTEMPT), {"repetition": repetition, "outcome": outcome})


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
    assert integrity.COUNTED not in broken


@pytest.mark.parametrize("revision", ["0001_v0.1.0", "0002_v0.1.0"])
def test_the_outcome_of_errors_is_renamed(empty_database_url: str, revision: str) -> None:
    """The outcome `failed` is `error` after the upgrade, also in limits of retries; nothing else changes."""
    create_at(empty_database_url, revision)
    configure(empty_database_url)
    assert run_command(["database", "upgrade"]) == 0
    with scoped_session() as session:
        rows = session.execute(
            select(Attempt.outcome, Attempt.duration_s, Attempt.traceback)
            .join(Experiment)
            .order_by(Experiment.repetition)
        )
        assert rows.all() == [(outcome, 0.1, "é: %") for outcome in OUTCOMES.values()]
        mixed, single, _ = session.scalars(select(ExperimentSeries).order_by(ExperimentSeries.id))
        policy = recorded_policy(mixed.resolved)
        assert (policy.limit(Outcome.ERROR), policy.limit(Outcome.CRASHED), policy.delay_s) == (3, 2, 0.5)
        assert mixed.resolved["fixed"] == {"lr": 1e-05}
        assert single.resolved == {}
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(text("UPDATE attempt SET outcome = 'failed' WHERE outcome = 'lost'"))


def test_the_code_of_earlier_attempts_is_unknown(empty_database_url: str) -> None:
    """Attempts of before have neither code nor threads; only series that had run are told to have such."""
    create_at(empty_database_url, "0002_v0.1.0")
    configure(empty_database_url)
    engine = engines.new_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE experiment SET attempt_number = 1 WHERE series_id = 1"))
    engine.dispose()
    assert run_command(["database", "upgrade"]) == 0
    with scoped_session() as session:
        rows = session.execute(select(Attempt.code, Attempt.threads, Attempt.partial, Attempt.results)).all()
        assert set(rows) == {(None, None, None, None)}
        assert [code_sets(session, number).has_unknown for number in (1, 2, 3)] == [True, False, False]
        session.execute(text("UPDATE attempt SET outcome = 'replaced' WHERE outcome = 'lost'"))


def test_secrets_are_taken_out(empty_database_url: str, tmp_path: Path) -> None:
    """Recorded webhooks and command lines lose what may be secret; an unchanged file looks unchanged."""
    path = tmp_path / "s.yaml"
    path.write_text(
        "# webhook: https://old.example.org/geheim\nname: s\nrun: {function: 'textwrap:shorten'}\n"
        'execute: {notify: {webhook: "https://u:geheim@example.org/geheim?geheim"}}\n'
        "fixed: {text: a, width: 1.0e-05}\n"
    )
    file = load_series_file(path).file
    create_at(empty_database_url, "0003_v0.1.0")
    engine = engines.new_engine(empty_database_url)
    arguments = ["run", "--database", "postgresql://u:***@h/d?unknown=geheim"]
    with engine.begin() as connection:
        values = {"source": path.read_text(), "resolved": file.model_dump_json(), "folder": str(tmp_path)}
        connection.execute(
            text(
                "UPDATE experiment_series SET name = 's', target = 'textwrap:shorten', source = :source, "
                "resolved = :resolved, source_path = :folder WHERE id = 3"
            ),
            values,
        )
        connection.execute(text("UPDATE runner SET arguments = :given"), {"given": json.dumps(arguments)})
        if engine.dialect.name == "postgresql":  # `fill` gives ids
            connection.execute(text("SELECT setval(pg_get_serial_sequence('configuration', 'id'), 9)"))
    assert schema.upgrade(engine).before == "0003_v0.1.0"
    engine.dispose()
    configure(empty_database_url)
    with scoped_session() as session:
        series = session.get_one(ExperimentSeries, 3)
        recorded = SeriesFile.recorded(series.resolved)
        assert recorded.execute.notify.webhook == "https://example.org/..."
        assert recorded.fixed == {"text": "a", "width": 1e-05}
        assert "https://example.org/..." in str(series.source)
        assert "https://old.example.org/..." in str(series.source)
        assert session.scalars(select(Runner.arguments)).one()[2] == "postgresql://u:***@h/d?unknown=***"
        before = series.source, series.resolved
        create_series(session, path)
        assert (series.source, series.resolved) == before
        for table in Base.metadata.sorted_tables:
            assert "geheim" not in str(session.execute(select(table)).all())
    if empty_database_url.startswith("sqlite"):
        engines.dispose_engines()
        file_path = Path(empty_database_url.removeprefix("sqlite:///"))
        assert b"geheim" not in file_path.read_bytes()


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_what_users_added_to_attempts_is_kept(empty_database_url: str) -> None:
    """A column, an index, a trigger and a view of the user's own outlive the copy that SQLite needs."""
    create_at(empty_database_url, "0002_v0.1.0")
    own = (
        "ALTER TABLE attempt ADD COLUMN note TEXT DEFAULT 'x:y'",
        "CREATE INDEX own_index ON attempt (outcome)",
        "CREATE TABLE seen (number INTEGER)",
        "CREATE TRIGGER own_trigger AFTER INSERT ON attempt BEGIN INSERT INTO seen VALUES (NEW.number); END",
        "CREATE VIEW own_view AS SELECT outcome, note FROM attempt",
    )
    engine = engines.new_engine(empty_database_url)
    with engine.begin() as connection:
        for statement in own:
            connection.exec_driver_sql(statement)
    schema.upgrade(engine)
    with engine.begin() as connection:
        names = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE sql <> ''").scalars())
        assert names >= {"own_index", "own_trigger", "own_view", "uq_attempt_completed"}
        assert ("error", "x:y") in connection.exec_driver_sql("SELECT * FROM own_view").all()
        assert connection.exec_driver_sql("SELECT count(*) FROM seen").scalar() == 0
        connection.execute(text(ATTEMPT), {"repetition": 11, "outcome": "error"})
        assert connection.exec_driver_sql("SELECT count(*) FROM seen").scalar() == 1
    engine.dispose()
