"""The counters of a series are the counts of its experiments, whoever changes these, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from database import counters
from database.claims import protocol
from database.claims.types import ClaimRequest, Finished, RetryPolicy
from database.counters import StatusCounts
from database.errors import FencedError
from database.models import (
    Experiment,
    ExperimentSeries,
    ExperimentStatus,
    Outcome,
    ProcessState,
    SeriesCounters,
)
from database.queries import overview
from database.queries.experiment_rows import shown_status
from database.series import cancel_and_release, retry_and_delete, selection
from database.series import creation as creation_statements
from database.session.lifecycle import SessionLocal
from database.session.retry import retrying_transaction
from experiments import creation
from tests.integration.recording import NEVER, add_series, add_worker, claim, completed, raised, record


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def counts_of(session: Session, series_id: int) -> StatusCounts:
    """Return what the counters say, after comparing that with the experiments."""
    [summary] = overview.series_summaries(session, [series_id])
    rows = session.execute(
        select(Experiment.status, Experiment.retired).where(Experiment.series_id == series_id)
    ).all()
    names = [shown_status(status) for status, retired in rows if not retired]
    expected = {name: names.count(name) for name in set(names)}
    assert summary.counts == StatusCounts(**expected, retired=len(rows) - len(names))
    assert overview.count_statuses(session, series_id) == summary.counts
    session.commit()
    return summary.counts


def worker_rows(session: Session) -> dict[str, tuple[int, int, int]]:
    return {
        row.worker_id: (row.completed, row.failed, row.cancelled)
        for row in session.scalars(select(SeriesCounters).where(SeriesCounters.worker_id != ""))
    }


def test_workers_add_to_rows_of_their_own(session: Session) -> None:
    """What a worker ends is added to its row, also by its supervisor, and by who takes it away."""
    series_id = add_series(session, repetitions=5)
    first, second = add_worker(session), add_worker(session)
    record(session, first, series_id, [completed(a=1), completed(a=2), raised()])
    held = claim(session, second, series_id, 3)
    ends = [Finished(one.experiment_id, one.attempt_number, Outcome.ERROR) for one in held[:1]]
    current = (held[1].experiment_id, held[1].attempt_number)
    protocol.record_for(session, second, ends, current=current, release=False, policy=NEVER)
    session.commit()
    cancel_and_release.cancel(session, series_id, [ExperimentStatus.RUNNING])
    session.commit()
    assert worker_rows(session) == {first: (2, 1, 0), second: (0, 1, 1)}
    last = [Finished(held[2].experiment_id, 1, Outcome.COMPLETED, results="{}")]
    protocol.finalize_worker(session, second, last, state=ProcessState.DEAD, policy=NEVER)
    session.commit()
    assert worker_rows(session)[second] == (1, 1, 1)
    assert counts_of(session, series_id) == StatusCounts(pending=4, completed=3, failed=2, cancelled=1)


def test_what_is_refused_does_not_count(session: Session) -> None:
    """Only what was changed counts: not what was taken away, nor the same again after a lost answer."""
    series_id = add_series(session)
    worker = add_worker(session)
    held = claim(session, worker, series_id, 3)
    cancel_and_release.cancel(session, series_id, selection=selection.Selection((held[1].experiment_id,)))
    session.commit()
    ends = [Finished(one.experiment_id, one.attempt_number, Outcome.COMPLETED, results="{}") for one in held]
    for _ in range(2):
        got = protocol.record_and_claim(session, worker, ends, request=ClaimRequest(series_id), policy=NEVER)
        session.commit()
        assert (len(got.recorded), len(got.refused)) == (2, 1)
    assert worker_rows(session) == {worker: (2, 0, 1)}
    session.execute(text("UPDATE worker SET state = 'dead'"))
    session.commit()
    with pytest.raises(FencedError):
        protocol.record_and_claim(session, worker, ends, request=ClaimRequest(series_id), policy=NEVER)
    session.rollback()
    assert counts_of(session, series_id) == StatusCounts(pending=1, completed=2, cancelled=1)


def test_a_worker_without_a_row(session: Session) -> None:
    """What a worker left whose row is gone counts as well; so does that of one at two series."""
    series_id, other_id = add_series(session), add_series(session, "other")
    worker = add_worker(session)
    record(session, worker, other_id, [completed(a=1)])
    held = claim(session, worker, series_id, 1)
    session.execute(text("DELETE FROM worker"))
    failed = [Finished(held[0].experiment_id, 1, Outcome.ERROR)]
    protocol.finalize_worker(session, worker, failed, state=ProcessState.DEAD, policy=NEVER)
    session.commit()
    assert counts_of(session, series_id) == StatusCounts(pending=3, failed=1)
    assert counts_of(session, other_id) == StatusCounts(pending=3, completed=1)


def test_corrections(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelling and retrying in parts moves counts from one status to another."""
    monkeypatch.setattr(selection, "BATCH", 2)
    series_id = add_series(session, repetitions=10)
    ends = [completed(a=1), *[raised()] * 7, {"outcome": Outcome.TIMED_OUT}]
    record(session, add_worker(session), series_id, ends)
    both = [ExperimentStatus.FAILED, ExperimentStatus.CANCELLED]
    only = selection.Selection(outcome=Outcome.TIMED_OUT)
    retry_and_delete.retry(session, series_id, selection=only)
    session.commit()
    assert counts_of(session, series_id) == StatusCounts(pending=12, completed=1, failed=7)
    cancel_and_release.cancel(session, series_id, [ExperimentStatus.PENDING, ExperimentStatus.FAILED])
    session.commit()
    assert counts_of(session, series_id) == StatusCounts(completed=1, cancelled=19)
    retry_and_delete.retry(session, series_id, both)
    session.commit()
    assert counts_of(session, series_id) == StatusCounts(pending=19, completed=1)


def series_of(choices: int, repetitions: int) -> dict[str, Any]:
    return {
        "name": "s",
        "run": {"function": "experiments.library.bandits:play"},
        "grid": {"epsilon": [n / 100 for n in range(choices)]},
        "repeat": {"seeds": repetitions},
    }


def test_creation_and_deletion(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each part of a creation, a changed file or a deletion the counters are right."""
    monkeypatch.setattr(creation, "BATCH_ROWS", 4)
    monkeypatch.setattr(retry_and_delete, "DELETE_BATCH", 3)
    seen: list[StatusCounts] = []

    def look(each: Session) -> None:
        each.commit()
        seen.extend(counts_of(each, row) for row in each.scalars(select(ExperimentSeries.id)))

    monkeypatch.setattr(creation, "commit_part", look)
    monkeypatch.setattr(retry_and_delete, "commit_part", look)
    series_id = creation.create_series(session, series_of(3, 4)).series_id
    session.commit()
    assert [each.pending for each in seen] == [0, 3, 6, 9, 12]
    worker = add_worker(session)
    record(session, worker, series_id, [completed(a=1), raised(), completed(a=3), completed(a=4)])
    [held] = claim(session, worker, series_id, 1)
    made = creation.create_series(session, series_of(1, 2))
    session.commit()
    assert (made.new, made.existing, made.retired) == (0, 2, 10)
    assert counts_of(session, series_id) == StatusCounts(completed=2, retired=10)
    # It was retired while it was held: what comes of it counts only when the file names it again.
    last = [Finished(held.experiment_id, held.attempt_number, Outcome.COMPLETED, results="{}")]
    protocol.record_and_claim(session, worker, last, request=ClaimRequest(series_id), policy=NEVER)
    session.commit()
    assert counts_of(session, series_id) == StatusCounts(completed=2, retired=10)
    creation.create_series(session, series_of(3, 5))
    session.commit()
    assert counts_of(session, series_id) == StatusCounts(pending=10, completed=4, failed=1)
    seen.clear()
    retry_and_delete.delete_series(session, series_id)
    assert [each.experiments for each in seen] == [15, 12, 9, 6, 3, 0]
    session.commit()
    assert session.scalars(select(SeriesCounters)).all() == []


def test_recounting(session: Session) -> None:
    """A wrong tally is found and put right, a right one stays; other series are left alone."""
    series_id, other_id = add_series(session), add_series(session, "other")
    record(session, add_worker(session), series_id, [completed(a=1), raised()])
    session.execute(text("UPDATE experiment SET status = 'pending' WHERE status = 'failed'"))
    session.execute(text("UPDATE experiment SET retired = true WHERE status = 'completed'"))
    wrong = counters.missing_from_counters(session, [series_id, other_id])
    assert wrong == {series_id: counters.Counters(-1, completed=-1, failed=-1, retired=1)}
    assert counters.recount_all(session) == ["série"]
    assert not counters.recount(session, series_id)
    session.commit()
    assert counts_of(session, series_id) == StatusCounts(pending=3, retired=1)


def test_while_all_are_at_work(session: Session) -> None:
    """Workers, users, changed files and recounts at one time leave right counters."""
    repetitions = 150
    series_id = add_series(session, parameters=[{"x": 1}], repetitions=repetitions)
    workers = [add_worker(session) for _ in range(3)]
    done = threading.Event()

    def work(worker: str) -> None:
        finished: list[Finished] = []
        with SessionLocal() as own:
            while not done.is_set():
                request = ClaimRequest(series_id, claims=5)
                got = retrying_transaction(
                    own,
                    lambda each: protocol.record_and_claim(
                        each,
                        worker,
                        finished,  # noqa: B023 - run at once
                        request=request,  # noqa: B023 - run at once
                        policy=RetryPolicy({}),
                    ),
                )
                finished = [
                    Finished(
                        one.experiment_id,
                        one.attempt_number,
                        Outcome.COMPLETED if one.repetition % 3 == 0 else Outcome.ERROR,
                        results="{}" if one.repetition % 3 == 0 else None,
                    )
                    for one in got.claims
                ]

    def change_file(each: Session, named: int) -> None:
        series = creation_statements.lock_series(each, series_id)
        assert series is not None
        creation_statements.sync_experiments(each, series, configurations=1, repetitions=named)
        counters.recount(each, series_id)

    def correct(change: Callable[[Session], object]) -> None:
        with SessionLocal() as own:
            for _ in range(8):
                retrying_transaction(own, change)

    both = [ExperimentStatus.FAILED, ExperimentStatus.CANCELLED]
    changes: list[Callable[[Session], object]] = [
        lambda each: retry_and_delete.retry(each, series_id, both),
        lambda each: cancel_and_release.cancel(each, series_id),
        lambda each: change_file(each, 60),
        lambda each: change_file(each, repetitions),
        lambda each: counters.recount(each, series_id),
    ]
    with ThreadPoolExecutor(len(workers) + len(changes)) as threads:
        working = [threads.submit(work, worker) for worker in workers]
        try:
            for changing in [threads.submit(correct, change) for change in changes]:
                changing.result(60)
        finally:
            done.set()
        for each in working:
            each.result(60)
    for worker in workers:
        protocol.finalize_worker(session, worker, [], state=ProcessState.STOPPED, policy=NEVER)
        session.commit()
    counts = counts_of(session, series_id)
    assert counts.experiments + counts.retired == repetitions
    assert counts.running == 0
