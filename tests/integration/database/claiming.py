"""Claiming and recording as a worker does, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.claims import protocol, runners
from database.claims.runners import Provenance
from database.claims.types import Chunk, Claim, ClaimRequest, ExchangeResult, Finished, RetryPolicy
from database.models import (
    Attempt,
    Configuration,
    Experiment,
    ExperimentSeries,
    Outcome,
)
from database.session.retry import retrying_transaction

POLICY = RetryPolicy(delay_s=0)


def make_series(session: Session, experiments: int) -> int:
    series = ExperimentSeries(name="s", resolved={}, target="a:b")
    configuration = Configuration(series=series, position=0, parameters={"x": 1}, key=b"k" * 16, revision=1)
    session.add_all(
        Experiment(series=series, configuration=configuration, repetition=n, position=n, seed=n)
        for n in range(experiments)
    )
    session.commit()
    return series.id


def make_worker(session: Session, runner_id: str | None = None) -> str:
    if runner_id is None:
        runner_id = runners.new_id()
        runners.register_runner(session, runner_id, Provenance(), None)
    worker_id = runners.new_id()
    runners.register_worker(session, runner_id, worker_id)
    session.commit()
    return worker_id


def record_and_claim(
    session: Session,
    worker_id: str,
    finished: Sequence[Finished] = (),
    *,
    request: ClaimRequest,
    policy: RetryPolicy = POLICY,
) -> ExchangeResult:
    return retrying_transaction(
        session,
        lambda each: protocol.record_and_claim(each, worker_id, finished, request=request, policy=policy),
    )


def completed(claim: Claim, value: float = 1.0, chunks: tuple[Chunk, ...] = ()) -> Finished:
    return Finished(
        claim.experiment_id,
        claim.attempt_number,
        Outcome.COMPLETED,
        started_at=1000.25,
        finished_at=1001.5,
        duration_s=1.25,
        results=f'{{"y":{value}}}',
        chunks=chunks,
    )


def statuses(session: Session) -> list[str]:
    found = session.scalars(select(Experiment).order_by(Experiment.id)).all()
    session.commit()
    return [experiment.status.value for experiment in found]


def outcomes(session: Session) -> list[tuple[int, int, str]]:
    rows = session.execute(
        select(Attempt.experiment_id, Attempt.number, Attempt.outcome).order_by(
            Attempt.experiment_id, Attempt.number
        )
    ).all()
    session.commit()
    return [(row[0], row[1], row[2].value) for row in rows]
