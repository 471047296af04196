"""Cancelling and releasing, on both databases, also while workers are at it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from database.claims import lookups, protocol
from database.claims.types import Claim, ClaimRequest, Finished, RetryPolicy
from database.errors import ExperimentsError, NotFoundError
from database.models import Attempt, Experiment, ExperimentStatus, Outcome, Runner, Worker
from database.process_identity import current_user
from database.series import cancel_and_release, selection
from database.series.cancel_and_release import Cancelled, cancel, release
from database.series.selection import Selection, require_of_series
from database.session.lifecycle import SessionLocal, scoped_session
from database.session.retry import retrying_transaction
from tests.integration.recording import add_series, add_worker, claim, raised, record

POLICY = RetryPolicy(delay_s=0)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def statuses(session: Session) -> list[str]:
    session.expire_all()
    return [one.status.value for one in session.scalars(select(Experiment).order_by(Experiment.position))]


def outcomes(session: Session) -> list[tuple[int, int, str]]:
    session.expire_all()
    rows = session.scalars(select(Attempt).order_by(Attempt.experiment_id, Attempt.number))
    return [(one.experiment_id, one.number, one.outcome.value) for one in rows]


def done(one: Claim) -> Finished:
    return Finished(one.experiment_id, one.attempt_number, Outcome.COMPLETED, results="{}")


def elsewhere(session: Session, silent_s: float) -> None:
    """Let all runners be on another host, and silent for so long."""
    for runner in session.scalars(select(Runner)):
        runner.host, runner.boot_id = "far", "another"
        runner.beat_at -= timedelta(seconds=silent_s)
    session.commit()


def test_cancel_takes_from_workers(session: Session) -> None:
    """Pending, claimed and running experiments are out at once; late results are refused, owners told."""
    series_id = add_series(session)
    worker_id = add_worker(session)
    running, claimed = claim(session, worker_id, series_id, 2)
    token = (running.experiment_id, running.attempt_number)
    assert cancel(session, series_id) == Cancelled(unowned=2, revoked=2)
    session.commit()
    assert statuses(session) == ["cancelled"] * 4
    assert lookups.revoked(session, {worker_id: token}) == {worker_id}
    got = protocol.record_and_claim(
        session,
        worker_id,
        [done(running)],
        request=ClaimRequest(series_id, claims=5, keep=[(claimed.experiment_id, 1)]),
        policy=POLICY,
    )
    assert (got.recorded, got.refused, got.kept, got.claims) == (frozenset(), {token}, frozenset(), ())
    session.commit()
    assert outcomes(session) == [
        (running.experiment_id, 1, "cancelled"),
        (claimed.experiment_id, 1, "cancelled"),
    ]
    attempt = session.get_one(Attempt, token)
    assert attempt.error_message == f"cancelled by {current_user()}"
    assert attempt.duration_s is not None
    assert cancel(session, series_id) == Cancelled(0, 0)


def test_cancel_by_status_and_experiment(session: Session) -> None:
    """Pending means what is shown as pending; a delayed retry is out too; others are left alone."""
    series_id = add_series(session, repetitions=3)
    worker_id = add_worker(session)
    record(session, worker_id, series_id, [raised()])
    claim(session, worker_id, series_id, 2)
    session.execute(update(Experiment).where(Experiment.id == 6).values(due_at=Experiment.claimed_at))
    session.commit()
    assert cancel(
        session, series_id, [ExperimentStatus.PENDING], selection=Selection((2, 3, 6))
    ) == Cancelled(2, 1)
    session.commit()
    assert statuses(session) == ["failed", "running", "cancelled", "pending", "cancelled", "cancelled"]
    assert session.get_one(Experiment, 6).due_at is None
    assert cancel(session, series_id, [ExperimentStatus.RUNNING]) == Cancelled(0, 1)
    assert cancel(session, series_id, [ExperimentStatus.FAILED]) == Cancelled(1, 0)
    session.commit()
    assert statuses(session) == ["cancelled"] * 3 + ["pending", "cancelled", "cancelled"]


def test_cancel_in_parts(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many are cancelled in several transactions; retired ones stay as they are."""
    monkeypatch.setattr(selection, "BATCH", 3)
    series_id = add_series(session, repetitions=5)
    session.execute(update(Experiment).where(Experiment.id == 10).values(retired=True))
    session.commit()
    with scoped_session() as scope:
        assert cancel(scope, series_id) == Cancelled(9, 0)
    assert statuses(session) == [*["cancelled"] * 9, "pending"]


@pytest.mark.parametrize("status", ["completed", "claimed", "cancelled"])
def test_impossible_cancel(session: Session, status: str) -> None:
    """A result is final."""
    with pytest.raises(
        ExperimentsError, match=f"{status} experiments cannot be cancelled; .* pending, running"
    ):
        cancel(session, 1, [ExperimentStatus(status)])


def test_cancel_while_workers_record(session: Session) -> None:
    """Whoever is first wins, worker or person: each experiment is completed or cancelled, never both."""
    series_id = add_series(session, repetitions=150)
    workers = [add_worker(session) for _ in range(3)]
    recorded: list[int] = []
    half_done = threading.Event()

    def record_and_claim(own: Session, worker_id: str, finished: list[Finished]) -> tuple[Claim, ...]:
        request = ClaimRequest(series_id, claims=5)
        got = retrying_transaction(
            own,
            lambda each: protocol.record_and_claim(each, worker_id, finished, request=request, policy=POLICY),
        )
        recorded.extend(token[0] for token in got.recorded)
        if len(recorded) > 60:
            half_done.set()
        return got.claims

    def work(worker_id: str) -> None:
        with SessionLocal() as own:
            got = record_and_claim(own, worker_id, [])
            while got:
                got = record_and_claim(own, worker_id, [done(one) for one in got])

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    assert half_done.wait(60)
    cancelled = cancel(session, series_id)
    session.commit()
    for thread in threads:
        thread.join()
    found = statuses(session)
    assert found.count("completed") == len(recorded) == len(set(recorded))
    assert found.count("cancelled") == cancelled.unowned + cancelled.revoked == 300 - len(recorded)
    assert len({(row[0], row[1]) for row in outcomes(session)}) == len(outcomes(session))
    assert {row[0] for row in outcomes(session) if row[2] == "completed"} == set(recorded)


def test_cancel_waits_for_a_record_in_progress(session: Session, database_url: str) -> None:
    """A record that is on its way when a person cancels is kept: the transaction that is first decides."""
    series_id = add_series(session, parameters=[{}], repetitions=1)
    worker_id = add_worker(session)
    [one] = claim(session, worker_id, series_id, 1)
    found: list[Cancelled] = []

    def person() -> None:
        with scoped_session() as scope:
            found.append(cancel(scope, series_id))

    with SessionLocal() as own:
        protocol.record_and_claim(own, worker_id, [done(one)], request=ClaimRequest(series_id), policy=POLICY)
        thread = threading.Thread(target=person)
        thread.start()
        thread.join(0.3)
        own.commit()
        thread.join()
    assert found == [Cancelled(0, 0)]
    assert statuses(session) == ["completed"]


def test_release_of_the_dead(session: Session) -> None:
    """What a dead process holds is pending again, without blame and whatever the limits."""
    series_id = add_series(session)
    dead, alive = add_worker(session), add_worker(session)
    running, claimed = claim(session, dead, series_id, 2)
    claim(session, alive, series_id, 1)
    runner_id = session.get_one(Worker, dead).runner_id
    session.execute(update(Runner).where(Runner.id == runner_id).values(pid_start=1))
    session.commit()
    for number in range(50, 70):
        session.add(
            Attempt(experiment_id=running.experiment_id, number=number, worker_id="w", outcome=Outcome.LOST)
        )
    session.commit()
    released = release(session, series_id)
    session.commit()
    assert released.experiments == 2
    assert [one.runner_id for one in released.from_] == [runner_id]
    assert [(one.experiments, one.alive) for one in released.kept] == [
        (1, "its process runs on this machine")
    ]
    assert statuses(session) == ["pending", "pending", "running", "pending"]
    assert [row for row in outcomes(session) if row[1] == 1] == [
        (running.experiment_id, 1, "lost"),
        (claimed.experiment_id, 1, "released"),
    ]
    again = release(session, series_id)
    assert (again.experiments, again.from_) == (0, ())


def test_release_from_elsewhere(session: Session) -> None:
    """A runner on another host is left alone while it gives signs of life, and not after two missed ones."""
    series_id = add_series(session)
    claim(session, add_worker(session), series_id, 1)
    elsewhere(session, silent_s=0)
    kept = release(session, series_id).kept
    assert [one.alive for one in kept] == ["it sent a heartbeat 0 s ago"]
    assert (
        str(kept[0])
        == f"runner {kept[0].runner_id[:8]} (process {session.scalars(select(Runner.pid)).one()} on far)"
    )
    elsewhere(session, silent_s=25)
    assert release(session, series_id).experiments == 1


def test_forced_release(session: Session) -> None:
    """With force a live runner loses what is named, and what it says of that is refused."""
    series_id = add_series(session)
    worker_id = add_worker(session)
    running, claimed = claim(session, worker_id, series_id, 2)
    only = Selection((running.experiment_id,))
    assert release(session, series_id, selection=only).experiments == 0
    assert release(session, series_id, selection=only, force=True).experiments == 1
    session.commit()
    assert statuses(session) == ["pending", "claimed", "pending", "pending"]
    got = protocol.record_and_claim(
        session, worker_id, [done(running), done(claimed)], request=ClaimRequest(series_id), policy=POLICY
    )
    assert got.refused == {(running.experiment_id, 1)}
    assert len(got.recorded) == 1


def test_release_of_one_runner(session: Session) -> None:
    """A runner is named by its id or how that begins; an unknown one is told with those there are."""
    series_id = add_series(session)
    workers = [add_worker(session) for _ in range(2)]
    for worker_id in workers:
        claim(session, worker_id, series_id, 1)
    runner_id = session.get_one(Worker, workers[1]).runner_id
    released = release(session, series_id, runner=runner_id[:10], force=True)
    assert [one.runner_id for one in released.from_] == [runner_id]
    assert released.kept == ()
    assert statuses(session) == ["running", "pending", "pending", "pending"]
    with pytest.raises(
        NotFoundError, match=r"no runner 'x_'; those that own .*: runner \w{8} \(process \d+ on "
    ):
        release(session, series_id, runner="x_")


def test_orphans_of_nobody(session: Session) -> None:
    """What belongs to a worker that no row tells of is given back as well."""
    series_id = add_series(session)
    worker_id = add_worker(session)
    claim(session, worker_id, series_id, 1)
    session.delete(session.get_one(Worker, worker_id))
    session.commit()
    [holder] = cancel_and_release.owners(session, series_id)
    assert (str(holder), holder.alive) == ("runner unknown", None)
    assert release(session, series_id).experiments == 1


def test_experiments_of_another_series(session: Session) -> None:
    """A selection that names strange experiments is refused before anything happens."""
    series_id, other_id = add_series(session), add_series(session, "other")
    require_of_series(session, series_id, Selection((1, 4)))
    with pytest.raises(NotFoundError, match="the series has no experiment 1, 99;"):
        require_of_series(session, other_id, Selection((1, 5, 99)))
