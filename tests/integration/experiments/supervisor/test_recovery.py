"""Taking over what a run could not record, when the next one begins in the same process."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from database import process_identity
from database.claims import runners
from database.claims.runners import LivenessMonitor, Provenance
from database.errors import RecordRefusedError
from database.models import Attempt, Experiment, Outcome
from database.process_identity import ProcessIdentity, others_alive
from database.session.lifecycle import SessionLocal, scoped_session
from experiments.journal import JournalWriter
from experiments.output.results_folder import ResultsFolder
from experiments.run_experiments import RunOptions, run_series
from experiments.supervisor.database_thread import Transactions
from experiments.supervisor.recovery import take_over
from tests.faults.refusal import accept, refuse
from tests.integration.databases import on_sqlite


@pytest.fixture
def source(tmp_path: Path, database_url: str) -> Path:
    (tmp_path / "target.py").write_text(
        "import os\n"
        "def main(x):\n"
        "    with open(os.path.join(os.path.dirname(__file__), 'journal'), 'a') as file:\n"
        "        file.write(f'{x}\\n')\n"
        "    return {'y': x}\n"
    )
    path = tmp_path / "s.yaml"
    path.write_text("name: s\nrun: {function: target.py:main}\ngrid: {x: [1]}\n")
    return path


@pytest.mark.parametrize("workers", [0, 1])
def test_next_run_of_the_same_process(source: Path, tmp_path: Path, workers: int) -> None:
    """What waits in the journals of a run is recorded by the next one, also when its process lives on."""
    options = RunOptions(workers=workers, results_directory=tmp_path / "results")
    refuse("attempt")
    with pytest.raises(
        RecordRefusedError, match=r"experiment 1 \(attempt 1\) cannot be recorded: .*house_rule"
    ):
        run_series(source, options)
    accept("attempt")
    assert list((tmp_path / "results" / ".runners").rglob("*.journal"))
    summary = run_series(source, options)
    assert summary.exit_code == 0
    with scoped_session() as session:
        assert session.scalars(select(Experiment)).one().results == {"y": 1}
    assert (tmp_path / "journal").read_text() == "1\n"
    assert not (tmp_path / "results" / ".runners").exists()


def test_journal_that_nobody_can_record(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another dead runner's contradiction ends nobody's run: it is told once, with its place."""
    options = RunOptions(workers=0, results_directory=tmp_path / "results")
    refuse("attempt")
    with pytest.raises(RecordRefusedError):
        run_series(source, options)
    accept("attempt")
    with SessionLocal() as session:
        # Its witness is there, with the outcome of somebody else.
        session.add(Attempt(experiment_id=1, number=1, worker_id="w", outcome=Outcome.ERROR))
        session.commit()
        run, watch = Transactions(session), LivenessMonitor(lease_s=60.0, heartbeat_s=10.0)
        for _ in range(2):
            take_over(run, "other", watch, ResultsFolder(tmp_path / "results"))
        assert len(run(lambda each: others_alive(each, "other"))) == 1
    [told] = [record.getMessage() for record in caplog.records if "a dead runner" in record.getMessage()]
    assert str(tmp_path / "results") in told


def test_runner_at_work_in_the_same_process(database_url: str, tmp_path: Path) -> None:
    """One that is alive in another thread of this process is left alone until it has left."""
    folder = ResultsFolder(tmp_path)
    with SessionLocal() as session:
        runners.register_runner(session, "r" * 32, Provenance(), folder.make_runner("r" * 32))
        session.commit()
        run, watch = Transactions(session), LivenessMonitor(lease_s=60.0, heartbeat_s=10.0)
        take_over(run, "other", watch, folder)
        assert [seen.runner_id for seen in run(lambda each: others_alive(each, "other"))] == ["r" * 32]
        process_identity.leave("r" * 32)
        take_over(run, "other", watch, folder)
        assert run(lambda each: others_alive(each, "other")) == []
    assert not folder.runner_ids()


def test_sockets_of_a_process_that_lives(database_url: str, tmp_path: Path) -> None:
    """What this process still needs for its next workers outlives its run that could not end in order."""
    folder, sockets = ResultsFolder(tmp_path / "results"), tmp_path / "pymp-abc"
    sockets.mkdir()
    assert not ProcessIdentity.own().is_gone()
    with SessionLocal() as session:
        runners.register_runner(session, "r" * 32, Provenance(), folder.make_runner("r" * 32))
        session.commit()
        folder.note_sockets("r" * 32, sockets)
        process_identity.leave("r" * 32)
        take_over(Transactions(session), "other", LivenessMonitor(60.0, 10.0), folder)
    assert sockets.exists()
    assert not folder.runner_ids()


@on_sqlite
def test_serial_run_that_fails_itself(
    source: Path, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has begun is charged, too, where no other process could see its worker end."""

    def broken(*_: object) -> None:
        raise TypeError("'int' object is not callable")

    monkeypatch.setattr(JournalWriter, "finished", broken)
    with pytest.raises(TypeError, match="not callable"):
        run_series(source, RunOptions(workers=0, results_directory=tmp_path / "results"))
    with scoped_session() as session:
        [attempt] = session.scalars(select(Attempt)).all()
        assert attempt.outcome is Outcome.CRASHED
        assert attempt.error_message == (
            "this program failed while it ran: TypeError: 'int' object is not callable"
        )
    assert (tmp_path / "journal").read_text() == "1\n"
