"""Which experiments of a series an expression is true of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.expressions import Expression, parse
from database.expressions.recorded import RecordedNames
from database.queries.series_lookup import find_series
from experiments.series_file.axes import axes, parameter_names

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from database.models import ExperimentSeries


def expression_of(session: Session, series: str | ExperimentSeries, text: str) -> Expression:
    """Return an expression whose names are those of a series.

    Raises
    ------
    NotFoundError
        There is no such series.
    ExpressionError
        It cannot be read, or has a name that the series does not have.
    """
    found = find_series(session, series)
    given = parameter_names(axes(found.resolved))
    return parse(text, RecordedNames(session, found.id, (tuple(name.split(".")) for name in given)))


def condition_of(session: Session, series: str | ExperimentSeries, text: str) -> ColumnElement[bool]:
    """Return an expression as a condition on `Experiment` for the database of `session`.

    Raises
    ------
    NotFoundError
        There is no such series.
    ExpressionError
        It cannot be read, or has a name that the series does not have.
    """
    return expression_of(session, series, text).to_sql(session)
