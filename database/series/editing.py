"""Editing a series: its name, priority and notes, and whether it is paused.

A rename changes the displayed name and nothing else: runners know the series by its id, and its logs,
files and graphs stay in the folder it was created with.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from database.engine.taken_names import NameTakenError, name_taken
from database.engine.wrong_use import takes_session
from database.errors import ExperimentsError, NotFoundError
from database.models import ExperimentSeries
from database.models.series import MAX_PRIORITY
from database.names import series_name
from database.session.optimistic_locking import check_version, reporting_conflicts


class InvalidEditError(ExperimentsError, ValueError):
    """The new name or priority of a series is not valid."""


@dataclass(frozen=True)
class SeriesEdit:
    """The changes of a series; None leaves an attribute as it is.

    Attributes
    ----------
    notes : str or None
        Free text.
    paused : bool or None
        True lets workers finish what they own and claim nothing more; False resumes.
    name : str or None
        As in a series file.
    priority : int or None
        From -1000 to 1000: of several series that run together, the one with the highest is next.
    """

    notes: str | None = None
    paused: bool | None = None
    name: str | None = None
    priority: int | None = None


@takes_session
def edit_series(
    session: Session,
    series_id: int,
    edit: SeriesEdit,
    *,
    version: int | None = None,
    changed_by: str | None = None,
) -> ExperimentSeries:
    """Change a series, unless another session changed it meanwhile.

    Parameters
    ----------
    session : Session
        Committed by the caller.
    series_id : int
    edit : SeriesEdit
    version : int, optional
        The version that the change is based on; by default the current one.
    changed_by : str, optional
        The user who makes the change, such as that of a web application; by default this process's user.

    Returns
    -------
    ExperimentSeries
        The changed series, of `session`.

    Raises
    ------
    InvalidEditError
        The name or priority is invalid.
    NotFoundError
        There is no such series.
    ConcurrentUpdateError
        It was changed since; the message names the user and the time.
    NameTakenError
        Another series has the name.
    """
    _check(edit)
    series = session.get(ExperimentSeries, series_id)
    if series is None:
        raise NotFoundError(f"there is no series with the id {series_id}")
    if version is not None:
        check_version(series, version)
    if edit.name is not None and edit.name != series.name:
        with reporting_conflicts(session):
            session.flush()  # other pending changes first, so that only this one can be refused below
        if session.scalar(select(ExperimentSeries.id).where(ExperimentSeries.name == edit.name)) is not None:
            raise NameTakenError(
                f"series {series.name} cannot be called {edit.name}: {name_taken(edit.name)}"
            )
    for name in ("name", "notes", "paused", "priority"):
        value = getattr(edit, name)
        if value is not None and value != getattr(series, name):
            setattr(series, name, value)
    if changed_by is not None and series in session.dirty:
        series.changed_by = changed_by
        flag_modified(
            series, "changed_by"
        )  # otherwise an unchanged value would be replaced by this process's user
    with reporting_conflicts(session):
        session.flush()
    return series


def _check(edit: SeriesEdit) -> None:
    if edit.name is not None:
        try:
            series_name(edit.name)
        except ValueError as error:
            raise InvalidEditError(f"the new name of a series: {error}") from error
    if edit.priority is not None and not -MAX_PRIORITY <= edit.priority <= MAX_PRIORITY:
        raise InvalidEditError(
            f"a priority is a whole number from -{MAX_PRIORITY} to {MAX_PRIORITY}, not {edit.priority}"
        )
