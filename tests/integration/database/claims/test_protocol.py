"""The claim protocol's contract, on both databases."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database.claims import lookups, protocol, runners
from database.claims.lookups import ClaimableWork
from database.claims.types import Chunk, ClaimRequest, Finished, Token
from database.errors import FencedError
from database.models import (
    Attempt,
    Experiment,
    ExperimentStatus,
    MetricChunk,
    Outcome,
    ProcessState,
    Runner,
    Worker,
    exact_json,
)
from database.series.editing import SeriesEdit, edit_series
from database.session.lifecycle import SessionLocal
from database.session.retry import retrying_transaction
from experiments.journal_encoding import decode_finished, encode_finished
from tests.integration.database.claiming import (
    POLICY,
    completed,
    make_series,
    make_worker,
    outcomes,
    record_and_claim,
    statuses,
)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def test_paused_series(session: Session) -> None:
    """Of a paused series nothing is claimed, what is held is recorded, and afterwards it goes on."""
    series_id = make_series(session, 3)
    worker = make_worker(session)
    [held] = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=1)).claims
    with SessionLocal() as person:
        edit_series(person, series_id, SeriesEdit(paused=True))
        person.commit()
    assert lookups.claimable_work(session, series_id, limit=10) == ClaimableWork(0, None)
    session.commit()
    got = record_and_claim(session, worker, [completed(held)], request=ClaimRequest(series_id, claims=2))
    assert (len(got.recorded), got.claims) == (1, ())
    edit_series(session, series_id, SeriesEdit(paused=False))
    session.commit()
    assert len(record_and_claim(session, worker, request=ClaimRequest(series_id, claims=2)).claims) == 2


def test_claim_and_record(session: Session) -> None:
    """A claim brings parameters and order; recording writes status, results and the witness."""
    series_id = make_series(session, 3)
    worker = make_worker(session)
    got = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=2))
    assert [(claim.repetition, claim.seed, claim.parameters) for claim in got.claims] == [
        (0, 0, {"x": 1}),
        (1, 1, {"x": 1}),
    ]
    assert statuses(session) == ["running", "claimed", "pending"]
    got = record_and_claim(
        session, worker, [completed(claim) for claim in got.claims], request=ClaimRequest(series_id)
    )
    assert len(got.recorded) == 2
    assert statuses(session) == ["completed", "completed", "pending"]
    experiment = session.get_one(Experiment, 1)
    assert experiment.results == {"y": 1.0}
    assert experiment.worker_id is None
    assert experiment.started_at is not None
    assert experiment.started_at.timestamp() == 1000.25
    assert experiment.attempts[0].duration_s == 1.25


def test_what_an_attempt_ran_and_what_was_valid(session: Session) -> None:
    """Code, threads and the valid part of an invalid result are recorded, through the journal's form too."""
    series_id = make_series(session, 1)
    worker = make_worker(session)
    [claim] = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=1)).claims
    ended = Finished(
        *claim.token, Outcome.INVALID_RESULT, code=7, threads=2, partial=exact_json.encode({"y": math.nan})
    )
    record_and_claim(
        session, worker, [decode_finished(encode_finished(ended))], request=ClaimRequest(series_id)
    )
    attempt = session.scalars(select(Attempt)).one()
    assert (attempt.code, attempt.threads, attempt.results) == (7, 2, None)
    assert attempt.partial is not None
    assert math.isnan(attempt.partial["y"])


def test_priority_and_position_order(session: Session) -> None:
    """Higher priority first, then position; retired experiments are never claimed."""
    series_id = make_series(session, 4)
    session.get_one(Experiment, 4).priority = 1
    session.get_one(Experiment, 1).retired = True
    session.commit()
    got = record_and_claim(session, make_worker(session), request=ClaimRequest(series_id, claims=10))
    assert [claim.experiment_id for claim in got.claims] == [4, 2, 3]


def test_nothing_is_claimed_twice(session: Session) -> None:
    """Workers in parallel share the experiments without overlap."""
    series_id = make_series(session, 200)
    workers = [make_worker(session) for _ in range(4)]
    found: list[int] = []

    def work(worker: str) -> None:
        with SessionLocal() as own:
            while got := record_and_claim(own, worker, request=ClaimRequest(series_id, claims=7)).claims:
                record_and_claim(
                    own, worker, [completed(claim) for claim in got], request=ClaimRequest(series_id)
                )
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
    (claim,) = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=1)).claims
    for _ in range(2):
        got = record_and_claim(session, worker, [completed(claim)], request=ClaimRequest(series_id))
        assert (len(got.recorded), len(got.refused)) == (1, 0)
    assert outcomes(session) == [(1, 1, "completed")]


def test_unanswered_claim_is_adopted(session: Session) -> None:
    """A claim whose COMMIT landed without an answer is found by the same transaction run again."""
    series_id = make_series(session, 5)
    worker = make_worker(session)
    first = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=2))
    again = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=2))
    assert again.claims == first.claims


def test_what_is_held_is_kept_and_told(session: Session) -> None:
    """Holding on to claims while recording others; giving some back; nothing new while any is held."""
    series_id = make_series(session, 4)
    worker = make_worker(session)
    one, two, three = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=3)).claims
    keep = [(two.experiment_id, two.attempt_number)]
    back = [(three.experiment_id, three.attempt_number)]
    request = ClaimRequest(series_id, claims=5, keep=keep, release=back)
    got = record_and_claim(session, worker, [completed(one)], request=request)
    assert (got.kept, got.claims) == (frozenset(keep), ())
    assert statuses(session) == ["completed", "running", "pending", "pending"]
    assert outcomes(session) == [(1, 1, "completed"), (3, 1, "released")]


def test_dead_worker_is_fenced(session: Session) -> None:
    """Whoever was declared dead neither claims nor records, and its attempt number is outdated."""
    series_id = make_series(session, 1)
    zombie, other = make_worker(session), make_worker(session)
    (claim,) = record_and_claim(session, zombie, request=ClaimRequest(series_id, claims=1)).claims
    retrying_transaction(
        session,
        lambda each: protocol.finalize_worker(
            each,
            zombie,
            (),
            state=ProcessState.DEAD,
            policy=POLICY,
            unseen=lambda token: Finished(*token, Outcome.LOST),
        ),
    )
    with pytest.raises(FencedError):
        record_and_claim(session, zombie, [completed(claim, 13.0)], request=ClaimRequest(series_id))
    (again,) = record_and_claim(session, other, request=ClaimRequest(series_id, claims=1)).claims
    assert again.attempt_number == 2
    record_and_claim(session, other, [completed(again, 7.0)], request=ClaimRequest(series_id))
    assert session.get_one(Experiment, 1).results == {"y": 7.0}
    assert outcomes(session) == [(1, 1, "lost"), (1, 2, "completed")]


def test_worker_of_dead_runner_is_fenced(session: Session) -> None:
    """Liveness is transitive: a live worker row under a dead runner may do nothing."""
    series_id = make_series(session, 1)
    worker = make_worker(session)
    session.execute(text("UPDATE runner SET state = 'dead'"))
    session.commit()
    with pytest.raises(FencedError):
        record_and_claim(session, worker, request=ClaimRequest(series_id, claims=1))
    runner_id = session.scalars(select(Runner.id)).one()
    with pytest.raises(FencedError):
        runners.register_worker(session, runner_id, runners.new_id())
    with pytest.raises(FencedError):
        runners.heartbeat(session, runner_id)


def test_taken_away_is_refused(session: Session) -> None:
    """A live worker whose claim was given to another records nothing of it, and is told."""
    series_id = make_series(session, 2)
    worker = make_worker(session)
    one, two = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=2)).claims
    current = (one.experiment_id, one.attempt_number)
    released = retrying_transaction(
        session,
        lambda each: protocol.record_for(each, worker, [], current=current, release=True, policy=POLICY),
    )
    assert released == 1
    got = record_and_claim(session, worker, [completed(one), completed(two)], request=ClaimRequest(series_id))
    assert got.refused == {(two.experiment_id, two.attempt_number)}
    assert statuses(session) == ["completed", "pending"]


def test_supervisor_records_for_a_busy_worker(session: Session) -> None:
    """What the supervisor recorded from the journal counts as the worker's own record."""
    series_id = make_series(session, 2)
    worker = make_worker(session)
    one, two = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=2)).claims
    for _ in range(2):
        retrying_transaction(
            session,
            lambda each: protocol.record_for(
                each, worker, [completed(one)], current=(2, 1), release=False, policy=POLICY
            ),
        )
    assert statuses(session) == ["completed", "running"]
    got = record_and_claim(session, worker, [completed(one), completed(two)], request=ClaimRequest(series_id))
    assert (len(got.recorded), len(got.refused)) == (2, 0)


def test_supervisor_that_looks_late_gives_nothing_away(session: Session) -> None:
    """When the worker has moved on since the supervisor looked, what it holds now may be running."""
    series_id = make_series(session, 2)
    worker = make_worker(session)
    (one,) = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=1)).claims
    (two,) = record_and_claim(
        session, worker, [completed(one)], request=ClaimRequest(series_id, claims=1)
    ).claims
    released = retrying_transaction(
        session,
        lambda each: protocol.record_for(
            each, worker, [completed(one)], current=(one.experiment_id, 1), release=True, policy=POLICY
        ),
    )
    assert released == 0
    assert (
        len(record_and_claim(session, worker, [completed(two)], request=ClaimRequest(series_id)).recorded)
        == 1
    )


def test_settle_blames_one_only(session: Session) -> None:
    """The experiment a worker died in is charged; finished ones are recorded, the rest goes back."""
    series_id = make_series(session, 3)
    worker = make_worker(session)
    one, two, _ = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=3)).claims
    last = [completed(one), Finished(two.experiment_id, two.attempt_number, Outcome.CRASHED, signal=9)]
    pending_again = [
        retrying_transaction(
            session,
            lambda each: protocol.finalize_worker(each, worker, last, state=ProcessState.DEAD, policy=POLICY),
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
        (claim,) = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=1)).claims
        assert claim.attempt_number == number
        record_and_claim(session, worker, [Finished(1, number, outcome)], request=ClaimRequest(series_id))
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
    """Metrics written while an experiment runs, and again after a lost answer, are stored once.

    Of a chunk that has grown the longest is kept, whoever writes it, in whichever order.
    """
    series_id = make_series(session, 1)
    worker = make_worker(session)
    [claim] = record_and_claim(session, worker, request=ClaimRequest(series_id, claims=1)).claims

    def chunk(count: int) -> Chunk:
        return Chunk("loss", 0, count, b"s" * 8 * count, b"r" * 8 * count, b"t" * 8 * count)

    def add(token: Token, count: int) -> None:
        retrying_transaction(session, lambda each: protocol.add_chunks(each, worker, token, [chunk(count)]))

    def stored() -> Chunk:
        with SessionLocal() as other:
            row = other.scalars(select(MetricChunk)).one()
            return Chunk(row.metric, row.number, row.count, row.steps, row.readings, row.seconds)

    for count, kept in [(1, 1), (1, 1), (3, 3), (2, 3)]:
        add((1, 1), count)
        assert stored() == chunk(kept)
    with pytest.raises(FencedError):
        add((1, 2), 1)
    ended = completed(claim, chunks=(chunk(4),))
    record_and_claim(session, worker, [ended], request=ClaimRequest(series_id))
    assert stored() == chunk(4)
    with pytest.raises(FencedError):  # a supervisor that comes late
        add((1, 1), 5)
    assert stored() == chunk(4)
