"""pandas frames of a series: one row per experiment, one row per logged point.

Columns of `load_experiments`, in this order: the records' own (see there), then parameters and results
by dotted name. A name is never used twice: a parameter named like one of the records' own columns
gets the suffix ``_parameter``, a result named like anything before it the suffix ``_result``.

Both functions read one snapshot, in a session of their own that is closed when they return or raise; inside a
`scoped_session` on the same database they read what that reads, and with `session` they use that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, select, true
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from database.engine.wrong_use import WrongUseError, check_given
from database.models import Attempt, Configuration, Experiment, ExperimentSeries
from database.queries.experiment_rows import select_experiments, shown_status
from database.queries.series_lookup import find_series
from database.session.lifecycle import scoped_session
from experiments.parameters import flatten_recorded
from experiments.where import condition_of
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
    series: str | ExperimentSeries,
    where: str | None = None,
    *,
    partial: bool = False,
    session: Session | None = None,
    url: str | URL | None = None,
) -> pd.DataFrame:
    """Return a frame with one row per experiment of a series, in the order they were created.

    Parameters
    ----------
    series : str or ExperimentSeries
        The series or its name.
    where : str, optional
        An expression, as for ``--where``: only experiments that match it.
    partial : bool
        Also return what was valid of a result that could not be stored, where the last attempt ended so;
        the status of these experiments is failed.
    session : Session, optional
        An open session to read with; it stays open.
    url : str or URL, optional
        Another database than this process's.

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
        There is no such series; the message names those that there are.
    ExpressionError
        `where` cannot be read, or has a name that the series does not have.
    WrongUseError
        A session is given in place of the series, `session` and `url` together, or something of another type.
    """
    with _reading(series, where, session, url) as (reading, series_id, condition):
        statement = (
            select_experiments(*_OWN_COLUMNS, "results")
            .where(Experiment.series_id == series_id, condition)
            .order_by(Experiment.position, Experiment.id)
        )
        if partial:
            statement = statement.add_columns(Attempt.partial)
        rows = reading.execute(statement).all()
        parameters = _parameters(reading, series_id)
    own = pd.DataFrame([tuple(row[: len(_OWN_COLUMNS)]) for row in rows], columns=list(_OWN_COLUMNS))
    own = own.astype({"duration_s": "float64"})
    own["status"] = [shown_status(status) for status in own["status"]]
    described = _wide([parameters[row.configuration] for row in rows])
    # One of the two at most: an attempt that completed has no partial result.
    results = _wide([flatten_recorded(row.results or (row.partial if partial else None)) for row in rows])
    described = _renamed(described, taken=own.columns, suffix="_parameter")
    results = _renamed(results, taken=[*own.columns, *described.columns], suffix="_result")
    return pd.concat([own, described, results], axis=1)


def load_curves(
    series: str | ExperimentSeries,
    metrics: str | Iterable[str] | None = None,
    where: str | None = None,
    *,
    parameters: bool = False,
    session: Session | None = None,
    url: str | URL | None = None,
) -> pd.DataFrame:
    """Return a frame with one row per logged point of a series.

    Parameters
    ----------
    series : str or ExperimentSeries
        The series or its name.
    metrics : str or iterable of str, optional
        Only this metric, or these; by default all.
    where : str, optional
        An expression, as for ``--where``: only points of experiments that match it.
    parameters : bool
        Add a column for each parameter.
    session : Session, optional
        An open session to read with; it stays open.
    url : str or URL, optional
        Another database than this process's.

    Returns
    -------
    DataFrame
        Columns ``experiment`` (its id), ``configuration`` (its id), ``repetition``, ``metric`` (categorical),
        ``step``, ``value``, ``seconds`` (since the start of the attempt), then, if asked for, parameters by
        dotted name; sorted by metric, experiment and step. Experiments of every status are in it, each with
        the points of one attempt: the completed one, else the last; for one step the later point wins.

    Raises
    ------
    NotFoundError
        There is no such series, or it has logged no such metric; the message names those that there are.
    ExpressionError
        `where` cannot be read, or has a name that the series does not have.
    WrongUseError
        A session is given in place of the series, `session` and `url` together, or something of another type.
    """
    with _reading(series, where, session, url) as (reading, series_id, condition):
        known = curves.metric_names(reading, series_id)
        chosen = known if metrics is None else curves.known_metrics(_names(metrics), known)
        places = {
            experiment_id: (configuration_id, repetition)
            for experiment_id, configuration_id, repetition in reading.execute(
                select(Experiment.id, Experiment.configuration_id, Experiment.repetition).where(
                    Experiment.series_id == series_id, condition
                )
            )
        }
        logged = [
            (number, timed)
            for number, metric in enumerate(chosen)
            for timed in curves.read_curves(reading, series_id, metric, where=condition, timed=True)
        ]
        described = _parameters(reading, series_id) if parameters else {}
    lengths = [len(timed.curve.steps) for _, timed in logged]

    def repeated(values: Iterable[int]) -> np.ndarray[Any, Any]:
        return np.repeat(np.fromiter(values, dtype=np.int64, count=len(logged)), lengths)

    def joined(parts: list[np.ndarray[Any, Any]], dtype: str) -> np.ndarray[Any, Any]:
        return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)

    points = pd.DataFrame(
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
    if not parameters:
        return points
    each = _wide([described[places[timed.experiment_id][0]] for _, timed in logged])
    each = _renamed(each, taken=points.columns, suffix="_parameter")
    beside = each.take(repeated(range(len(logged)))).reset_index(drop=True)
    return pd.concat([points, beside], axis=1)


@contextmanager
def _reading(
    series: str | ExperimentSeries, where: str | None, session: Session | None, url: str | URL | None
) -> Iterator[tuple[Session, int, ColumnElement[bool]]]:
    """Open a session, unless one is given; yield it, the series' id, and the condition on experiments."""
    if isinstance(series, Session):
        raise WrongUseError(
            'begin with the series, and give a session as session=: ("first", session=session)'
        )
    if session is None:
        with scoped_session(read_only=True, url=url) as own:
            yield own, *_chosen(own, series, where)
    elif url is not None:
        raise WrongUseError("give session= or url=, not both: a session has its database")
    else:
        yield session, *_chosen(session, series, where)


def _names(metrics: str | Iterable[str]) -> list[str]:
    """Return what may be one name as a list."""
    takes = "metrics are given by their names: a text, or a list of texts"
    check_given(takes, metrics, Iterable)
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in names:
        check_given(takes, name, str)
    return names


def _chosen(
    session: Session, series: str | ExperimentSeries, where: str | None
) -> tuple[int, ColumnElement[bool]]:
    found = find_series(session, series)
    return found.id, true() if where is None else condition_of(session, found, where)


def _parameters(session: Session, series_id: int) -> dict[int, dict[str, Any]]:
    """Return the parameters of each configuration by its id, with dotted names."""
    configurations = select(Configuration.id, Configuration.parameters)
    return {
        configuration_id: flatten_recorded(nested)
        for configuration_id, nested in session.execute(
            configurations.where(Configuration.series_id == series_id)
        )
    }


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
