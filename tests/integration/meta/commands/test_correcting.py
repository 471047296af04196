"""The verbs that correct what is recorded while runners may be alive, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from database.claims.runners import Provenance, new_id, register_runner, register_worker
from database.claims.types import Finished
from database.engine.registry import current_url
from database.models import Attempt, Experiment, Outcome, Runner, Worker
from database.queries.overview import database_now
from database.session.lifecycle import SessionLocal
from database.settings import results_directory
from experiments.journal import JournalWriter
from experiments.output.results_folder import ResultsFolder
from meta.commands.group import run_command
from tests.integration.recording import add_series, add_worker, claim, raised, record

Command = Callable[..., str]


@pytest.fixture
def command(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    monkeypatch.setenv("EXPERIMENTS_RESULTS", str(tmp_path / "Ergebnisse ü"))

    def run(*arguments: str, code: int = 0) -> str:
        found = run_command(arguments)
        out, err = capsys.readouterr()
        assert found == code, err
        return out if code == 0 else err

    return run


def as_json(command: Command, *arguments: str) -> Any:
    return json.loads(command(*arguments, "--json"))


def statuses() -> list[str]:
    with SessionLocal() as session:
        return [one.status.value for one in session.scalars(select(Experiment).order_by(Experiment.position))]


def let_die(runner_id: str) -> None:
    with SessionLocal() as session:
        session.execute(update(Runner).where(Runner.id == runner_id).values(pid_start=1))
        session.commit()


def test_retry_of_some(command: Command) -> None:
    """`retry` takes an outcome and experiments, and lets nothing wait; strange experiments are refused."""
    with SessionLocal() as session:
        series_id = add_series(session, "first", repetitions=3)
        late = {"outcome": Outcome.TIMED_OUT}
        first, *_ = record(session, add_worker(session), series_id, [late, raised(), late])
        later = database_now(session) + timedelta(hours=1)
        session.execute(update(Experiment).where(Experiment.position == 5).values(due_at=later))
        session.commit()
    assert as_json(command, "retry", "first", "--experiment", str(first)) == {
        "series": "first",
        "retried": 1,
        "hurried": 0,
    }
    assert command("retry", "first", "--outcome", "timed_out") == (
        "first: 1 pending again\n`experiments run first` runs it\n"
    )
    assert command("retry", "first") == (
        "first: 1 pending again\n1 delayed, now due at once\n`experiments run first` runs them\n"
    )
    assert command("retry", "first") == "first: 0 pending again\n"
    assert "the series has no experiment 999" in command("retry", "first", "--experiment", "999", code=2)


def test_cancel(command: Command) -> None:
    """`cancel` takes out what waits and what runs, says from whom, and how to bring it back."""
    with SessionLocal() as session:
        series_id = add_series(session, "first")
        claim(session, add_worker(session), series_id, 2)
    told = command("cancel", "first")
    assert told == (
        "first: 4 cancelled\n"
        "2 of them were claimed by workers, whose runners end the running ones\n"
        "`experiments retry first --status cancelled` brings them back\n"
    )
    assert as_json(command, "cancel", "first") == {
        "series": "first",
        "cancelled": 0,
        "taken_from_workers": 0,
    }
    assert command("cancel", "first") == "first: 0 cancelled\n"
    assert as_json(command, "retry", "first", "--status", "cancelled")["retried"] == 4
    assert as_json(command, "cancel", "first", "--experiment", "3", "--status", "pending")["cancelled"] == 1
    assert statuses() == ["pending", "cancelled", "pending", "pending"]
    command("cancel", "first", "--status", "completed", code=2)


def test_one_is_told_as_one(command: Command) -> None:
    """Of a single experiment the sentences have no plural."""
    with SessionLocal() as session:
        series_id = add_series(session, "first", [{"lr": 0.1}], repetitions=1)
        claim(session, add_worker(session), series_id, 1)
    assert command("cancel", "first") == (
        "first: 1 cancelled\n"
        "1 of them was claimed by a worker, whose runner ends it if it runs\n"
        "`experiments retry first --status cancelled` brings it back\n"
    )
    assert command("delete", "first", "--yes") == "first: 1 experiment deleted\n"


def test_release_refuses_the_living(command: Command) -> None:
    """While the runner is alive `release` says so and does nothing; with --force it takes what is held."""
    with SessionLocal() as session:
        series_id = add_series(session, "first")
        claim(session, add_worker(session), series_id, 2)
        runner = session.scalars(select(Runner)).one()
    assert command("release", "first", code=2) == (
        f"error: runner {runner.id[:8]} (process {runner.pid} on {runner.host}) is alive: its process runs "
        "on this machine. Stop it, or release its experiments with --force: those that run are ended and "
        "tried again\n"
    )
    assert statuses() == ["running", "claimed", "pending", "pending"]
    command("release", "first", "--runner", runner.id[:6], code=2)
    assert command("release", "first", "--force") == (
        f"first: 2 released\ntaken from runner {runner.id[:8]} (process {runner.pid} on {runner.host})\n"
    )
    assert statuses() == ["pending"] * 4
    assert command("release", "first") == "first: 0 released\n"


def test_release_tells_whom_it_left_alone(command: Command) -> None:
    """What a dead runner held is given back; a live one beside it keeps its own, and is named."""
    with SessionLocal() as session:
        series_id = add_series(session, "first")
        alive, dead = add_worker(session), add_worker(session)
        claim(session, dead, series_id, 1)
        claim(session, alive, series_id, 1)
        owners = {worker: session.get_one(Worker, worker).runner_id for worker in (alive, dead)}
        far = session.get_one(Runner, owners[dead])  # it was elsewhere, and is silent
        far.host, far.boot_id = "far", "another"
        far.beat_at -= timedelta(seconds=30)
        session.commit()
    facts = as_json(command, "release", "first")
    assert facts == {
        "series": "first",
        "released": 1,
        "runners": [owners[dead]],
        "kept": [{"runner": owners[alive], "experiments": 1, "alive": "its process runs on this machine"}],
    }
    assert statuses() == ["pending", "running", "pending", "pending"]


def test_release_keeps_what_was_finished(command: Command) -> None:
    """Of a runner that died on this machine the journals are read: results in them are recorded."""
    folder = ResultsFolder(results_directory(current_url()))
    with SessionLocal() as session:
        series_id = add_series(session, "first")
        runner_id, worker_id = new_id(), new_id()
        register_runner(session, runner_id, Provenance(), folder.runner(runner_id))
        register_worker(session, runner_id, worker_id)
        session.commit()
        one, _ = claim(session, worker_id, series_id, 2)
        other_worker = new_id()
        register_worker(session, runner_id, other_worker)
        claim(session, other_worker, add_series(session, "other"), 2)  # of no interest here
    folder.runner(runner_id).mkdir(parents=True)
    journal = JournalWriter(folder.journal(runner_id, worker_id))
    token = (one.experiment_id, one.attempt_number)
    journal.started(token)
    journal.finished(Finished(*token, Outcome.COMPLETED, results='{"y":7}'))
    journal.close(orderly=False)
    let_die(runner_id)
    assert as_json(command, "release", "first")["released"] == 1
    assert statuses() == ["completed", *["pending"] * 7]
    with SessionLocal() as session:
        assert session.get_one(Experiment, one.experiment_id).results == {"y": 7}
        mine = select(Attempt.outcome).where(Attempt.worker_id == worker_id).order_by(Attempt.experiment_id)
        found = session.scalars(mine).all()
    assert list(found) == [Outcome.COMPLETED, Outcome.RELEASED]
    assert not folder.runner(runner_id).exists()
