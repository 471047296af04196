"""Whether a database is whole: its file, and the promises about its rows."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from database.counters import StatusCounts
from database.diagnosis import integrity
from database.diagnosis.integrity import COUNTED
from database.engine.registry import dispose_engines, get_engine
from database.errors import DatabaseError
from database.models import Experiment, ExperimentSeries, ExperimentStatus, Outcome
from database.queries.overview import series_summaries
from database.session.lifecycle import SessionLocal, scoped_session
from meta.commands.group import run_command
from tests.integration.recording import add_series, add_worker, claim, completed, raised, record


@pytest.fixture
def series_id(database_url: str) -> int:
    """Return a series of eight experiments: three ended, of which one was tried twice, and two are held."""
    with SessionLocal() as session:
        series_id = add_series(session, parameters=({"x": 1}, {"x": 2}), repetitions=4)
        worker = add_worker(session)
        record(session, worker, series_id, [completed(y=1.0), raised(), {"outcome": Outcome.RELEASED}])
        record(session, worker, series_id, [completed(y=2.0)])
        claim(session, add_worker(session), series_id, 2)
    return series_id


def broken() -> dict[str, int]:
    with scoped_session(read_only=True) as session:
        return {found.rule: found.count for found in integrity.check_records(session)}


def test_whole(series_id: int, capsys: pytest.CaptureFixture[str]) -> None:
    """What the protocol has written breaks no rule, also while experiments are held; it exits with 0."""
    assert broken() == {}
    assert run_command(["database", "check"]) == 0
    assert capsys.readouterr().out == "the database is intact, and every attempt is recorded once\n"
    assert run_command(["database", "check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("harm", "rules"),
    [
        (
            "DELETE FROM attempt WHERE outcome = 'error'",
            {"each ended attempt is recorded exactly once"},
        ),
        (
            "DELETE FROM attempt WHERE outcome = 'completed'",
            {
                "each ended attempt is recorded exactly once",
                "a completed experiment has a completed attempt, with its results",
            },
        ),
        (
            "UPDATE experiment SET status = 'failed' WHERE status = 'completed'",
            {"an experiment with a completed attempt is completed", COUNTED},
        ),
        (
            "UPDATE attempt SET number = number + 7 WHERE outcome = 'error'",
            {"no attempt has a number that was never claimed"},
        ),
        (
            "UPDATE experiment SET results = NULL WHERE status = 'completed'",
            {"a completed experiment has a completed attempt, with its results"},
        ),
        (
            "UPDATE experiment SET attempt_number = attempt_number + 1 WHERE worker_id IS NOT NULL",
            {"each ended attempt is recorded exactly once"},
        ),
    ],
)
def test_broken_rules(series_id: int, harm: str, rules: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each broken rule is named, with how many break it and one of them; the command exits with 3."""
    with scoped_session() as session:
        session.execute(text(harm))
    found = broken()
    assert set(found) == rules
    assert run_command(["database", "check"]) == 3
    out = capsys.readouterr().out
    for rule, count in found.items():
        of = "series" if rule == COUNTED else "experiments"
        assert f"broken: {rule}: violated by {count} {of}, such as " in out
    assert run_command(["database", "check", "--json"]) == 3
    assert {each["rule"] for each in json.loads(capsys.readouterr().out)} == rules


def test_tallies_are_counted_anew(series_id: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Who changed a status past the sessions is told what mends it; --repair does, and names the series."""
    with SessionLocal() as session:
        untouched = add_series(session, "untouched")
    failed = update(Experiment).where(Experiment.status == ExperimentStatus.FAILED)
    with get_engine().begin() as connection:
        connection.execute(failed.values(status=ExperimentStatus.CANCELLED))
    assert broken() == {COUNTED: 1}
    assert run_command(["database", "check"]) == 3
    out = capsys.readouterr().out
    assert f"broken: {COUNTED}: violated by 1 series, such as {series_id}\n" in out
    assert "`experiments database check --repair` recounts them" in out
    assert run_command(["database", "check", "--repair"]) == 0
    assert capsys.readouterr().out.startswith("recounted: série\nthe database is intact")
    with scoped_session(read_only=True) as session:
        found = {one.id: one.counts for one in series_summaries(session)}
    assert found[series_id] == StatusCounts(pending=4, running=1, completed=2, cancelled=1)
    assert found[untouched] == StatusCounts(pending=4)
    assert run_command(["database", "check", "--repair"]) == 0
    assert capsys.readouterr().out == "the database is intact, and every attempt is recorded once\n"


def harm_a_page(path: Path) -> None:
    """Overwrite a page in the middle, as a failing disk does."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 4096 // 2 * 4096)
        file.write(b"\xff" * 4096)


def fill(session: Session) -> None:
    names = [f"{number:0500}" for number in range(200)]
    session.add_all(ExperimentSeries(name=name, resolved={}, target="a:b") for name in names)
    session.commit()
    session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    session.commit()


def test_damaged_file(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A page that was overwritten is found, and it is said how to save what can be read."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with SessionLocal() as session:
        fill(session)
    dispose_engines()
    harm_a_page(path)
    assert run_command(["database", "check"]) == 3
    err = capsys.readouterr().err
    assert f"{path} is damaged (" in err
    assert f"sqlite3 '{path}' .recover" in err


def test_dangling_rows(sqlite_url: str) -> None:
    """Rows that refer to others which are gone are found."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with SessionLocal() as session:
        record(session, add_worker(session), add_series(session), [completed(y=1.0)])
    dispose_engines()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM experiment")
    connection.close()
    with SessionLocal() as session, pytest.raises(DatabaseError, match="of attempt refers to a missing"):
        integrity.check_file(session.connection())


def set_boot(boot: str) -> None:
    with scoped_session() as session:
        session.execute(text("UPDATE runner SET boot_id = :boot"), {"boot": boot})


def test_after_a_power_cut(sqlite_url: str) -> None:
    """The file is read once when the machine went down under a runner, not when a process only died."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with SessionLocal() as session:
        add_worker(session)
        fill(session)
        assert not integrity.check_after_power_cut(session)
        session.commit()
        set_boot("another-boot/pid:[1]")
        assert integrity.check_after_power_cut(session)
        session.commit()
        session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        session.commit()
    dispose_engines()
    harm_a_page(path)
    with SessionLocal() as session, pytest.raises(DatabaseError, match="is damaged"):
        integrity.check_after_power_cut(session)


def test_postgresql_checks_its_files_itself(postgres_url: str) -> None:
    """There is no file to read, after whatever end."""
    with SessionLocal() as session:
        add_worker(session)
        set_boot("another-boot/pid:[1]")
        assert not integrity.check_after_power_cut(session)
        integrity.check_file(session.connection())
    assert get_engine().dialect.name == "postgresql"
