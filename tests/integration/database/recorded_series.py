"""What many tests of sessions need: series to record, what is recorded, and another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sqlalchemy import func, select

from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal, scoped_session


def series(name: str) -> ExperimentSeries:
    """Return a series that may be added."""
    return ExperimentSeries(name=name, resolved={}, target="a:b")


def add(name: str) -> None:
    """Record a series, in a scope of its own."""
    with scoped_session() as session:
        session.add(series(name))


def names() -> list[str]:
    """Return the names of all recorded series."""
    with SessionLocal() as session:
        return list(session.scalars(select(ExperimentSeries.name).order_by(ExperimentSeries.name)))


def count() -> int:
    """Return how many series are recorded."""
    with SessionLocal() as session:
        return session.scalar(select(func.count()).select_from(ExperimentSeries)) or 0


def in_thread(work: Callable[[], object]) -> list[BaseException]:
    """Run it in another thread; return what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to the test
            raised.append(error)

    thread = threading.Thread(target=run, name="helper")
    thread.start()
    thread.join()
    return raised
