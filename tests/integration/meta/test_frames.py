"""pandas frames of a series, on both databases."""

from __future__ import annotations

import math
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select
from sqlalchemy.pool import QueuePool

from database import events
from database.engine.registry import get_engine
from database.engine.wrong_use import WrongUseError
from database.errors import DatabaseMissingError, NotFoundError
from database.expressions import ExpressionError
from database.models import Attempt, Experiment, ExperimentSeries, ExperimentStatus, Outcome
from database.session.lifecycle import SessionLocal, scoped_session
from meta.frames import load_curves, load_experiments


def test_one_row_per_experiment(database_url: str, write_series, written) -> None:
    """Every experiment of every status is a row with its parameters and results by dotted name."""

    def outcome(parameters, repetition):
        if parameters["model.depth"] == 4 and repetition == 1:
            return written(status=ExperimentStatus.FAILED, attempts=3)
        if parameters["model.depth"] == 4:
            return written(status=ExperimentStatus.CLAIMED)
        results = {"accuracy": 0.5 + repetition, "size": {"total": 7}, "path": ["a", 1]}
        return written(results=results)

    with scoped_session() as session:
        write_series(session, outcome, fixed={"lr": 0.1}, grid={"model.depth": [2, 4]}, repeat={"seeds": 2})
        claimed = session.scalars(
            select(Experiment.id).where(Experiment.status == ExperimentStatus.CLAIMED)
        ).one()
        # Claimed before and given back unstarted: that is not shown as an attempt.
        session.add(Attempt(experiment_id=claimed, number=1, worker_id="w", outcome=Outcome.RELEASED))
    frame = load_experiments("study")
    assert list(frame.columns) == [
        *("id", "configuration", "repetition", "seed", "status", "attempts", "duration_s", "retired"),
        *("lr", "model.depth", "accuracy", "size.total", "path"),
    ]
    rows = frame.set_index(["model.depth", "repetition"]).sort_index()
    assert rows["status"].tolist() == ["completed", "completed", "pending", "failed"]
    assert rows["attempts"].tolist() == [1, 1, 0, 3]
    assert rows.loc[(4, 1), "duration_s"] == 1.5
    assert math.isnan(rows.loc[(4, 0), "duration_s"])
    assert rows["accuracy"].tolist()[:2] == [0.5, 1.5]
    assert rows["accuracy"].isna().tolist() == [False, False, True, True]
    assert rows["path"].iloc[0] == ["a", 1]
    assert frame["seed"].tolist() == [100, 100, 101, 101]
    assert (frame["accuracy"].dtype, frame["model.depth"].dtype) == ("float64", "int64")


def test_results_survive_exactly(database_url: str, write_series, written) -> None:
    """NaN, infinities, large integers and text come back as they were returned."""
    values = {"nan": math.nan, "inf": math.inf, "huge": 10**400, "text": "größe", "none": None, "yes": True}
    with scoped_session() as session:
        write_series(session, lambda _p, _r: written(results=values))
    (row,) = load_experiments("study").to_dict("records")
    assert math.isnan(row["nan"])
    assert (row["inf"], row["huge"], row["text"], row["yes"]) == (math.inf, 10**400, "größe", True)
    assert row["none"] is None or math.isnan(row["none"])


def test_no_two_columns_share_a_name(database_url: str, write_series, written) -> None:
    """A parameter or result named like something else gets a suffix that says what it is."""
    results = {"lr": 9.0, "status": "fine", "lr_result": 1, "a": {"b": 1}, "a.b": 2}
    with scoped_session() as session:
        write_series(session, lambda _p, _r: written(results=results), grid={"lr": [0.1], "id": [5]})
    frame = load_experiments("study")
    assert frame.columns.is_unique
    (row,) = frame.to_dict("records")
    assert (row["lr"], row["id_parameter"], row["status"]) == (0.1, 5, "completed")
    assert (row["lr_result_result"], row["lr_result"], row["status_result"]) == (9.0, 1, "fine")
    assert (row["a.b"], row['["a.b"]']) == (1, 2)


def test_an_empty_series_is_an_empty_frame(database_url: str) -> None:
    """Without experiments there are columns and no rows."""
    with scoped_session() as session:
        session.add(ExperimentSeries(name="empty", resolved={}, target="m:f"))
    assert len(load_experiments("empty")) == 0
    curves = load_curves("empty", parameters=True)
    assert len(curves) == 0
    assert curves.dtypes["value"] == "float64"


def test_unknown_names_are_answered_with_the_known(database_url: str, write_series, written) -> None:
    """A wrong series or metric says which there are."""
    chunks = {(1, "loss", 0): ([0], [1.0])}
    with scoped_session() as session:
        write_series(session, lambda _p, _r: written(results={}, chunks=chunks))
    with pytest.raises(NotFoundError, match=r"no series named 'stdy' in .*; did you mean 'study'\?"):
        load_experiments("stdy")
    with pytest.raises(NotFoundError, match=r"metric named 'los'; did you mean 'loss'\?"):
        load_curves("study", "los")
    with pytest.raises(ExpressionError, match=r"there is nothing named acuracy"):
        load_curves("study", where="acuracy > 0.5")


def test_one_row_per_logged_point(database_url: str, write_series, written) -> None:
    """Points of all metrics and experiments, sorted by metric, experiment and step."""

    def outcome(parameters, repetition):
        first = {(1, "loss", 0): ([0, 1], [1.0, math.nan]), (1, "loss", 1): ([2], [3.0])}
        return written(results={}, chunks={**first, (1, "acc", 0): ([5], [0.1 * parameters["k"]])})

    with scoped_session() as session:
        write_series(session, outcome, grid={"k": [1, 2]}, repeat={"seeds": 2})
    frame = load_curves("study")
    only = load_curves("study", ["acc", "acc"])
    experiments = load_experiments("study").set_index("id")
    assert list(frame.columns) == [
        *("experiment", "configuration", "repetition", "metric", "step", "value", "seconds")
    ]
    assert isinstance(frame["metric"].dtype, pd.CategoricalDtype)
    assert len(frame) == 4 * 4
    ordered = frame.sort_values(["metric", "experiment", "step"], kind="stable")
    pd.testing.assert_frame_equal(frame, ordered)
    loss = frame[frame["metric"] == "loss"]
    assert loss["step"].tolist() == [0, 1, 2] * 4
    np.testing.assert_array_equal(loss["value"], [1.0, np.nan, 3.0] * 4)
    assert loss["seconds"].tolist() == [10.0, 11.0, 10.0] * 4
    assert only["metric"].tolist() == ["acc"] * 4
    pd.testing.assert_frame_equal(load_curves("study", "acc"), only)
    for column in ("configuration", "repetition"):
        assert (frame[column] == frame["experiment"].map(experiments[column])).all()


def test_curves_are_those_of_the_completed_attempt(database_url: str, write_series, written) -> None:
    """Nothing of an attempt before it, not even where it has no point; for one step the later point wins."""
    chunks = {
        (1, "loss", 0): ([0, 1, 2, 3], [10.0, 11.0, 12.0, 13.0]),
        (1, "acc", 0): ([0], [99.0]),
        (2, "loss", 0): ([2, 4, 2], [22.0, 24.0, 22.5]),
        (2, "loss", 5): ([4], [24.5]),
    }
    with scoped_session() as session:
        write_series(session, lambda _p, _r: written(results={}, chunks=chunks, attempts=2))
    frame = load_curves("study")
    assert frame["metric"].tolist() == ["loss", "loss"]
    assert frame["step"].tolist() == [2, 4]
    assert frame["value"].tolist() == [22.5, 24.5]
    assert frame["seconds"].tolist() == [22.0, 20.0]


def test_parameters_beside_each_point(database_url: str, write_series, written) -> None:
    """Each in a column of its own type, by dotted name; one named like a column of points gets a suffix."""

    def outcome(parameters, _repetition):
        return written(results={}, chunks={(1, "loss", 0): ([0, 1], [parameters["model.lr"], 0.0])})

    with scoped_session() as session:
        write_series(session, outcome, fixed={"step": 7}, grid={"model.lr": [0.1, 0.5], "net": ["a", "b"]})
    frame = load_curves("study", "loss", parameters=True)
    assert list(frame.columns[-4:]) == ["seconds", "step_parameter", "model.lr", "net"]
    assert (frame["model.lr"].dtype, frame["step_parameter"].dtype) == ("float64", "int64")
    assert frame["step"].tolist() == [0, 1] * 4
    assert frame["net"].tolist() == ["a", "a", "b", "b"] * 2
    first = frame[frame["step"] == 0]
    assert first["value"].tolist() == first["model.lr"].tolist() == [0.1, 0.1, 0.5, 0.5]


def test_where_chooses_experiments(database_url: str, write_series, written) -> None:
    """An expression, as for --where, applies to experiments and to the points of experiments."""

    def outcome(parameters, repetition):
        return written(results={"y": repetition}, chunks={(1, "loss", 0): ([0], [parameters["lr"]])})

    with scoped_session() as session:
        write_series(session, outcome, grid={"lr": [0.1, 0.5]}, repeat={"seeds": 2})
    assert load_experiments("study", "lr > 0.2 and y == 1")[["lr", "y"]].to_numpy().tolist() == [[0.5, 1]]
    assert load_curves("study", where="lr > 0.2")["value"].tolist() == [0.5, 0.5]
    assert len(load_curves("study", "loss", "y == 5")) == 0


def test_metrics_of_any_iterable(database_url: str, write_series, written) -> None:
    """Names of metrics may come from a generator, which is read once."""
    chunks = {(1, "loss", 0): ([0], [1.0]), (1, "score", 0): ([0], [2.0])}
    with scoped_session() as session:
        write_series(session, lambda _p, _r: written(results={}, chunks=chunks))
    frame = load_curves("study", (name for name in ("score", "loss")))
    assert frame["value"].tolist() == [2.0, 1.0]


@pytest.mark.parametrize("wrong", [5, Path("loss"), ["loss", 5], [None], b"loss"])
def test_arguments_of_another_type(database_url: str, write_series, written, wrong) -> None:
    """What is no name of a metric, and no text of an expression, is told what is taken."""
    with scoped_session() as session:
        write_series(session, lambda _p, _r: written(results={}, chunks={(1, "loss", 0): ([0], [1.0])}))
    with pytest.raises(WrongUseError, match=r"metrics are given by their names: .*, not"):
        load_curves("study", wrong)
    for load in (load_experiments, load_curves):
        with pytest.raises(WrongUseError, match=r"an expression is text, such as 'lr > 0\.1', not"):
            load("study", where=wrong)


def test_a_session_of_their_own_is_closed(database_url: str, write_series, written) -> None:
    """One for each call, closed when it returns or raises: no connection stays in use."""
    with scoped_session() as session:
        write_series(session, lambda _p, _r: written(results={"y": 1}))

    def fails(error: type[Exception], *arguments: str) -> None:
        with pytest.raises(error):
            load_curves(*arguments)

    for read in (
        lambda: load_experiments("study", "y == 1", partial=True),
        lambda: load_curves("study", parameters=True),
        lambda: fails(NotFoundError, "stdy"),
        lambda: fails(NotFoundError, "study", "los"),
        lambda: fails(ExpressionError, "study", "loss", "y ="),
    ):
        before = events.totals()
        read()
        now = events.totals()
        changed = {kind for kind, count in now.items() if count != before[kind]}
        assert {"opened", "begun", "closed"} < changed
        assert [now[kind] - before[kind] for kind in ("opened", "begun", "closed")] == [1, 1, 1]
        assert cast(QueuePool, get_engine().pool).checkedout() == 0


def test_a_given_session_is_used(database_url: str, write_series, written) -> None:
    """What it has not committed is read, and it stays open; inside a scope its session is used unasked."""
    with SessionLocal() as session:
        write_series(session, lambda _p, _r: written(results={"y": 1}, chunks={(1, "m", 0): ([0], [1.0])}))
        assert len(load_experiments("study", session=session)) == 1
        assert len(load_curves("study", session=session)) == 1
        assert session.in_transaction()
        with pytest.raises(TypeError, match=r'a session as session=: \("first", session=session\)'):
            load_curves(session, "study")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"session= or url=, not both"):
            load_experiments("study", session=session, url=database_url)
        session.rollback()
    with scoped_session() as session:
        write_series(session, lambda _p, _r: written(results={"y": 1}))
        assert len(load_experiments("study")) == 1


def test_another_database(database_url: str, tmp_path: Path, write_series, written) -> None:
    """It is named by its URL, and only read: one that does not exist is not made."""
    other = f"sqlite:///{tmp_path / 'other.db'}"
    with pytest.raises(DatabaseMissingError):
        load_experiments("study", url=other)
    with scoped_session(url=other) as session:
        write_series(session, lambda _p, _r: written(results={}, chunks={(1, "m", 0): ([0], [1.0])}))
    assert len(load_experiments("study", url=other)) == 1
    assert len(load_curves("study", url=other)) == 1
    with pytest.raises(NotFoundError):
        load_experiments("study")
