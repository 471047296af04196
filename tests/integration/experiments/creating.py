"""Creating series from files, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from database.models import Configuration, Experiment, ExperimentSeries
from database.session.lifecycle import scoped_session
from experiments.creation import Created, create_series

Write = Callable[..., Path]


def create(source: Any) -> Created:
    with scoped_session() as session:
        return create_series(session, source)


def rows(*, retired: bool = False) -> list[tuple[dict[str, Any], int, int]]:
    """Return (parameters, repetition, position) of all experiments, in the order to run them."""
    with scoped_session(read_only=True) as session:
        found = session.execute(
            select(Configuration.parameters, Experiment.repetition, Experiment.position)
            .join(Experiment.configuration)
            .where(Experiment.retired == retired)
            .order_by(Experiment.position, Experiment.id)
        )
        return [(row[0], row[1], row[2]) for row in found]


def series_row() -> ExperimentSeries:
    with scoped_session() as session:
        return session.scalars(select(ExperimentSeries)).one()
