"""`--canary` beside other runners."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from database.claims import protocol
from database.claims.types import Claim, ClaimRequest, Finished
from database.models import ExperimentSeries, Outcome
from database.session.lifecycle import SessionLocal
from experiments.creation import create_series
from experiments.progress.model import Display, RunProgress
from experiments.run_experiments import Reporting, RunOptions, run_series
from tests.integration.recording import NEVER, add_worker, claim


class Other(Display):
    """Another runner, with an experiment in hand that fails once it was seen that the rest are through."""

    every_s = 0.05
    draws_last = True

    def __init__(self, worker: str, held: Claim, through: int) -> None:
        self._worker = worker
        self._held = held
        self._looks_to_come = 3
        self._through = through

    def update(self, progress: RunProgress) -> None:
        if progress.counts.completed < self._through:
            return
        self._looks_to_come -= 1
        if self._looks_to_come == 0:
            end = Finished(self._held.experiment_id, self._held.attempt_number, Outcome.ERROR)
            with SessionLocal() as session:
                protocol.record_and_claim(
                    session, self._worker, [end], request=ClaimRequest(series_id=0), policy=NEVER
                )
                session.commit()

    def message(self, level: str, text: str) -> None: ...


def test_first_experiment_in_other_hands(database_url: str, tmp_path: Path) -> None:
    """A first experiment that another runner has in hand is waited for; it fails, so no other is begun."""
    (tmp_path / "target.py").write_text("def main(x):\n    return {'y': x}\n")
    path = tmp_path / "s.yaml"
    path.write_text("name: s\nrun: {function: target.py:main}\ngrid: {x: [1, 2, 3]}\nrepeat: {seeds: 2}\n")
    with SessionLocal() as session:
        create_series(session, path)
        session.commit()
        worker = add_worker(session)
        [held] = claim(session, worker, session.scalars(select(ExperimentSeries.id)).one(), 1)
    summary = run_series(
        path,
        RunOptions(workers=1, canary=True, results_directory=tmp_path / "results"),
        Reporting(Other(worker, held, through=2)),
    )
    assert summary.rule == "1 of the first experiments of each configuration failed (--canary)"
    assert (summary.after.completed, summary.after.failed, summary.after.pending) == (2, 1, 3)
