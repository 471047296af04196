"""Summaries of series, on both databases."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import event, text, update
from sqlalchemy.orm import Session

from database import counters
from database.claims import protocol, runners
from database.claims.runners import Provenance
from database.claims.types import ClaimRequest, Finished
from database.counters import StatusCounts
from database.errors import NotFoundError
from database.models import Configuration, Experiment, Outcome, ProcessState, Runner
from database.queries import overview
from database.queries.experiment_detail import experiment_record
from database.queries.experiment_rows import experiments
from database.queries.series_status import series_statuses
from database.session.lifecycle import SessionLocal
from tests.integration.recording import NEVER, add_series, add_worker, claim, completed, raised, record


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def counts_of(session: Session, series_id: int) -> StatusCounts:
    [summary] = overview.series_summaries(session, [series_id])
    return summary.counts


def test_counts(session: Session) -> None:
    """Claimed experiments count as pending, retired ones only as retired."""
    series_id = add_series(session, repetitions=5)
    add_series(session, "other")
    worker_id = add_worker(session)
    ids = record(session, worker_id, series_id, [completed(a=1), completed(a=2), raised()])
    claim(session, worker_id, series_id, 3)
    pending = session.query(Experiment.id).filter_by(series_id=series_id, status="pending").limit(1).scalar()
    session.execute(update(Experiment).where(Experiment.id.in_([ids[0], pending])).values(retired=True))
    counters.recount(session, series_id)
    counts = counts_of(session, series_id)
    assert counts == StatusCounts(pending=5, running=1, completed=1, failed=1, cancelled=0, retired=2)
    assert counts.experiments == 8
    assert [summary.name for summary in overview.series_summaries(session)] == ["série", "other"]


def test_counts_of_nothing(session: Session) -> None:
    """A series without experiments has counts too."""
    series_id = add_series(session, parameters=[])
    assert counts_of(session, series_id) == StatusCounts()


def test_is_over(session: Session) -> None:
    """A series is over when nothing that its file names is left to do, whatever its counters say."""
    series_id = add_series(session, parameters=[{"x": 1}], repetitions=3)
    other = add_series(session, "other")
    worker = add_worker(session)
    [held] = claim(session, worker, series_id, 1)
    status = text("UPDATE experiment SET status = 'cancelled' WHERE status = 'pending' AND series_id = :id")
    session.execute(status, {"id": series_id})
    assert not overview.is_over(session, series_id)
    one = Finished(held.experiment_id, held.attempt_number, Outcome.COMPLETED, results="{}")
    protocol.record_and_claim(session, worker, [one], request=ClaimRequest(series_id), policy=NEVER)
    assert overview.is_over(session, series_id)
    session.execute(text("UPDATE experiment SET status = 'pending', due_at = '2999-01-01' WHERE id = 2"))
    assert not overview.is_over(session, series_id)
    session.execute(text("UPDATE experiment SET retired = true WHERE id = 2"))
    assert overview.is_over(session, series_id)
    assert not overview.is_over(session, other)


def plans_of(session: Session, work: Callable[[], object]) -> list[str]:
    """Return how SQLite goes about each statement of `work`, line by line."""
    statements: list[tuple[str, object]] = []

    def remember(
        _connection: object, _cursor: object, statement: str, parameters: object, *_: object
    ) -> None:
        statements.append((statement, parameters))

    event.listen(session.get_bind(), "before_cursor_execute", remember)
    work()
    event.remove(session.get_bind(), "before_cursor_execute", remember)
    connection = session.connection()
    return [
        "\n".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values))
        for sql, values in statements
    ]


def test_status_counts_nothing_but_what_runs(sqlite_url: str) -> None:
    """The summary reads of a series its tally and the few experiments that run, however many there are."""
    with SessionLocal() as session:
        add_series(session)
        plans = plans_of(session, lambda: overview.series_summaries(session))
    [plan] = [each for each in plans if "experiment USING" in each]
    assert "tally USING INDEX" in plan
    used = [line for line in plan.splitlines() if " experiment " in line]
    assert len(used) == 1
    assert "(series_id=? AND status=?)" in used[0]


def test_counting_reads_indexes_alone(sqlite_url: str) -> None:
    """Counting never reads the table: of a million experiments it takes about 0.1 s."""
    with SessionLocal() as session:
        series_id = add_series(session)
        [plan] = plans_of(session, lambda: counters.missing_from_counters(session, [series_id]))
    every, retired = (line for line in plan.splitlines() if " experiment " in line)
    assert "COVERING INDEX ix_experiment_series_id_status_finished_at" in every
    assert "ix_experiment_retired" in retired


def test_dead_runners_are_not_at_work(session: Session) -> None:
    """A runner whose process is gone, or that is silent beyond its lease, is not live."""
    series_id = add_series(session)
    worker_id = add_worker(session)
    claim(session, worker_id, series_id, 1)
    assert len(overview.live_runners(session, series_id)) == 1
    session.execute(update(Runner).values(pid_start=1))
    assert overview.live_runners(session, series_id) == []
    session.execute(update(Runner).values(host="elsewhere"))
    assert len(overview.live_runners(session, series_id)) == 1
    session.execute(update(Runner).values(beat_at=datetime(2020, 1, 1, tzinfo=UTC)))
    assert overview.live_runners(session, series_id) == []


def test_database_clock(session: Session) -> None:
    """The database's clock is read as an aware time."""
    assert abs((overview.database_now(session) - datetime.now(UTC)).total_seconds()) < 60


def test_experiments(session: Session) -> None:
    """Rows come configuration by configuration, with what was recorded."""
    series_id = add_series(session, parameters=[{"lr": 0.1}, {"model": {"depth": 2}}])
    add_series(session, "other")
    record(session, add_worker(session), series_id, [completed(a=float("inf")), raised()])
    rows = list(experiments(session, series_id))
    assert [(row.parameters, row.repetition, row.seed) for row in rows] == [
        ({"lr": 0.1}, 0, 100),
        ({"lr": 0.1}, 1, 101),
        ({"model": {"depth": 2}}, 0, 100),
        ({"model": {"depth": 2}}, 1, 101),
    ]
    assert [(row.status, row.outcome, row.attempts) for row in rows] == [
        ("completed", "completed", 1),
        ("pending", None, 0),
        ("failed", "error", 1),
        ("pending", None, 0),
    ]
    assert rows[0].results == {"a": float("inf")}
    assert rows[0].duration_s == 1.0


def test_experiments_by_status(session: Session) -> None:
    """A status and a limit choose among them; claimed ones are found as pending."""
    series_id = add_series(session, repetitions=3)
    claim(session, add_worker(session), series_id, 2)
    assert len(list(experiments(session, series_id, status="pending"))) == 5
    assert [row.status for row in experiments(session, series_id, status="running")] == ["running"]
    limited = list(experiments(session, series_id, status="pending", limit=2))
    everything = list(experiments(session, series_id, status="pending"))
    assert limited == everything[:2]
    assert list(experiments(session, series_id, status="failed")) == []


def test_experiment_record(session: Session) -> None:
    """An experiment is shown with each attempt and its provenance, without releases."""
    series_id = add_series(session, parameters=[{"lr": 0.1}], repetitions=1)
    provenance = Provenance(git_commit="f" * 40, git_dirty=True, python_version="3.12.1")
    worker_id = add_worker(session, provenance)
    [experiment_id] = record(session, worker_id, series_id, [{"outcome": Outcome.RELEASED}])
    end = {
        **raised(),
        "peak_memory_bytes": 2**40,
        "cpu_s": 0.5,
        "log_tail": "last words",
        "signal": 9,
        "exit_code": 3,
    }
    session.execute(update(Experiment).values(status="pending"))
    record(session, worker_id, series_id, [end])
    found = experiment_record(session, experiment_id)
    assert (found.series, found.target, found.running) == ("série", "train.py:main", None)
    assert found.experiment.attempts == 1
    [attempt] = found.attempts
    assert attempt.number == 2
    assert (attempt.outcome, attempt.error_type, attempt.peak_memory_bytes) == ("error", "ValueError", 2**40)
    assert (attempt.signal, attempt.exit_code, attempt.cpu_s) == (9, 3, 0.5)
    assert (attempt.git_commit, attempt.git_dirty, attempt.python_version) == ("f" * 40, True, "3.12.1")
    assert attempt.host
    assert attempt.log_tail == "last words"


def test_running_record(session: Session) -> None:
    """Of an experiment that runs, the attempt in progress and its worker are known."""
    series_id = add_series(session)
    worker_id = add_worker(session)
    claimed = claim(session, worker_id, series_id, 2)
    found = experiment_record(session, claimed[0].experiment_id)
    assert found.running is not None
    assert (found.running.number, found.running.worker_id) == (1, worker_id)
    assert experiment_record(session, claimed[1].experiment_id).running is None


def test_unknown_experiment(session: Session) -> None:
    """A wrong id says how to find the right ones."""
    with pytest.raises(NotFoundError, match=r"no experiment 7 in .*; `experiments list SERIES`"):
        experiment_record(session, 7)


@pytest.mark.alone
def test_many_experiments(session: Session) -> None:
    """The counts, the rate and the failures of many experiments are read in well under half a second."""
    count = 200_000
    series_id = add_series(session, parameters=[], repetitions=0)
    _insert_many(session, series_id, count)
    elapsed_s, pace_s = [], []
    for _ in range(5):  # the fastest counts: this process may have to wait for others
        began = time.perf_counter()
        session.execute(text("SELECT status, count(*) FROM experiment GROUP BY status")).all()
        pace_s.append(time.perf_counter() - began)
        began = time.perf_counter()
        [status] = series_statuses(session)
        elapsed_s.append(time.perf_counter() - began)
        session.rollback()  # what was read is not kept for the next time
    assert status.summary.counts == StatusCounts(pending=count // 2, completed=count // 2)
    assert status.failures == {}
    assert overview.count_statuses(session, series_id) == status.summary.counts
    assert min(elapsed_s) < max(0.5, 10 * min(pace_s))


def _insert_many(session: Session, series_id: int, count: int) -> None:
    numbers = {
        "sqlite": "SELECT value AS i FROM json_each(:numbers)",
        "postgresql": "SELECT CAST(i AS integer) FROM json_array_elements_text(CAST(:numbers AS json)) AS i",
    }[session.get_bind().dialect.name]
    configuration = Configuration(series_id=series_id, position=0, parameters={}, key=b"k" * 16, revision=1)
    session.add(configuration)
    session.flush()
    session.execute(
        text(
            "INSERT INTO experiment (series_id, configuration_id, repetition, position, seed, priority, "
            "status, retired, attempt_number) SELECT :series, :configuration, i, i, 1, 0, "
            "CASE WHEN i % 2 = 0 THEN 'completed' ELSE 'pending' END, false, 0 "
            f"FROM ({numbers}) AS numbers"
        ),
        {
            "numbers": json.dumps(list(range(count))),
            "series": series_id,
            "configuration": configuration.id,
        },
    )
    counters.recount(session, series_id)
    session.commit()


def test_process_states_of_runners(session: Session) -> None:
    """A runner that has ended holds nothing, whatever its rows say."""
    series_id = add_series(session)
    worker_id = add_worker(session)
    claim(session, worker_id, series_id, 1)
    [seen] = overview.live_runners(session, series_id)
    runners.end_runner(session, seen.runner_id, ProcessState.STOPPED)
    assert overview.live_runners(session, series_id) == []
