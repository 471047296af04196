"""The intervals in the files of graphs and tables hold the true value as often as they say.

A study is a step of a curve, or a configuration with a cell of a table; 4,000 of each number of repetitions
are written, of normal readings and of successes. Two standard errors of a share of 95 % among 4,000 are 0.7
percentage points.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import insert

from database.engine.registry import configure, dispose_engines
from database.models import Configuration, Experiment, ExperimentSeries, ExperimentStatus, MetricChunk
from database.session.lifecycle import scoped_session
from experiments.parameters import canonical, key
from experiments.series_file.loading import load_series_file
from meta.report import generate_reports
from meta.tables import generate_all_tables

STUDIES, SIZES, RATE = 4_000, (3, 4, 5, 10, 30), 0.8
#: More steps of a curve are averaged within windows.
STEPS = STUDIES // 2
OF_TABLES = 10
#: Results and metrics -> the true value.
TRUTHS = {"plain": 0.0, "positive": 10.0, "hit": RATE}
BOUNDS = {"positive": {"bounds": [0, None]}}
T = dict.fromkeys(SIZES, "t")
#: Name of a graph and a table -> what is shown, the interval of each number of repetitions (where it is not
#: named there is none), and the shares of the studies between which those are that hold the true value.
SHOWN: dict[str, tuple[dict[str, Any], dict[int, str], tuple[float, float]]] = {
    "mean": ({"y": "plain"}, T, (0.93, 0.97)),
    "bounded": ({"y": "positive"}, dict.fromkeys(SIZES, "t (log)"), (0.93, 0.97)),
    "rate": ({"y": "hit"}, dict.fromkeys(SIZES, "Clopper-Pearson"), (0.93, 1)),
    "median": (
        {"y": "plain", "estimator": "median"},
        {5: "range", 10: "order statistics", 30: "order statistics"},
        (0.93, 1),
    ),
    "iqm": (
        {"y": "plain", "estimator": "iqm"},
        {3: "t", **dict.fromkeys((5, 10, 30), "expanded percentile")},
        (0.92, 0.98),
    ),
    "trimmed": (
        {"y": "plain", "estimator": "trimmed_mean"},
        {**T, **dict.fromkeys((10, 30), "expanded percentile")},
        (0.92, 0.98),
    ),
}
#: Of averages over tasks, whose repetitions share their seeds, and luck with them or not.
AVERAGES = {
    f"{luck}{tasks}": {"y": luck, "where": {"task": [*range(tasks)]}}
    for tasks in (5, 26)
    for luck in ("own", "shared")
}
OF_AVERAGES = (3, 5)

Readings = Mapping[str, np.ndarray]


def write_series(document: Mapping[str, Any], readings: Callable[[Mapping[str, Any]], Readings]) -> None:
    """Write a series of completed experiments, all at once.

    Parameters
    ----------
    document : mapping
        The series file.
    readings : callable
        From the parameters of a configuration to its results, each of shape (repetitions,), or to its
        metrics, each of shape (repetitions, steps).
    """
    file = load_series_file({"run": {"function": "module:function"}, **document}).file
    with scoped_session() as session:
        series = ExperimentSeries(
            name=file.name, resolved=file.model_dump(mode="json"), target="module:function"
        )
        session.add(series)
        session.flush()
        settings = [
            dict(zip(file.grid, values, strict=True)) for values in itertools.product(*file.grid.values())
        ]
        configurations = [
            {
                "series_id": series.id,
                "position": position,
                "parameters": parameters,
                "key": key(canonical(parameters)),
                "revision": 0,
            }
            for position, parameters in enumerate(settings)
        ]
        ordered = {"sort_by_parameter_order": True}
        ids = session.scalars(
            insert(Configuration).returning(Configuration.id, **ordered), configurations
        ).all()
        found = [readings(parameters) for parameters in settings]
        experiments = [
            {
                "series_id": series.id,
                "configuration_id": configuration,
                "repetition": repetition,
                "position": repetition,
                "seed": repetition,
                "status": ExperimentStatus.COMPLETED,
                "attempt_number": 1,
                "results": {name: one for name, one in values.items() if not isinstance(one, list)},
            }
            for configuration, of_one in zip(ids, found, strict=True)
            for repetition, values in enumerate(_rows(of_one))
        ]
        ids = session.scalars(insert(Experiment).returning(Experiment.id, **ordered), experiments).all()
        rows = itertools.chain.from_iterable(_rows(of_one) for of_one in found)
        chunks = [
            chunk
            for experiment, values in zip(ids, rows, strict=True)
            for chunk in _chunks(experiment, values)
        ]
        if chunks:
            session.execute(insert(MetricChunk), chunks)


def _rows(readings: Readings) -> Iterator[dict[str, Any]]:
    """Yield what each repetition has, by name: a number, or a list of those of all steps."""
    columns = [values.tolist() for values in readings.values()]
    for values in zip(*columns, strict=True):
        yield dict(zip(readings, values, strict=True))


def _chunks(experiment: int, values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, curve in values.items():
        if isinstance(curve, list):
            logged = np.array(curve, dtype="<f8").tobytes()
            yield {
                "experiment_id": experiment,
                "attempt_number": 1,
                "metric": name,
                "number": 0,
                "count": len(curve),
                "steps": np.arange(len(curve), dtype="<i8").tobytes(),
                "readings": logged,
                "seconds": logged,
            }


def drawn(generator: np.random.Generator, shape: tuple[int, ...]) -> Readings:
    """Return readings whose true values are those of `TRUTHS`."""
    plain = generator.normal(size=shape)
    return {"plain": plain, "positive": 10 + plain, "hit": generator.random(shape) < RATE}


@pytest.fixture
def database(clean_process: None, tmp_path: Path) -> Iterator[Path]:
    """Configure a database of its own; return the folder of what is written."""
    configure(f"sqlite:///{tmp_path / 'studies.db'}")
    yield tmp_path
    dispose_engines()


def coverage(numbers: pd.DataFrame, truth: float) -> float:
    """Return the share of intervals that hold the true value."""
    assert numbers[["low", "high"]].notna().all(axis=None)
    return float(((numbers["low"] <= truth) & (truth <= numbers["high"])).mean())


def numbers_of_figures(folder: Path) -> dict[str, pd.DataFrame]:
    """Return what a report of the series writes beside each figure."""
    with scoped_session(read_only=True) as session:
        (report,) = generate_reports(session, "studies", folder, workers=1)
    assert report.errors == {}
    found = {
        figure.name: next(path for path in figure.paths if path.name == "data.csv")
        for figure in report.figures
    }
    return {name: pd.read_csv(path).fillna({"interval": ""}) for name, path in found.items()}


def test_intervals_of_graphs(database: Path) -> None:
    """Of curves with independent steps, each is that of its estimator and number of repetitions."""
    generator = np.random.default_rng(5)
    common = {"kind": "curve", "hue": "size", "style": "half"}
    write_series(
        {
            "name": "studies",
            "grid": {"size": [*SIZES], "half": [0, 1]},
            "repeat": {"seeds": max(SIZES)},
            "metrics": BOUNDS,
            "graphs": [{"name": name, **common, **shown} for name, (shown, *_) in SHOWN.items()],
        },
        lambda parameters: drawn(generator, (parameters["size"], STEPS)),
    )
    for name, numbers in numbers_of_figures(database).items():
        shown, methods, (least, most) = SHOWN[name]
        for size, found in numbers.groupby("parameters.size"):
            assert set(found["interval"]) == {methods.get(size, "")}, (name, size)
            assert (len(found), set(found["n"])) == (STUDIES, {size})
            if size in methods:
                assert least <= coverage(found, TRUTHS[shown["y"]]) <= most, (name, size)


def test_intervals_of_averages(database: Path) -> None:
    """Whole repetitions are right whether the tasks of a repetition share luck or not."""
    generator = np.random.default_rng(7)
    luck = {(size, half): generator.normal(size=(size, STEPS)) for size in OF_AVERAGES for half in (0, 1)}

    def readings(parameters: Mapping[str, Any]) -> Readings:
        size, half = parameters["size"], parameters["half"]
        own = generator.normal(size=(size, STEPS))
        return {"own": own, "shared": own + luck[size, half]}

    common = {"kind": "curve", "hue": "size", "style": "half", "over": "task"}
    write_series(
        {
            "name": "studies",
            "grid": {"size": [*OF_AVERAGES], "half": [0, 1], "task": [*range(26)]},
            "repeat": {"seeds": max(OF_AVERAGES)},
            "graphs": [{"name": name, **common, **shown} for name, shown in AVERAGES.items()],
        },
        readings,
    )
    for name, numbers in numbers_of_figures(database).items():
        for size, found in numbers.groupby("parameters.size"):
            assert (len(found), set(found["interval"])) == (STUDIES, {"t"})
            assert 0.92 <= coverage(found, 0) <= 0.98, (name, size)


def test_intervals_of_tables(database: Path) -> None:
    """Of configurations with a cell each, they are those of graphs."""
    generator = np.random.default_rng(6)
    common = {"rows": "row", "columns": "column", "to": "csv", "bold": "none", "significance": False}
    write_series(
        {
            "name": "studies",
            "grid": {"row": [*range(STUDIES // 50)], "column": [*range(50)]},
            "repeat": {"seeds": OF_TABLES},
            "metrics": BOUNDS,
            "tables": [{"name": name, **common, **shown} for name, (shown, *_) in SHOWN.items()],
        },
        lambda _parameters: drawn(generator, (OF_TABLES,)),
    )
    with scoped_session(read_only=True) as session:
        tables = generate_all_tables(session, "studies", database)
    assert {table.name: table.error for table in tables} == dict.fromkeys(SHOWN)
    for table in tables:
        shown, _, (least, most) = SHOWN[table.name]
        numbers = pd.read_csv(table.paths[0])
        assert (len(numbers), set(numbers["n"])) == (STUDIES, {OF_TABLES})
        assert least <= coverage(numbers, TRUTHS[shown["y"]]) <= most, table.name


@pytest.mark.parametrize("luck", ["own", "shared"])
def test_averages_of_tables(database: Path, luck: str) -> None:
    """Over five tasks, with each estimator that tables have: 1,000 studies of five repetitions."""
    generator = np.random.default_rng(8)
    shared = {place: generator.normal(size=5) * (luck == "shared") for place in np.ndindex(20, 50)}
    common = {"y": "score", "rows": "row", "columns": "column", "over": "task"}
    write_series(
        {
            "name": "studies",
            "grid": {"row": [*range(20)], "column": [*range(50)], "task": [*range(5)]},
            "repeat": {"seeds": 5},
            "tables": [
                {
                    "name": name,
                    "estimator": name,
                    "to": "csv",
                    "bold": "none",
                    "significance": False,
                    **common,
                }
                for name in ("mean", "iqm", "median")
            ],
        },
        lambda one: {"score": generator.normal(size=5) + shared[one["row"], one["column"]]},
    )
    with scoped_session(read_only=True) as session:
        tables = generate_all_tables(session, "studies", database)
    assert {table.name: table.error for table in tables} == dict.fromkeys(("mean", "iqm", "median"))
    for table in tables:
        most = 1 if table.name == "median" else 0.98
        assert 0.92 <= coverage(pd.read_csv(table.paths[0]), 0) <= most, table.name
