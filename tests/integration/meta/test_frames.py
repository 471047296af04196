"""pandas frames of a series, on both databases."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from database.errors import NotFoundError
from database.models import Attempt, Experiment, ExperimentSeries, ExperimentStatus, Outcome
from database.session.lifecycle import scoped_session
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
    with scoped_session(read_only=True) as session:
        frame = load_experiments(session, "study")
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
        (row,) = load_experiments(session, "study").to_dict("records")
    assert math.isnan(row["nan"])
    assert (row["inf"], row["huge"], row["text"], row["yes"]) == (math.inf, 10**400, "größe", True)
    assert row["none"] is None or math.isnan(row["none"])


def test_no_two_columns_share_a_name(database_url: str, write_series, written) -> None:
    """A parameter or result named like something else gets a suffix that says what it is."""
    results = {"lr": 9.0, "status": "fine", "lr_result": 1, "a": {"b": 1}, "a.b": 2}
    with scoped_session() as session:
        write_series(session, lambda _p, _r: written(results=results), grid={"lr": [0.1], "id": [5]})
        frame = load_experiments(session, "study")
    assert frame.columns.is_unique
    (row,) = frame.to_dict("records")
    assert (row["lr"], row["id_parameter"], row["status"]) == (0.1, 5, "completed")
    assert (row["lr_result_result"], row["lr_result"], row["status_result"]) == (9.0, 1, "fine")
    assert (row["a.b"], row['["a.b"]']) == (1, 2)


def test_an_empty_series_is_an_empty_frame(database_url: str) -> None:
    """Without experiments there are columns and no rows."""
    with scoped_session() as session:
        session.add(ExperimentSeries(name="empty", resolved={}, target="m:f"))
        session.flush()
        assert len(load_experiments(session, "empty")) == 0
        curves = load_curves(session, "empty")
    assert len(curves) == 0
    assert curves.dtypes["value"] == "float64"


def test_unknown_names_are_answered_with_the_known(database_url: str, write_series, written) -> None:
    """A wrong series or metric says which there are."""
    chunks = {(1, "loss", 0): ([0], [1.0])}
    with scoped_session() as session:
        write_series(session, lambda _p, _r: written(results={}, chunks=chunks))
        with pytest.raises(NotFoundError, match=r"no series named 'stdy' in .*; did you mean 'study'\?"):
            load_experiments(session, "stdy")
        with pytest.raises(NotFoundError, match=r"metric named 'los'; did you mean 'loss'\?"):
            load_curves(session, "study", ["los"])


def test_one_row_per_logged_point(database_url: str, write_series, written) -> None:
    """Points of all metrics and experiments, sorted by metric, experiment and step."""

    def outcome(parameters, repetition):
        first = {(1, "loss", 0): ([0, 1], [1.0, math.nan]), (1, "loss", 1): ([2], [3.0])}
        return written(results={}, chunks={**first, (1, "acc", 0): ([5], [0.1 * parameters["k"]])})

    with scoped_session() as session:
        write_series(session, outcome, grid={"k": [1, 2]}, repeat={"seeds": 2})
        frame = load_curves(session, "study")
        only = load_curves(session, "study", ["acc", "acc"])
        experiments = load_experiments(session, "study").set_index("id")
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
        frame = load_curves(session, "study")
    assert frame["metric"].tolist() == ["loss", "loss"]
    assert frame["step"].tolist() == [2, 4]
    assert frame["value"].tolist() == [22.5, 24.5]
    assert frame["seconds"].tolist() == [22.0, 20.0]
