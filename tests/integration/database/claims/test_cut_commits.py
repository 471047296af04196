"""Each transaction of the protocol on PostgreSQL, with its connection cut exactly at the COMMIT.

The request is lost, or the answer, or the COMMIT lands when the client has long been back and is at
its second try: what is recorded afterwards is what an undisturbed transaction records.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from database import counters
from database.claims import protocol, runners
from database.claims.runners import Provenance
from database.claims.types import Chunk, Claim, ClaimRequest, Finished, RetryPolicy
from database.engine import registry as engines
from database.models import Configuration, Experiment, ExperimentSeries, Outcome, ProcessState
from database.process_identity import others_alive
from database.series import cancel_and_release, retry_and_delete
from database.session.lifecycle import SessionLocal
from database.session.retry import retrying_transaction
from database.settings import normalise_url
from tests.faults.proxy import Cut, Proxy

POLICY = RetryPolicy()
RUNNER, WORKER = "r" * 32, "w" * 32
PATIENCE_S = 30
CHUNK = Chunk("loss", 0, 1, b"\0" * 8, b"\0" * 8, b"\0" * 8)


@pytest.fixture
def proxy(postgres_server: str) -> Iterator[Proxy]:
    proxy = Proxy(postgres_server)
    yield proxy
    proxy.close()


@pytest.fixture
def direct(postgres_url: str) -> Iterator[Engine]:
    """Yield an engine that reaches the database beside the proxy."""
    engine = create_engine(normalise_url(postgres_url))
    yield engine
    engine.dispose()


def prepare(session: Session) -> tuple[Claim, ...]:
    """Add a series of six experiments and a worker that holds three of them; the first one runs."""
    series = ExperimentSeries(name="s", resolved={}, target="a:b")
    configuration = Configuration(series=series, position=0, parameters={"x": 1}, key=b"k" * 16, revision=1)
    session.add_all(
        Experiment(series=series, configuration=configuration, repetition=n, position=n, seed=n)
        for n in range(6)
    )
    session.flush()
    runners.register_runner(session, RUNNER, Provenance(), None)
    runners.register_worker(session, RUNNER, WORKER)
    got = protocol.record_and_claim(
        session, WORKER, [], request=ClaimRequest(series.id, claims=3), policy=POLICY
    )
    session.commit()
    return got.claims


def completed(claim: Claim) -> Finished:
    token = (claim.experiment_id, claim.attempt_number)
    return Finished(
        *token, Outcome.COMPLETED, started_at=1.0, finished_at=2.0, results='{"y":1}', chunks=(CHUNK,)
    )


def recorded(engine: Engine) -> dict[str, list[Any]]:
    """Return what the protocol has written, without times and counts of heartbeats."""
    questions = {
        "experiments": "SELECT id, status, attempt_number, worker_id FROM experiment ORDER BY id",
        "attempts": "SELECT experiment_id, number, worker_id, outcome FROM attempt ORDER BY 1, 2",
        "chunks": "SELECT experiment_id, attempt_number, metric, number FROM metric_chunk ORDER BY 1, 2, 4",
        "runners": "SELECT id, state, beat > 0 FROM runner ORDER BY id",
        "workers": "SELECT id, runner_id, state FROM worker ORDER BY id",
        "counters": "SELECT * FROM tally ORDER BY series_id, worker_id",
    }
    with engine.connect() as connection:
        return {
            name: [tuple(row) for row in connection.execute(text(sql))] for name, sql in questions.items()
        }


Work = Callable[[Session, tuple[Claim, ...]], Any]


def claim_first(session: Session, _held: tuple[Claim, ...]) -> object:
    runners.register_worker(session, RUNNER, "n" * 32)
    return protocol.record_and_claim(session, "n" * 32, [], request=ClaimRequest(1, claims=2), policy=POLICY)


def record_and_claim(session: Session, held: tuple[Claim, ...]) -> object:
    finished = [completed(each) for each in held]
    return protocol.record_and_claim(
        session, WORKER, finished, request=ClaimRequest(1, claims=2), policy=POLICY
    )


def release(session: Session, held: tuple[Claim, ...]) -> object:
    tokens = [(each.experiment_id, each.attempt_number) for each in held[1:]]
    return protocol.record_and_claim(
        session, WORKER, [completed(held[0])], request=ClaimRequest(1, release=tokens), policy=POLICY
    )


def record_for(session: Session, held: tuple[Claim, ...]) -> object:
    current = (held[1].experiment_id, held[1].attempt_number)
    protocol.record_for(session, WORKER, [completed(held[0])], current=current, release=True, policy=POLICY)
    return None


def finalize_worker(session: Session, held: tuple[Claim, ...]) -> object:
    crashed = Finished(held[1].experiment_id, held[1].attempt_number, Outcome.CRASHED)
    finished = [completed(held[0]), crashed]
    protocol.finalize_worker(session, WORKER, finished, state=ProcessState.DEAD, policy=RetryPolicy({}))
    return None


def add_chunks(session: Session, held: tuple[Claim, ...]) -> object:
    token = (held[0].experiment_id, held[0].attempt_number)
    return protocol.add_chunks(session, WORKER, token, [CHUNK])


def cancel(session: Session, _held: tuple[Claim, ...]) -> object:
    cancel_and_release.cancel(session, 1)
    return None


def retry(session: Session, held: tuple[Claim, ...]) -> object:
    failed = [Finished(each.experiment_id, each.attempt_number, Outcome.ERROR) for each in held]
    protocol.finalize_worker(session, WORKER, failed, state=ProcessState.DEAD, policy=RetryPolicy({}))
    retry_and_delete.retry(session, 1)
    return None


def recount(session: Session, _held: tuple[Claim, ...]) -> object:
    session.execute(text("UPDATE experiment SET status = 'cancelled' WHERE status = 'pending'"))
    counters.recount(session, 1)
    return None


def register_runner(session: Session, _held: tuple[Claim, ...]) -> object:
    return runners.register_runner(session, "n" * 32, Provenance(), None)


def register_worker(session: Session, _held: tuple[Claim, ...]) -> object:
    return runners.register_worker(session, RUNNER, "n" * 32)


def heartbeat(session: Session, _held: tuple[Claim, ...]) -> object:
    return runners.heartbeat(session, RUNNER)


def end_runner(session: Session, _held: tuple[Claim, ...]) -> object:
    return runners.end_runner(session, RUNNER, ProcessState.STOPPED)


def declare_dead(session: Session, _held: tuple[Claim, ...]) -> object:
    for liveness in others_alive(session, "n" * 32):
        runners.declare_dead(session, liveness)
    return None


@dataclass(frozen=True)
class Result:
    """What a transaction returned, and what is in the database afterwards."""

    returned: object
    recorded: dict[str, list[Any]]


def undisturbed(engine: Engine, work: Work) -> Result:
    """Run the transaction, note the result, and take everything back."""
    with Session(engine) as session:
        held = prepare(session)
        returned = retrying_transaction(session, lambda each: work(each, held))
    result = Result(returned, recorded(engine))
    with engine.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE experiment_series, configuration, experiment, attempt, metric_chunk, runner, "
                "worker RESTART IDENTITY CASCADE"
            )
        )
    return result


def is_somebody_waiting(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(
            connection.scalar(
                text(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            )
        )


@pytest.mark.parametrize("cut", [Cut.REQUEST_LOST, Cut.REPLY_LOST, Cut.DELAYED], ids=lambda cut: cut.name)
@pytest.mark.parametrize(
    "work",
    [
        claim_first,
        record_and_claim,
        release,
        record_for,
        finalize_worker,
        add_chunks,
        cancel,
        retry,
        recount,
        register_runner,
        register_worker,
        heartbeat,
        end_runner,
        declare_dead,
    ],
)
def test_recorded_once(proxy: Proxy, direct: Engine, work: Work, cut: Cut) -> None:
    """Whatever happens to its COMMIT, a transaction leaves and returns what an undisturbed one does."""
    expected = undisturbed(direct, work)
    engines.configure(proxy.url(direct.url), protocol=True)
    with ThreadPoolExecutor(1) as threads, SessionLocal() as session:
        held = prepare(session)
        proxy.cut_next(cut)
        running = threads.submit(retrying_transaction, session, lambda each: work(each, held))
        assert proxy.cut.wait(PATIENCE_S)
        if cut is Cut.DELAYED:
            wait_until_second_try_waits(direct, running)
            proxy.release()
        returned = running.result(PATIENCE_S)
    assert proxy.cuts[cut] == 1
    assert recorded(direct) == expected.recorded
    assert returned == expected.returned


def wait_until_second_try_waits(engine: Engine, running: Future[Any]) -> None:
    """Return when the second try waits for the first one's locks, or is through without them."""
    pause = threading.Event()
    while not running.done() and not is_somebody_waiting(engine):
        pause.wait(0.005)
