"""Results that the database refuses for good: each costs itself only, and is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from database.claims import protocol
from database.claims.types import ClaimRequest, Finished
from database.errors import RecordRefusedError
from database.models import Attempt, Experiment, Outcome, ProcessState
from database.session.lifecycle import SessionLocal, scoped_session
from experiments.run_experiments import RunOptions, run_series
from tests.faults.refusal import refuse, refuse_at_commit
from tests.integration.recording import NEVER, add_series, add_worker, claim, completed, raised, record

POISON = "results IS NOT NULL AND CAST(results AS TEXT) LIKE '%poison%'"


@pytest.mark.parametrize("workers", [0, 2])
def test_run_with_a_refused_result(
    database_url: str, tmp_path: Path, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The others of its batch are recorded, the run goes on, and it is an invalid result with the reason."""
    (tmp_path / "target.py").write_text("def main(x):\n    return {'y': 'poison' if x == 3 else 'meat'}\n")
    (tmp_path / "s.yaml").write_text(
        f"name: s\nrun: {{function: target.py:main}}\nrepeat: {{seeds: 4}}\ngrid: {{x: {list(range(10))}}}\n"
    )
    refuse("experiment", POISON)
    summary = run_series(
        tmp_path / "s.yaml", RunOptions(workers=workers, results_directory=tmp_path / "results")
    )
    assert (summary.exit_code, summary.after.completed, summary.after.failed) == (1, 36, 4)
    assert summary.failures == {"invalid_result": 4}
    with scoped_session() as session:
        poisoned = session.scalars(select(Experiment).where(Experiment.status == "failed")).first()
        assert poisoned is not None
        assert poisoned.configuration.parameters == {"x": 3}
        [attempt] = poisoned.attempts
    assert attempt.outcome is Outcome.INVALID_RESULT
    assert attempt.error_message.startswith("the database refuses to record it: ")
    assert "house_rule" in attempt.error_message
    assert attempt.duration_s is not None
    if workers == 0:  # otherwise it is told on the worker's stderr
        assert f"experiment {poisoned.id} (attempt 1): the database refuses" in caplog.text
    assert not (tmp_path / "results" / ".runners").exists()


@pytest.mark.parametrize("workers", [0, 2])
def test_result_refused_at_commit(postgres_url: str, tmp_path: Path, workers: int) -> None:
    """A deferred constraint costs its experiment only, too: the transaction is repeated without deferring."""
    (tmp_path / "target.py").write_text("def main(x):\n    return {'y': 'poison' if x == 3 else 'meat'}\n")
    (tmp_path / "s.yaml").write_text(
        f"name: s\nrun: {{function: target.py:main}}\ngrid: {{x: {list(range(10))}}}\n"
    )
    refuse_at_commit("experiment", "CAST(NEW.results AS TEXT) LIKE '%poison%'")
    summary = run_series(
        tmp_path / "s.yaml", RunOptions(workers=workers, results_directory=tmp_path / "results")
    )
    assert (summary.exit_code, summary.after.completed) == (1, 9)
    assert summary.failures == {"invalid_result": 1}
    assert not (tmp_path / "results" / ".runners").exists()


def test_refused_failure(database_url: str) -> None:
    """Of a failure that is refused the outcome is kept."""
    with SessionLocal() as session:
        series_id = add_series(session, repetitions=3, parameters=[{"lr": 0.1}])
        worker = add_worker(session)
        refuse("attempt", "error_message LIKE '%poison%' AND traceback IS NOT NULL")
        first, second, third = record(
            session, worker, series_id, [completed(y=1), raised(message="poison"), raised()]
        )
        found = {each.experiment_id: each for each in session.scalars(select(Attempt))}
    assert found[first].outcome is Outcome.COMPLETED
    assert (found[second].outcome, found[second].error_type) == (Outcome.ERROR, "RecordRefused")
    assert (found[third].outcome, found[third].error_type) == (Outcome.ERROR, "ValueError")


def test_settled_and_helped_workers(database_url: str) -> None:
    """A supervisor that records for its worker, busy or dead, does the same."""
    with SessionLocal() as session:
        series_id = add_series(session, repetitions=4, parameters=[{"lr": 0.1}])
        worker = add_worker(session)
        refuse("experiment", POISON)
        held = claim(session, worker, series_id, 4)
        tokens = [(one.experiment_id, one.attempt_number) for one in held]
        ends = [Finished(*token, Outcome.COMPLETED, **completed(y="poison")) for token in tokens[:2]]
        protocol.record_for(session, worker, ends[:1], current=tokens[2], release=False, policy=NEVER)
        session.commit()
        protocol.finalize_worker(session, worker, ends[1:], state=ProcessState.DEAD, policy=NEVER)
        session.commit()
        outcomes = {each.experiment_id: each.outcome for each in session.scalars(select(Attempt))}
    assert [outcomes[token[0]] for token in tokens] == [
        *(Outcome.INVALID_RESULT, Outcome.INVALID_RESULT),
        *(Outcome.RELEASED, Outcome.RELEASED),
    ]


def test_refused_whatever_it_says(database_url: str) -> None:
    """When a note is refused as well, the error names the experiment, and nothing stays half done."""
    with SessionLocal() as session:
        series_id = add_series(session, repetitions=2, parameters=[{"lr": 0.1}])
        worker = add_worker(session)
        held = claim(session, worker, series_id, 2)
        refuse("attempt", f"experiment_id = {held[1].experiment_id}")
        ends = [Finished(one.experiment_id, one.attempt_number, Outcome.COMPLETED) for one in held]
        with pytest.raises(RecordRefusedError, match=rf"experiment {held[1].experiment_id} \(attempt 1\)"):
            protocol.record_and_claim(session, worker, ends, request=ClaimRequest(series_id), policy=NEVER)
        session.rollback()
        assert session.scalars(select(Attempt)).all() == []


def test_broken_protocol_is_no_refused_result(database_url: str) -> None:
    """A second witness of an attempt is an error of its own kind: nothing is made of it."""
    with SessionLocal() as session:
        series_id = add_series(session, repetitions=1, parameters=[{"lr": 0.1}])
        worker = add_worker(session)
        [one] = claim(session, worker, series_id, 1)
        session.add(
            Attempt(
                experiment_id=one.experiment_id,
                number=one.attempt_number,
                worker_id="w",
                outcome=Outcome.ERROR,
            )
        )
        session.commit()
        end = Finished(one.experiment_id, one.attempt_number, Outcome.COMPLETED)
        with pytest.raises(IntegrityError):
            protocol.record_and_claim(session, worker, [end], request=ClaimRequest(series_id), policy=NEVER)
        session.rollback()


@pytest.mark.parametrize("workers", [0, 2])
def test_completed_experiment_made_pending_with_sql(database_url: str, tmp_path: Path, workers: int) -> None:
    """Its second result is refused and says why; neither this run nor a later one ends by it."""
    (tmp_path / "target.py").write_text("def main(x):\n    return {'y': x}\n")
    (tmp_path / "s.yaml").write_text("name: s\nrun: {function: target.py:main}\ngrid: {x: [1, 2, 3]}\n")
    options = RunOptions(workers=workers, results_directory=tmp_path / "results")
    assert run_series(tmp_path / "s.yaml", options).exit_code == 0
    with scoped_session() as session:
        session.execute(text("UPDATE experiment SET status = 'pending' WHERE id < 3"))
    summary = run_series(tmp_path / "s.yaml", options)
    assert (summary.exit_code, summary.after.completed, summary.after.failed) == (1, 1, 2)
    assert summary.failures == {"invalid_result": 2}
    with scoped_session() as session:
        found = {each.experiment_id: each for each in session.scalars(select(Attempt).filter_by(number=2))}
    assert found.keys() == {1, 2}
    assert "an earlier attempt has completed it" in found[1].error_message
    assert not (tmp_path / "results" / ".runners").exists()
