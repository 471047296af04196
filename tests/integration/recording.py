"""Filling a database as workers do: series through the models, outcomes through the claim protocol."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from database.claims import protocol, runners
from database.claims.runners import Provenance
from database.claims.types import Claim, ClaimRequest, Finished, RetryPolicy
from database.models import Configuration, Experiment, ExperimentSeries, Outcome, SeriesState, exact_json
from experiments.parameters import canonical, key

NEVER = RetryPolicy(retries={})
TRACEBACK = """Traceback (most recent call last):
  File "/home/user/train.py", line 12, in main
    value = helper(lr)
  File "/home/user/helpers.py", line {line}, in helper
    raise ValueError(lr)
ValueError: {message}
"""


def add_series(
    session: Session,
    name: str = "série",
    parameters: Sequence[Mapping[str, Any]] = ({"lr": 0.1}, {"lr": 0.01}),
    repetitions: int = 2,
) -> int:
    """Add a series of len(parameters) configurations; commit; return its id."""
    series = ExperimentSeries(
        name=name,
        resolved={"name": name, "run": {"function": "train.py:main"}},
        target="train.py:main",
        state=SeriesState.READY,
        revision=1,
    )
    session.add(series)
    for position, one in enumerate(parameters):
        configuration = Configuration(
            series=series, position=position, parameters=dict(one), key=key(canonical(one)), revision=1
        )
        session.add_all(
            Experiment(
                series=series,
                configuration=configuration,
                repetition=repetition,
                position=repetition * len(parameters) + position,
                seed=100 + repetition,
            )
            for repetition in range(repetitions)
        )
    session.flush()
    session.commit()
    return series.id


def add_worker(session: Session, provenance: Provenance | None = None) -> str:
    """Register a runner of this process with one worker; commit; return the worker's id."""
    runner_id, worker_id = runners.new_id(), runners.new_id()
    runners.register_runner(session, runner_id, provenance or Provenance(), None)
    runners.register_worker(session, runner_id, worker_id)
    session.commit()
    return worker_id


def claim(session: Session, worker_id: str, series_id: int, count: int) -> tuple[Claim, ...]:
    """Claim experiments, of which the first is running; commit."""
    found = protocol.record_and_claim(
        session, worker_id, [], request=ClaimRequest(series_id, claims=count), policy=NEVER
    ).claims
    session.commit()
    return found


def record(session: Session, worker_id: str, series_id: int, ends: Sequence[Mapping[str, Any]]) -> list[int]:
    """Let the next experiments end as told (keywords of `Finished`); commit; return their ids."""
    claimed = claim(session, worker_id, series_id, len(ends))
    now = time.time()
    finished = [
        Finished(
            one.experiment_id,
            one.attempt_number,
            **{
                "outcome": Outcome.COMPLETED,
                "started_at": now - 1,
                "finished_at": now,
                "duration_s": 1.0,
                **end,
            },
        )
        for one, end in zip(claimed, ends, strict=True)
    ]
    protocol.record_and_claim(session, worker_id, finished, request=ClaimRequest(series_id), policy=NEVER)
    session.commit()
    return [one.experiment_id for one in claimed]


def completed(**results: Any) -> dict[str, Any]:
    """Return the end of an experiment with these results."""
    return {"results": exact_json.encode(results)}


def raised(line: int = 3, message: str = "0.1", error_type: str = "ValueError") -> dict[str, Any]:
    """Return the end of an experiment that raised at a line of helpers.py."""
    return {
        "outcome": Outcome.ERROR,
        "error_type": error_type,
        "error_message": message,
        "traceback": TRACEBACK.format(line=line, message=message),
    }
