"""Finding a series by its name, or by its id, which a rename does not change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.engine.wrong_use import WrongUseError, check_given, described, takes_session
from database.errors import NotFoundError
from database.models import ExperimentSeries
from database.settings import safe_url
from database.suggestions import suggestion


@takes_session
def find_series(session: Session, series: str | int | ExperimentSeries) -> ExperimentSeries:
    """Return the series with a name or id.

    Raises
    ------
    NotFoundError
        There is no such series; for a name, the message lists the existing names, and names the database.
    WrongUseError
        Something else is given.
    """
    if isinstance(series, ExperimentSeries):
        if series.id is None:
            raise WrongUseError(f"the series {series.name} is not recorded: add it, and flush the session")
        return series
    if isinstance(series, int) and not isinstance(series, bool):
        known = session.get(ExperimentSeries, series)
        if known is None:
            raise NotFoundError(
                f"there is no series with the id {series}; it may have been deleted meanwhile"
            )
        return known
    if not isinstance(series, str):
        raise WrongUseError(f"a series is given by its name, its id or itself, not by {described(series)}")
    found = session.scalar(select(ExperimentSeries).where(ExperimentSeries.name == series))
    if found is None:
        raise NotFoundError(
            f"there is no series named {series!r} in {place_of(session)}; "
            f"{suggestion(series, series_names(session), kind='the database has')}"
        )
    return found


def place_of(session: Session) -> str:
    """Return the URL of a session's database for messages, without its secrets."""
    return safe_url(session.get_bind(ExperimentSeries).engine.url)


def has_name(session: Session, name: str) -> bool:
    """Return whether a series has exactly this name."""
    return session.scalar(select(ExperimentSeries.id).where(ExperimentSeries.name == name)) is not None


def series_names(session: Session) -> list[str]:
    """Return the names of all series, sorted."""
    return list(session.scalars(select(ExperimentSeries.name).order_by(ExperimentSeries.name)))


@takes_session
def find_several(
    session: Session, series: str | ExperimentSeries | Sequence[str | ExperimentSeries] | None
) -> list[ExperimentSeries]:
    """Return the named series without repeats, or (None) all of the database, sorted by name.

    Raises
    ------
    NotFoundError
        A name is that of no series.
    """
    if series is None:
        return list(session.scalars(select(ExperimentSeries).order_by(ExperimentSeries.name)))
    several = [series] if isinstance(series, str | ExperimentSeries) else series
    check_given("several series are given as a list of their names", several, Iterable)
    return list(dict.fromkeys(find_series(session, name) for name in several))
