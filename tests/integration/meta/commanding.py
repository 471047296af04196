"""The `experiments` command called in this process, in a folder with a series."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.claims.runners import Provenance
from database.engine.registry import current_url
from database.models import Experiment, Outcome
from database.session.lifecycle import SessionLocal
from database.settings import results_directory
from experiments.output.results_folder import ResultsFolder
from meta.commands.group import run_command
from tests.integration.recording import add_series, add_worker, completed, raised, record

SERIES_FILE = """
name: first
description: A grid of two
run: {function: train.py:main}
fixed: {epochs: 3}
grid: {lr: [0.1, 0.01], model.depth: [2]}
repeat: {seeds: 3}
"""


TRAIN = "def main(epochs, lr, model, seed):\n    return {'accuracy': lr * seed}\n"


class Commands:
    """Runs verbs in this process and keeps what they printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def __call__(self, *arguments: str, code: int = 0) -> str:
        found = run_command(arguments)
        out, self.err = self._capsys.readouterr()
        assert found == code, self.err
        return out

    def code(self, *arguments: str) -> int:
        """Run a verb, and return its exit code."""
        found = run_command(arguments)
        self.err = self._capsys.readouterr().err
        return found

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code), parse_constant=pytest.fail)


def folder() -> ResultsFolder:
    return ResultsFolder(results_directory(current_url()))


def filled() -> tuple[int, list[int]]:
    """Return a series with one completed, two failed, one timed out, two pending experiments, and the ids."""
    with SessionLocal() as session:
        parameters = [{"lr": 0.1, "model": {"depth": 2}}, {"lr": 0.01, "model": {"depth": 2}}]
        series_id = add_series(session, "first", parameters, repetitions=3)
        provenance = Provenance(git_commit="c0ffee", git_dirty=True, python_version="3.12.1")
        ends = [completed(accuracy=math.nan, note="=1+1"), raised(), raised(message="0.7")]
        ends.append({"outcome": Outcome.TIMED_OUT})
        return series_id, record(session, add_worker(session, provenance), series_id, ends)


def statuses(session: Session) -> list[str]:
    return [one.status.value for one in session.scalars(select(Experiment).order_by(Experiment.position))]
