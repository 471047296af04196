"""Ending sessions, also those whose connection is gone: there is nothing left to save then."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session


def roll_back(session: Session) -> None:
    """Undo what was not committed; a connection too broken for that is thrown away."""
    _or_throw_away(session, session.rollback)


def close(session: Session) -> None:
    """Close it, with what was not committed; a connection too broken for that is thrown away."""
    _or_throw_away(session, session.close)


def _or_throw_away(session: Session, step: Callable[[], None]) -> None:
    try:
        step()
    except SQLAlchemyError:
        session.invalidate()
