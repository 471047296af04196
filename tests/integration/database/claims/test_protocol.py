"""The claim protocol's contract, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database.claims import protocol, runners
from database.claims.protocol import FirstExperiments, Outlook, Wish
from database.claims.types import Chunk, Finished, RetryPolicy
from database.counts import Ended, count_ended_by
from database.errors import FencedError
from database.models import (
    Attempt,
    Configuration,
    Experiment,
    ExperimentStatus,
    MetricChunk,
    Outcome,
    ProcessState,
    Runner,
    Worker,
)
from database.series.editing import SeriesEdit, edit_series
from database.session.lifecycle import SessionLocal
from database.session.retry import retrying_transaction
from tests.integration.database.exchanges import (
    POLICY,
    completed,
    exchange,
    make_series,
    make_worker,
    outcomes,
    statuses,
)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session


def test_paused_series(session: Session) -> None:
    """Of a paused series nothing is claimed, what is held is recorded, and afterwards it goes on."""
    series_id = make_series(session, 3)
    worker = make_worker(session)
    [held] = exchange(session, worker, wish=Wish(series_id, claims=1)).claims
    with SessionLocal() as person:
        edit_series(person, series_id, SeriesEdit(paused=True))
        person.commit()
    assert protocol.outlook(session, series_id, limit=10) == Outlook(0, None)
    session.commit()
    got = exchange(session, worker, [completed(held)], wish=Wish(series_id, claims=2))
    assert (len(got.recorded), got.claims) == (1, ())
    edit_series(session, series_id, SeriesEdit(paused=False))
    session.commit()
    assert len(exchange(session, worker, wish=Wish(series_id, claims=2)).claims) == 2


def test_claim_and_record(session: Session) -> None:
    """A claim brings parameters and order; recording writes status, results and the witness."""
    series_id = make_series(session, 3)
    worker = make_worker(session)
    got = exchange(session, worker, wish=Wish(series_id, claims=2))
    assert [(claim.repetition, claim.seed, claim.parameters) for claim in got.claims] == [
        (0, 0, {"x": 1}),
        (1, 1, {"x": 1}),
    ]
    assert statuses(session) == ["running", "claimed", "pending"]
    got = exchange(session, worker, [completed(claim) for claim in got.claims], wish=Wish(series_id))
    assert len(got.recorded) == 2
    assert statuses(session) == ["completed", "completed", "pending"]
    experiment = session.get_one(Experiment, 1)
    assert experiment.results == {"y": 1.0}
    assert experiment.worker_id is None
    assert experiment.started_at is not None
    assert experiment.started_at.timestamp() == 1000.25
    assert experiment.attempts[0].duration_s == 1.25


def test_priority_and_position_order(session: Session) -> None:
    """Higher priority first, then position; retired experiments are never claimed."""
    series_id = make_series(session, 4)
    session.get_one(Experiment, 4).priority = 1
    session.get_one(Experiment, 1).retired = True
    session.commit()
    got = exchange(session, make_worker(session), wish=Wish(series_id, claims=10))
    assert [claim.experiment_id for claim in got.claims] == [4, 2, 3]


def test_nothing_is_claimed_twice(session: Session) -> None:
    """Workers in parallel share the experiments without overlap."""
    series_id = make_series(session, 200)
    workers = [make_worker(session) for _ in range(4)]
    found: list[int] = []

    def work(worker: str) -> None:
        with SessionLocal() as own:
            while got := exchange(own, worker, wish=Wish(series_id, claims=7)).claims:
                exchange(own, worker, [completed(claim) for claim in got], wish=Wish(series_id))
                found.extend(claim.experiment_id for claim in got)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 201))
    assert set(statuses(session)) == {"completed"}


def test_repeating_a_record_is_harmless(session: Session) -> None:
    """A worker that lost the answer to its COMMIT records again and finds its witness."""
    series_id = make_series(session, 1)
    worker = make_worker(session)
    (claim,) = exchange(session, worker, wish=Wish(series_id, claims=1)).claims
    for _ in range(2):
        got = exchange(session, worker, [completed(claim)], wish=Wish(series_id))
        assert (len(got.recorded), len(got.refused)) == (1, 0)
    assert outcomes(session) == [(1, 1, "completed")]


def test_unanswered_claim_is_adopted(session: Session) -> None:
    """A claim whose COMMIT landed without an answer is found by the same transaction run again."""
    series_id = make_series(session, 5)
    worker = make_worker(session)
    first = exchange(session, worker, wish=Wish(series_id, claims=2))
    again = exchange(session, worker, wish=Wish(series_id, claims=2))
    assert again.claims == first.claims


def test_what_is_held_is_kept_and_told(session: Session) -> None:
    """Holding on to claims while recording others; giving some back; nothing new while any is held."""
    series_id = make_series(session, 4)
    worker = make_worker(session)
    one, two, three = exchange(session, worker, wish=Wish(series_id, claims=3)).claims
    keep = [(two.experiment_id, two.attempt_number)]
    back = [(three.experiment_id, three.attempt_number)]
    wish = Wish(series_id, claims=5, keep=keep, give_back=back)
    got = exchange(session, worker, [completed(one)], wish=wish)
    assert (got.held, got.claims) == (frozenset(keep), ())
    assert statuses(session) == ["completed", "running", "pending", "pending"]
    assert outcomes(session) == [(1, 1, "completed"), (3, 1, "released")]


def test_dead_worker_is_fenced(session: Session) -> None:
    """Whoever was declared dead neither claims nor records, and its attempt number is outdated."""
    series_id = make_series(session, 1)
    zombie, other = make_worker(session), make_worker(session)
    (claim,) = exchange(session, zombie, wish=Wish(series_id, claims=1)).claims
    retrying_transaction(
        session,
        lambda each: protocol.settle(each, zombie, None, state=ProcessState.DEAD, policy=POLICY),
    )
    with pytest.raises(FencedError):
        exchange(session, zombie, [completed(claim, 13.0)], wish=Wish(series_id))
    (again,) = exchange(session, other, wish=Wish(series_id, claims=1)).claims
    assert again.attempt_number == 2
    exchange(session, other, [completed(again, 7.0)], wish=Wish(series_id))
    assert session.get_one(Experiment, 1).results == {"y": 7.0}
    assert outcomes(session) == [(1, 1, "lost"), (1, 2, "completed")]


def test_worker_of_dead_runner_is_fenced(session: Session) -> None:
    """Liveness is transitive: a live worker row under a dead runner may do nothing."""
    series_id = make_series(session, 1)
    worker = make_worker(session)
    session.execute(text("UPDATE runner SET state = 'dead'"))
    session.commit()
    with pytest.raises(FencedError):
        exchange(session, worker, wish=Wish(series_id, claims=1))
    runner_id = session.scalars(select(Runner.id)).one()
    with pytest.raises(FencedError):
        runners.register_worker(session, runner_id, runners.new_id())
    with pytest.raises(FencedError):
        runners.heartbeat(session, runner_id)


def test_taken_away_is_refused(session: Session) -> None:
    """A live worker whose claim was given to another records nothing of it, and is told."""
    series_id = make_series(session, 2)
    worker = make_worker(session)
    one, two = exchange(session, worker, wish=Wish(series_id, claims=2)).claims
    current = (one.experiment_id, one.attempt_number)
    released = retrying_transaction(
        session,
        lambda each: protocol.record_for(each, worker, [], current=current, give_back=True, policy=POLICY),
    )
    assert released == 1
    got = exchange(session, worker, [completed(one), completed(two)], wish=Wish(series_id))
    assert got.refused == {(two.experiment_id, two.attempt_number)}
    assert statuses(session) == ["completed", "pending"]


def test_supervisor_records_for_a_busy_worker(session: Session) -> None:
    """What the supervisor recorded from the journal counts as the worker's own record."""
    series_id = make_series(session, 2)
    worker = make_worker(session)
    one, two = exchange(session, worker, wish=Wish(series_id, claims=2)).claims
    for _ in range(2):
        retrying_transaction(
            session,
            lambda each: protocol.record_for(
                each, worker, [completed(one)], current=(2, 1), give_back=False, policy=POLICY
            ),
        )
    assert statuses(session) == ["completed", "running"]
    got = exchange(session, worker, [completed(one), completed(two)], wish=Wish(series_id))
    assert (len(got.recorded), len(got.refused)) == (2, 0)


def test_supervisor_that_looks_late_gives_nothing_away(session: Session) -> None:
    """When the worker has moved on since the supervisor looked, what it holds now may be running."""
    series_id = make_series(session, 2)
    worker = make_worker(session)
    (one,) = exchange(session, worker, wish=Wish(series_id, claims=1)).claims
    (two,) = exchange(session, worker, [completed(one)], wish=Wish(series_id, claims=1)).claims
    released = retrying_transaction(
        session,
        lambda each: protocol.record_for(
            each, worker, [completed(one)], current=(one.experiment_id, 1), give_back=True, policy=POLICY
        ),
    )
    assert released == 0
    assert len(exchange(session, worker, [completed(two)], wish=Wish(series_id)).recorded) == 1


def test_settle_blames_one_only(session: Session) -> None:
    """The experiment a worker died in is charged; finished ones are recorded, the rest goes back."""
    series_id = make_series(session, 3)
    worker = make_worker(session)
    one, two, _ = exchange(session, worker, wish=Wish(series_id, claims=3)).claims
    last = [completed(one), Finished(two.experiment_id, two.attempt_number, Outcome.CRASHED, signal=9)]
    pending_again = [
        retrying_transaction(
            session,
            lambda each: protocol.settle(each, worker, last, state=ProcessState.DEAD, policy=POLICY),
        )
        for _ in range(2)  # and again, as after a lost answer
    ]
    assert pending_again == [2, 0]
    assert statuses(session) == ["completed", "pending", "pending"]
    assert outcomes(session) == [(1, 1, "completed"), (2, 1, "crashed"), (3, 1, "released")]
    assert session.get_one(Worker, worker).state is ProcessState.DEAD


@pytest.mark.parametrize(
    ("outcome", "attempts", "left"),
    [
        (Outcome.CRASHED, 3, "failed"),
        (Outcome.LOST, 11, "failed"),
        (Outcome.INTERRUPTED, 11, "failed"),
        (Outcome.ERROR, 1, "failed"),
        (Outcome.TIMED_OUT, 1, "failed"),
        (Outcome.CANCELLED, 1, "cancelled"),
    ],
)
def test_retries_are_counted_per_outcome(
    session: Session, outcome: Outcome, attempts: int, left: str
) -> None:
    """An experiment ends when one outcome has used up its own limit; others do not count."""
    series_id = make_series(session, 1)
    worker = make_worker(session)
    session.add(Attempt(experiment_id=1, number=99, worker_id=worker, outcome=Outcome.RELEASED))
    session.commit()
    for number in range(1, attempts + 1):
        assert statuses(session) == ["pending"]
        (claim,) = exchange(session, worker, wish=Wish(series_id, claims=1)).claims
        assert claim.attempt_number == number
        exchange(session, worker, [Finished(1, number, outcome)], wish=Wish(series_id))
    assert statuses(session) == [left]


def test_second_completed_attempt_is_impossible(session: Session) -> None:
    """The database itself refuses a second result."""
    make_series(session, 1)
    session.add(Attempt(experiment_id=1, number=1, worker_id="w", outcome=Outcome.COMPLETED))
    session.commit()
    session.add(Attempt(experiment_id=1, number=2, worker_id="w", outcome=Outcome.COMPLETED))
    with pytest.raises(IntegrityError):
        session.commit()
    session.rollback()


def test_owner_and_status_agree(session: Session) -> None:
    """The database refuses a running experiment without a worker."""
    make_series(session, 1)
    session.get_one(Experiment, 1).status = ExperimentStatus.RUNNING
    with pytest.raises(IntegrityError):
        session.commit()
    session.rollback()


def test_chunks_are_written_once(session: Session) -> None:
    """Metrics written while an experiment runs, and again after a lost answer, are stored once."""
    series_id = make_series(session, 1)
    worker = make_worker(session)
    exchange(session, worker, wish=Wish(series_id, claims=1))
    chunk = Chunk("loss", 0, 1, b"s" * 8, b"r" * 8, b"t" * 8)
    for _ in range(2):
        retrying_transaction(session, lambda each: protocol.add_chunks(each, worker, (1, 1), [chunk]))
    stored = session.scalars(select(MetricChunk)).one()
    assert (stored.metric, stored.count, stored.readings) == ("loss", 1, b"r" * 8)
    with pytest.raises(FencedError):
        retrying_transaction(session, lambda each: protocol.add_chunks(each, worker, (1, 2), [chunk]))


def test_first_repetitions_only(session: Session) -> None:
    """A canary's claims are the first experiments of the configurations; their failures are counted."""
    series_id = make_series(session, 3)
    session.add(Configuration(series_id=series_id, position=1, parameters={}, key=b"l" * 16, revision=1))
    session.flush()
    for repetition in range(2):
        session.add(
            Experiment(series_id=series_id, configuration_id=2, repetition=repetition, position=9, seed=0)
        )
    session.commit()
    worker = make_worker(session)
    assert protocol.outlook(session, series_id, limit=9, canary=True) == Outlook(2, None)
    wish = Wish(series_id, claims=9, canary=True)
    got = exchange(session, worker, wish=wish).claims
    assert [(claim.experiment_id, claim.repetition) for claim in got] == [(1, 0), (4, 0)]
    assert protocol.first_experiments(session, series_id) == FirstExperiments(failed=0, awaited=True)
    failed = [Finished(claim.experiment_id, 1, Outcome.ERROR) for claim in got]
    assert exchange(session, worker, failed, wish=wish).claims == ()
    assert protocol.outlook(session, series_id, limit=9, canary=True) == Outlook(0, None)
    assert protocol.first_experiments(session, series_id) == FirstExperiments(failed=2, awaited=False)
    assert count_ended_by(session, [session.scalars(select(Runner.id)).one()]) == Ended(0, 2)


def test_first_experiment_given_back_is_awaited(session: Session) -> None:
    """A canary that nobody has in hand for a moment has not passed, also while it waits for its retry."""
    series_id = make_series(session, 3)
    worker = make_worker(session)
    exchange(session, worker, wish=Wish(series_id, claims=1, canary=True))
    exchange(session, worker, wish=Wish(series_id, give_back=[(1, 1)]))
    assert protocol.first_experiments(session, series_id) == FirstExperiments(failed=0, awaited=True)
    exchange(session, worker, wish=Wish(series_id, claims=1, canary=True))
    exchange(session, worker, [Finished(1, 2, Outcome.CRASHED)], wish=Wish(series_id), policy=RetryPolicy())
    assert protocol.outlook(session, series_id, limit=1, canary=True).due_in_s is not None
    assert protocol.first_experiments(session, series_id) == FirstExperiments(failed=0, awaited=True)


def test_own_fault_waits_before_it_is_tried_again(session: Session) -> None:
    """After a crash the next attempt waits, twice as long each time; the outlook says until when."""
    series_id = make_series(session, 2)
    worker = make_worker(session)
    policy = RetryPolicy(delay_s=100.0)
    for attempt, delay_s in ((1, 100.0), (2, 200.0)):
        [claim] = exchange(session, worker, wish=Wish(series_id, claims=1)).claims
        assert (claim.experiment_id, claim.attempt_number) == (1, attempt)
        crashed = [Finished(1, attempt, Outcome.CRASHED)]
        exchange(session, worker, crashed, wish=Wish(series_id), policy=policy)
        assert protocol.outlook(session, series_id, limit=5) == Outlook(1, None)
        session.execute(text("UPDATE experiment SET status = 'cancelled' WHERE id = 2"))
        outlook = protocol.outlook(session, series_id, limit=5)
        assert outlook.claimable == 0
        assert outlook.due_in_s == pytest.approx(delay_s, abs=10)
        assert protocol.outlook(session, series_id, limit=5, canary=True).due_in_s == pytest.approx(
            delay_s, abs=10
        )
        session.execute(text("UPDATE experiment SET due_at = '2000-01-01' WHERE id = 1"))
        assert protocol.outlook(session, series_id, limit=5) == Outlook(1, None)
        session.execute(text("UPDATE experiment SET status = 'pending' WHERE id = 2"))
        session.commit()


def test_revoked(session: Session) -> None:
    """Who lost its attempt is told from who ended it and was recorded; the fenced lose everything."""
    series_id = make_series(session, 4)
    at: dict[str, tuple[int, int]] = {}
    for _ in range(4):
        worker = make_worker(session)
        [claim] = exchange(session, worker, wish=Wish(series_id, claims=1)).claims
        at[worker] = (claim.experiment_id, claim.attempt_number)
    _, done, fenced, taken = at
    assert protocol.revoked(session, at) == set()
    exchange(session, done, [Finished(2, 1, Outcome.COMPLETED, results="{}")], wish=Wish(series_id))
    session.execute(text("UPDATE worker SET state = 'dead' WHERE id = :id"), {"id": fenced})
    session.execute(text("UPDATE experiment SET status = 'cancelled', worker_id = NULL WHERE id = 4"))
    session.add(Attempt(experiment_id=4, number=1, worker_id=taken, outcome=Outcome.CANCELLED))
    session.commit()
    assert protocol.revoked(session, at) == {fenced, taken}
    assert protocol.revoked(session, {}) == set()
