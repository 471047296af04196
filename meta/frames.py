"""pandas frames of a series: one row per experiment, one row per logged point.

Columns of `load_experiments`, in this order: the records' own (see there), then parameters and results
by dotted name. A name is never used twice: a parameter named like one of the records' own columns
gets the suffix ``_parameter``, a result named like anything before it the suffix ``_result``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models import Attempt, Configuration, Experiment, ExperimentSeries
from database.queries.experiment_rows import select_experiments, shown_status
from database.queries.series_lookup import find_series
from experiments.parameters import flatten_recorded
from meta.records import curves

_OWN_COLUMNS = (
    "id",
    "configuration",
    "repetition",
    "seed",
    "status",
    "attempts",
    "duration_s",
    "retired",
)


def load_experiments(
    session: Session, series: str | ExperimentSeries, *, partial: bool = False
) -> pd.DataFrame:
    """Return a frame with one row per experiment of a series, in the order they were created.

    Parameters
    ----------
    session : Session
        A scope with ``read_only=True`` gives one consistent snapshot.
    series : str or ExperimentSeries
        The series or its name.
    partial : bool
        Also return what was valid of a result that could not be stored, where the last attempt ended so;
        the status of these experiments is failed.

    Returns
    -------
    DataFrame
        Columns ``id``, ``configuration`` (its id), ``repetition``, ``seed``, ``status``, ``attempts`` (that
        were started), ``duration_s`` (of the last recorded attempt), ``retired`` (no longer named by the
        series file), then parameters and results by dotted name (``model.depth``, ``metrics.loss.last``).
        Values that an experiment does not have are NaN or None.

    Raises
    ------
    NotFoundError
        There is no such series.
    """
    series_id = find_series(session, series).id
    statement = (
        select_experiments(*_OWN_COLUMNS, "results")
        .where(Experiment.series_id == series_id)
        .order_by(Experiment.position, Experiment.id)
    )
    if partial:
        statement = statement.add_columns(Attempt.partial)
    rows = session.execute(statement).all()
    own = pd.DataFrame([tuple(row[: len(_OWN_COLUMNS)]) for row in rows], columns=list(_OWN_COLUMNS))
    own = own.astype({"duration_s": "float64"})
    own["status"] = [shown_status(status) for status in own["status"]]
    parameters = {
        configuration_id: flatten_recorded(nested)
        for configuration_id, nested in session.execute(
            select(Configuration.id, Configuration.parameters).where(Configuration.series_id == series_id)
        )
    }
    described = _wide([parameters[row.configuration] for row in rows])
    # One of the two at most: an attempt that completed has no partial result.
    results = _wide([flatten_recorded(row.results or (row.partial if partial else None)) for row in rows])
    described = _renamed(described, taken=own.columns, suffix="_parameter")
    results = _renamed(results, taken=[*own.columns, *described.columns], suffix="_result")
    return pd.concat([own, described, results], axis=1)


def load_curves(
    session: Session, series: str | ExperimentSeries, metrics: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return a frame with one row per logged point of a series.

    Parameters
    ----------
    session : Session
        A scope with ``read_only=True`` gives one consistent snapshot.
    series : str or ExperimentSeries
        The series or its name.
    metrics : sequence of str, optional
        Only these; by default all.

    Returns
    -------
    DataFrame
        Columns ``experiment`` (its id), ``configuration`` (its id), ``repetition``, ``metric`` (categorical),
        ``step``, ``value``, ``seconds`` (since the start of the attempt), sorted by metric, experiment and
        step. Experiments of every status are in it, each with the points of one attempt: the completed one,
        else the last; for one step the later point wins.

    Raises
    ------
    NotFoundError
        There is no such series, or it has logged no such metric.
    """
    series_id = find_series(session, series).id
    known = curves.metric_names(session, series_id)
    chosen = known if metrics is None else curves.known_metrics(metrics, known)
    places = {
        experiment_id: (configuration_id, repetition)
        for experiment_id, configuration_id, repetition in session.execute(
            select(Experiment.id, Experiment.configuration_id, Experiment.repetition).where(
                Experiment.series_id == series_id
            )
        )
    }
    logged = [
        (number, timed)
        for number, metric in enumerate(chosen)
        for timed in curves.read_curves(session, series_id, metric, for_graphs=False, timed=True)
    ]
    lengths = [len(timed.curve.steps) for _, timed in logged]

    def repeated(values: Iterable[int]) -> np.ndarray[Any, Any]:
        return np.repeat(np.fromiter(values, dtype=np.int64, count=len(logged)), lengths)

    def joined(parts: list[np.ndarray[Any, Any]], dtype: str) -> np.ndarray[Any, Any]:
        return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)

    return pd.DataFrame(
        {
            "experiment": repeated(timed.experiment_id for _, timed in logged),
            "configuration": repeated(places[timed.experiment_id][0] for _, timed in logged),
            "repetition": repeated(places[timed.experiment_id][1] for _, timed in logged),
            "metric": pd.Categorical.from_codes(
                repeated(number for number, _ in logged), categories=pd.Index(chosen)
            ),
            "step": joined([timed.curve.steps for _, timed in logged], "int64"),
            "value": joined([timed.curve.readings for _, timed in logged], "float64"),
            "seconds": joined([timed.seconds for _, timed in logged], "float64"),
        }
    )


def _wide(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return one column per name, in order of first appearance, in the narrowest lossless type."""
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {
        name: pd.Series([row.get(name) for row in rows], dtype=object).infer_objects() for name in names
    }
    return pd.DataFrame(columns, index=range(len(rows)))


def _renamed(frame: pd.DataFrame, *, taken: Iterable[str], suffix: str) -> pd.DataFrame:
    taken = list(taken)
    used = {*taken, *frame.columns}
    names = {}
    for name in frame.columns.intersection(pd.Index(taken), sort=False):
        new = name + suffix
        while new in used:
            new += suffix
        names[name] = new
        used.add(new)
    return frame.rename(columns=names)
