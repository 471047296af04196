"""What people change of a series by hand: its name, priority and notes, and whether it goes on.

A rename changes the name that people see and nothing else: whoever is at work on the series holds its
id, and its logs, files and graphs stay in the folder it was created with.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from database.errors import ExperimentsError, NotFoundError
from database.models import ExperimentSeries
from database.models.series import MAX_PRIORITY
from database.names import series_name
from database.session.optimistic_locking import check_version, naming_conflicts


class InvalidEditError(ExperimentsError, ValueError):
    """What a series was to be changed to is impossible."""


class NameTakenError(ExperimentsError):
    """A series was to get the name of another one."""


@dataclass(frozen=True)
class SeriesEdit:
    """What is to be changed; None stays as it is.

    Attributes
    ----------
    notes : str or None
        What people want to remember.
    paused : bool or None
        True lets workers finish what they hold and claim nothing more; False lets them go on.
    name : str or None
        What people call it from now on; as in a series file.
    priority : int or None
        From -1000 to 1000: of several series that are run together, the one with the highest is next.
    """

    notes: str | None = None
    paused: bool | None = None
    name: str | None = None
    priority: int | None = None


def edit_series(
    session: Session,
    series_id: int,
    edit: SeriesEdit,
    *,
    version: int | None = None,
    changed_by: str | None = None,
) -> ExperimentSeries:
    """Change a series, unless somebody else did meanwhile.

    Parameters
    ----------
    session : Session
        Committed by its owner.
    series_id : int
        Of the series.
    edit : SeriesEdit
        What is changed.
    version : int, optional
        The `version` that the person saw who decided this; by default that of now.
    changed_by : str, optional
        That person, where it is not the one this process runs as: the user of a web application.

    Returns
    -------
    ExperimentSeries
        Of `session`, changed.

    Raises
    ------
    InvalidEditError
        The name or priority cannot be one.
    NotFoundError
        There is no such series.
    ConcurrentUpdateError
        It was changed since; the message says by whom and when.
    NameTakenError
        Another series has the name.
    """
    _check(edit)
    series = session.get(ExperimentSeries, series_id)
    if series is None:
        raise NotFoundError(f"there is no series with the id {series_id}")
    if version is not None:
        check_version(series, version)
    before, renamed = series.name, edit.name is not None and edit.name != series.name
    if renamed:
        with naming_conflicts(session):
            session.flush()  # of what else is waiting, so that nothing but our change can be refused below
        if session.scalar(select(ExperimentSeries.id).where(ExperimentSeries.name == edit.name)) is not None:
            raise _taken(before, str(edit.name))
    for name in ("name", "notes", "paused", "priority"):
        value = getattr(edit, name)
        if value is not None and value != getattr(series, name):
            setattr(series, name, value)
    if changed_by is not None and series in session.dirty:
        series.changed_by = changed_by
        flag_modified(series, "changed_by")  # otherwise the same person twice would become this process's
    try:
        with naming_conflicts(session):
            session.flush()
    except IntegrityError as error:
        if not renamed:
            raise
        raise _taken(before, str(edit.name)) from error  # somebody took it in this moment
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


def _taken(name: str, wanted: str) -> NameTakenError:
    return NameTakenError(
        f"series {name} cannot be called {wanted}: there is another series {wanted}; "
        f"`experiments status {wanted}` shows it. Choose another name"
    )
