"""Rows made by hand: whatever the models allow, each reader survives it, and serves the other series."""

from __future__ import annotations

import contextlib
import itertools
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.errors import ExperimentsError
from database.models import (
    Attempt,
    Code,
    Configuration,
    Experiment,
    ExperimentSeries,
    ExperimentStatus,
    MetricChunk,
    Outcome,
    Runner,
    SeriesCode,
    SeriesCounters,
    SeriesState,
    Worker,
)
from database.session.lifecycle import SessionLocal, scoped_session
from experiments.series_file.models import SeriesFile
from experiments.series_file.sections.execute import ExecuteSection
from meta.commands.support.exit_codes import UNEXPECTED
from meta.frames import load_curves, load_experiments
from meta.generate_aggregate_graphs import generate_all_graphs
from meta.graphs.figure.registry import KINDS
from meta.graphs.figure.task import Task
from meta.graphs.generation.availability import can_be_drawn
from meta.graphs.generation.requests import figure_requests
from meta.records.errors import GraphError
from meta.records.selection.subsets import read_series
from meta.report import generate_reports
from tests.integration.databases import on_sqlite
from tests.integration.meta.commanding import Commands

NOW = datetime.now(UTC)
NAN = math.nan
DEEP: Any = 1
for _ in range(40):
    DEEP = {"a": DEEP}

RESOLVED: list[Any] = [
    {},
    [],
    "text",
    3,
    {"name": None, "run": 5, "graphs": 7, "tables": {}, "metrics": [1], "grid": [1], "repeat": None},
    {"graphs": [{"kind": "pie"}, {"y": "y"}], "tables": [{"rows": 1}], "fixed": 3},
    {"metrics": {"y": {"goal": "best"}}, "grid": {"lr": "text", "a.b": [1], "a": [{"b": 2}]}},
    {"name": "../../x", "run": {"function": "f"}, "fixed": {"": {"": 1}}, "future": {"x": 1}},
    {"name": "n", "run": {"function": "f"}, "graphs": [{"kind": "timeline"}, {"y": "m", "x": "seconds"}]},
]
PARAMETERS: list[Any] = [
    {},
    {"a.b": 1, "a": {"b": 2}},
    {"": 1, ".": 2},
    {"a": NAN, "b": math.inf},
    {"a": [1, [2, {"b": None}]]},
    [1, 2],
    "text",
    7,
    DEEP,
    {"a": 2**80},
    {"seed": 1, "run": 2, "id": 3, "status": "x", "code": "y", "value": 1},
    {"a\nb\x1b[31m": "c\nd", "$x": {"$float": "nan"}},
    {"ü" * 200: "é" * 2000},
]
RESULTS: list[Any] = [
    None,
    [1, 2],
    "text",
    3,
    True,
    NAN,
    {},
    {"a.b": 1, "a": {"b": 2}, "y": -0.0},
    {"": 1.0},
    {"y": "text", "z": [1]},
    {"y": 2**3000, "z": 1e300},
    {"metrics": 3, "metrics.m.last": "x"},
    DEEP,
]
CHUNKS = [
    (b"", b"", b""),
    (b"1", b"2", b"3"),
    (bytes(16), bytes(8), bytes(8)),
    (bytes(16), b"\xff" * 16, b"\xff" * 16),
]
SERIES: list[dict[str, Any]] = [
    {"target": ""},
    {"target": "a:b:c", "source": "not: [yaml", "source_path": "/no/such/folder"},
    {"target": "\n", "tags": {"a": 1}},
    {"tags": [1, None], "state": SeriesState.READY, "revision": -3},
    {"folder": "../outside"},
    {"folder": ""},
    {"folder": "a/b", "description": "\x1b[31m\n"},
    {"name": "../up"},
    {"name": "a\nb"},
    {"name": "x.yaml"},
    {"name": "é" * 128},
]
STATUSES = [*ExperimentStatus]
OWNED = (ExperimentStatus.CLAIMED, ExperimentStatus.RUNNING)
READERS = [
    ["status"],
    ["status", "SERIES"],
    ["list"],
    ["list", "SERIES"],
    ["list", "SERIES", "--where", 'status != "pending"'],
    ["failures", "SERIES"],
    ["export", "SERIES", "--format", "json"],
    ["export", "SERIES"],
    ["table", "SERIES", "--output", "tables"],
    ["compare", "SERIES", "--of", "a", "--on", "y"],
    ["show", "EXPERIMENT"],
    ["logs", "EXPERIMENT"],
    ["doctor"],
    ["database", "check"],
    ["retry", "SERIES", "--status", "failed"],
    ["cancel", "SERIES", "--status", "pending"],
    ["release", "SERIES"],
    ["edit", "SERIES", "--notes", "read"],
    ["delete", "SERIES", "--yes"],
]
HAS_JSON = {"status", "list", "failures", "show", "doctor", "compare"}


def take(values: list[Any], number: int) -> Any:
    return values[number % len(values)]


def plant(session: Session) -> list[str]:
    """Add series of which each has other odd rows than the one before, until all occur; return the names."""
    count = max(map(len, (RESOLVED, PARAMETERS, RESULTS, SERIES)))
    names = ["sound"]
    _add(session, {"name": "sound"}, [{"a": 1}, {"a": 2}], [{"y": 1.0}])
    for number in range(count):
        columns = {"name": f"odd-{number}", "resolved": take(RESOLVED, number), **take(SERIES, number)}
        names.append(columns["name"])
        several = [take(PARAMETERS, number), {"a": 1}, {"a": 1}]
        _add(session, columns, several, [take(RESULTS, number), {"y": 1.5}], chunk=take(CHUNKS, number))
    by_hand = ExperimentSeries(name="by-hand", target="train.py:main", resolved={})
    session.add(by_hand)
    session.flush()
    session.add(SeriesCounters(series_id=by_hand.id, worker_id="w", **_COUNTS))
    session.add(Code(id=1, digest="short", files=[1], git_commit=None))
    session.add_all(SeriesCode(series_id=by_hand.id, code_id=code) for code in (0, 1, 77))
    for number, state in enumerate(("alive", "stopped", "dead")):
        _add_runner(session, f"r{number}", state, [[1], {"a": None}, "text"][number])
    session.commit()
    return [*names, "by-hand"]


_COUNTS = {"experiments": -9, "completed": -8, "failed": 5, "cancelled": -3, "retired": 9}


def _add_runner(session: Session, name: str, state: str, odd: Any) -> None:
    times = {"beat_at": NOW, "started_at": NOW}
    session.add(
        Runner(
            id=name,
            host="",
            boot_id="",
            pid=-1,
            pid_start=-1,
            state=state,
            arguments=odd,
            packages=odd,
            **times,
        )
    )
    session.flush()
    session.add(Worker(id="ghost" if state == "dead" else f"w-{name}", runner_id=name, state=state))


def _add(
    session: Session,
    columns: dict[str, Any],
    parameters: list[Any],
    results: list[Any],
    *,
    chunk: tuple[bytes, bytes, bytes] | None = None,
) -> None:
    """Add a series: of each configuration a completed experiment per result, and one per status."""
    series = ExperimentSeries(**{"target": "train.py:main", "resolved": {}, **columns})
    session.add(series)
    session.flush()
    for position, one in enumerate(parameters):
        configuration = Configuration(
            series_id=series.id, position=-position, parameters=one, key=bytes([position]), revision=0
        )
        session.add(configuration)
        session.flush()
        ends = [(ExperimentStatus.COMPLETED, result) for result in results]
        ends += [(status, results[0]) for status in STATUSES] if chunk else []
        for repetition, (status, result) in enumerate(ends):
            experiment = Experiment(
                series_id=series.id,
                configuration_id=configuration.id,
                repetition=-repetition,
                position=repetition,
                seed=-repetition * position,
                status=status,
                results=result,
                worker_id="ghost" if status in OWNED else None,
                attempt_number=repetition,
                finished_at=NOW if repetition % 2 else None,
            )
            session.add(experiment)
            session.flush()
            if chunk:
                steps, readings, seconds = chunk
                session.add(
                    MetricChunk(
                        experiment_id=experiment.id,
                        attempt_number=repetition,
                        metric="m",
                        number=0,
                        count=7,
                        steps=steps,
                        readings=readings,
                        seconds=seconds,
                    )
                )
                _add_attempts(session, experiment, repetition)


def _add_attempts(session: Session, experiment: Experiment, count: int) -> None:
    outcomes = itertools.cycle(outcome for outcome in Outcome if outcome is not Outcome.COMPLETED)
    session.add_all(
        Attempt(
            experiment_id=experiment.id,
            number=number,
            worker_id="ghost" if number % 2 else "nobody",
            outcome=outcome,
            started_at=NOW if number % 2 else None,
            finished_at=NOW - timedelta(days=4_000) if number % 3 else None,
            duration_s=-1.0 if number % 2 else NAN,
            error_message="\x1b[31m",
            traceback="none",
            exit_code=-9,
            signal=99,
            peak_memory_bytes=-1,
            code=77,
            threads=-1,
        )
        for number, outcome in zip(range(1, count + 1), outcomes, strict=False)
    )


@pytest.fixture
def names(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of series with odd rows of every kind; the first is sound, the last one empty."""
    monkeypatch.chdir(tmp_path)
    with SessionLocal() as session:
        return plant(session)


def test_each_command_survives_odd_rows(names: list[str], commands: Commands) -> None:
    """It reads them or says why it cannot; nothing is a bug, and nothing is written elsewhere."""
    with SessionLocal() as session:
        ids = session.scalars(select(Experiment.id)).all()
    unexpected = []
    for reader in READERS:
        for name in names if "SERIES" in reader else map(str, ids[::7]) if "EXPERIMENT" in reader else [""]:
            arguments = [name if word in ("SERIES", "EXPERIMENT") else word for word in reader]
            variants = [arguments, [*arguments, "--json"]] if reader[0] in HAS_JSON else [arguments]
            unexpected += [
                (variant, commands.err) for variant in variants if commands.code(*variant) == UNEXPECTED
            ]
    assert unexpected == [], unexpected
    assert not (Path.cwd().parent / "outside").exists()
    assert not (Path.cwd().parent / "up").exists()


@on_sqlite
def test_graphs_and_reports_of_the_others_are_made(names: list[str], tmp_path: Path) -> None:
    """What has nothing to draw says so; every figure is computed, some are drawn."""
    with scoped_session() as session:
        for name in names:
            series = session.scalars(select(ExperimentSeries).where(ExperimentSeries.name == name)).one()
            assert can_be_drawn(session, name) in (True, False)
            assert len(load_experiments(series)) == len(series.experiments)
            load_curves(series)
            for task in figure_requests(read_series(session, series)).tasks.values():
                if isinstance(task, Task):
                    with contextlib.suppress(GraphError):  # there is nothing to draw
                        KINDS[task.plan.rules.name].compute(task.plan, task.extract)
                else:
                    assert task.details is None, task.details
        some = ["by-hand", "odd-1", "odd-11", "sound"]
        results = generate_all_graphs(session, [name for name in some if name in names], workers=1)
        drawn = {result.series for result in results if result.paths}
        assert "sound" in drawn
        [told] = [result.error for result in results if result.series == "by-hand"]
        assert told == "the series 'by-hand' has no metric or result with a finite number to draw yet"
        [report] = generate_reports(session, "sound", workers=1)
        assert report.errors == {}
        assert [report.errors for report in generate_reports(session, "by-hand", workers=1)] == [{}]


def test_what_a_run_needs_must_be_readable() -> None:
    """Readers take defaults for what they cannot read; a run does not take others than were asked for."""
    assert SeriesFile.recorded({}).execute == ExecuteSection()
    odd = {"execute": {"timeout": "soon"}, "graphs": [{"y": "y", "x": "lr"}]}
    assert SeriesFile.recorded(odd).execute == ExecuteSection()
    assert [spec.y for spec in SeriesFile.recorded(odd).graphs] == ["y"]
    with pytest.raises(ExperimentsError, match="section 'execute' of the series cannot be read"):
        SeriesFile.recorded(odd, needed=["execute"])
