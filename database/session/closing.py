"""Ending sessions, also when the connection is lost: then there is nothing left to roll back."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session


def roll_back(session: Session) -> None:
    """Roll back; a connection too broken for that is invalidated."""
    _or_invalidate(session, session.rollback)


def close(session: Session) -> None:
    """Close a session, rolling back; a connection too broken for that is invalidated."""
    _or_invalidate(session, session.close)


def _or_invalidate(session: Session, step: Callable[[], None]) -> None:
    try:
        step()
    except SQLAlchemyError:
        session.invalidate()
