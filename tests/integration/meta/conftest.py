"""Series written through the models, as the runner would have left them."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy.orm import Session

from database.engine.registry import configure, dispose_engines
from database.models import (
    Attempt,
    Configuration,
    Experiment,
    ExperimentSeries,
    ExperimentStatus,
    MetricChunk,
    Outcome,
    SeriesState,
)
from experiments.parameters import canonical, key, nest
from experiments.series_file.loading import load_series_file
from meta.commands.group import run_command
from tests.integration.meta.commanding import SERIES_FILE, TRAIN, Commands
from tests.made_up_records import make_records

__all__ = ["make_records"]


@dataclass
class Written:
    """What one experiment left: its status, results, and points per metric and attempt."""

    status: ExperimentStatus = ExperimentStatus.COMPLETED
    results: Mapping[str, Any] | None = None
    #: (attempt, metric, number of the chunk) -> (steps, readings)
    chunks: Mapping[tuple[int, str, int], tuple[Sequence[int], Sequence[float]]] = field(default_factory=dict)
    attempts: int = 1
    retired: bool = False


WriteSeries = Callable[..., int]


@pytest.fixture
def written() -> type[Written]:
    """Return the class of what one experiment left."""
    return Written


@pytest.fixture
def write_series() -> WriteSeries:
    """Return a function that writes a series: its file's grid, and per experiment what `written` says."""

    def write(
        session: Session,
        written: Callable[[Mapping[str, Any], int], Written],
        *,
        name: str = "study",
        **sections: Any,
    ) -> int:
        document = {"name": name, "run": {"function": "module:function"}, **sections}
        file = load_series_file(document).file
        series = ExperimentSeries(
            name=file.name,
            description=file.description,
            resolved=file.model_dump(mode="json"),
            target="module:function",
            state=SeriesState.READY,
        )
        session.add(series)
        session.flush()
        for position, values in enumerate(itertools.product(*file.grid.values())):
            dotted = {**file.fixed, **dict(zip(file.grid, values, strict=True))}
            parameters = nest(dotted)
            configuration = Configuration(
                series_id=series.id,
                position=position,
                parameters=parameters,
                key=key(canonical(parameters)),
                revision=0,
            )
            session.add(configuration)
            session.flush()
            for repetition in range(file.repeat.seeds):
                _write_experiment(session, configuration, repetition, written(dotted, repetition))
        return series.id

    return write


def _write_experiment(
    session: Session, configuration: Configuration, repetition: int, written: Written
) -> None:
    owned = written.status in {ExperimentStatus.RUNNING, ExperimentStatus.CLAIMED}
    experiment = Experiment(
        series_id=configuration.series_id,
        configuration_id=configuration.id,
        repetition=repetition,
        position=repetition * 1_000 + configuration.position,
        seed=100 + repetition,
        status=written.status,
        attempt_number=written.attempts,
        worker_id="w" if owned else None,
        results=dict(written.results) if written.results is not None else None,
        retired=written.retired,
    )
    session.add(experiment)
    session.flush()
    if written.status in {ExperimentStatus.COMPLETED, ExperimentStatus.FAILED}:
        for number in range(1, written.attempts + 1):
            is_last = number == written.attempts
            completed = is_last and written.status is ExperimentStatus.COMPLETED
            session.add(
                Attempt(
                    experiment_id=experiment.id,
                    number=number,
                    worker_id="w",
                    outcome=Outcome.COMPLETED if completed else Outcome.ERROR,
                    duration_s=0.5 * number,
                )
            )
    for (attempt, metric, number), (steps, readings) in written.chunks.items():
        session.add(
            MetricChunk(
                experiment_id=experiment.id,
                attempt_number=attempt,
                metric=metric,
                number=number,
                count=len(steps),
                steps=np.array(steps, dtype="<i8").tobytes(),
                readings=np.array(readings, dtype="<f8").tobytes(),
                seconds=(np.arange(len(steps), dtype="<f8") + 10 * attempt).tobytes(),
            )
        )


@pytest.fixture(scope="module")
def recorded_example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the example of `init`, whose series was run, with its SQLite database."""
    folder = tmp_path_factory.mktemp("example") / "projet é"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run_command(["init"]) == 0
        # Another module's is still configured: fixtures of tests, which reset it, begin later.
        database = ["--database", "sqlite:///results/experiments.db"]
        assert run_command(["run", "first.yaml", "--workers", "0", "--quiet", *database]) == 0
    dispose_engines()
    return folder


@pytest.fixture
def example(
    clean_process: None, recorded_example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Return a copy of the example's folder for this test, which is the current one."""
    folder = tmp_path / recorded_example.name
    shutil.copytree(recorded_example, folder)
    monkeypatch.chdir(folder)
    configure(f"sqlite:///{folder / 'results' / 'experiments.db'}")
    return folder


@pytest.fixture
def commands(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Commands:
    """Return the command, in a folder with a series and its target."""
    folder = tmp_path / "Projekt é"
    folder.mkdir()
    (folder / "first.yaml").write_text(SERIES_FILE)
    (folder / "train.py").write_text(TRAIN)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EXPERIMENTS_RESULTS", str(tmp_path / "Ergebnisse ü"))
    return Commands(capsys)
