"""Selecting the experiments of a series by an expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.engine.wrong_use import check_given
from database.expressions import Expression, parse
from database.expressions.recorded import RecordedNames
from database.queries.series_lookup import find_series
from experiments.series_file.axes import axes, parameter_names
from experiments.target.current_code import current_code

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from database.models import ExperimentSeries


def expression_of(
    session: Session, series: str | ExperimentSeries, text: str, *, is_recorded: bool = False
) -> Expression:
    """Return an expression whose names are those of a series.

    Parameters
    ----------
    session : Session
    series : str or ExperimentSeries
        The series or its name.
    text : str
    is_recorded : bool
        Recorded by any version of this program, whose words for outcomes are translated.

    Raises
    ------
    NotFoundError
        There is no such series.
    WrongUseError
        It is no text.
    ExpressionError
        It is not valid, has a name that the series does not have, or compares `status` or `outcome`
        with a text that is none of their words.
    TargetError
        It asks for the code on disk, and there is no file of the series' function.
    """
    check_given("an expression is text, such as 'lr > 0.1'", text, str)
    return parse(text, names_of(session, find_series(session, series)), is_recorded=is_recorded)


def names_of(session: Session, series: ExperimentSeries) -> RecordedNames:
    """Return the names that expressions about a series may have."""
    return RecordedNames(
        session,
        series.id,
        (tuple(name.split(".")) for name in parameter_names(axes(series.resolved))),
        current_code=lambda: current_code(session, series),
    )


def condition_of(
    session: Session, series: str | ExperimentSeries, text: str, *, is_recorded: bool = False
) -> ColumnElement[bool]:
    """Return an expression as a condition on `Experiment` for the database of `session`.

    The parameters and errors are those of `expression_of`.
    """
    return expression_of(session, series, text, is_recorded=is_recorded).to_sql(session)
