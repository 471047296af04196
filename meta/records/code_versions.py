"""The versions of the code that experiments ran, from the provenance of their runners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from database.models import Attempt, Experiment, ExperimentStatus, Runner, Worker


@dataclass(frozen=True)
class CodeVersion:
    """The state of the code that some experiments ran.

    Attributes
    ----------
    commit : str or None
        Of git; None when it was not under version control, or is unknown.
    uncommitted : bool or None
        Whether there were uncommitted changes; None without a commit.
    experiments : int
        How many completed experiments ran it, without retired ones.
    """

    commit: str | None
    uncommitted: bool | None
    experiments: int


@dataclass(frozen=True)
class ConfigurationCode:
    """How many completed experiments of a configuration ran that code."""

    configuration_id: int
    commit: str | None
    uncommitted: bool | None
    experiments: int


def read_code(
    session: Session, series_id: int, conditions: Sequence[ColumnElement[bool]] = ()
) -> list[ConfigurationCode]:
    """Return the code that the completed experiments of each configuration ran.

    Parameters
    ----------
    session : Session
    series_id : int
    conditions : sequence
        On `Experiment`: only experiments that match all of them.
    """
    completing = (Attempt.experiment_id == Experiment.id) & (Attempt.number == Experiment.attempt_number)
    by_worker = (
        select(Experiment.configuration_id, Attempt.worker_id, func.count().label("experiments"))
        .select_from(Experiment)
        .outerjoin(Attempt, completing)
        .where(
            Experiment.series_id == series_id,
            Experiment.status == ExperimentStatus.COMPLETED,
            Experiment.retired.is_(False),
            *conditions,
        )
        .group_by(Experiment.configuration_id, Attempt.worker_id)
        .subquery()
    )
    rows = session.execute(
        select(by_worker.c.configuration_id, Runner.git_commit, Runner.git_dirty, by_worker.c.experiments)
        .select_from(by_worker)
        .outerjoin(Worker, Worker.id == by_worker.c.worker_id)
        .outerjoin(Runner, Runner.id == Worker.runner_id)
    )
    return [ConfigurationCode(*row) for row in rows]


def versions_of(
    code: Iterable[ConfigurationCode], configuration_ids: Container[int]
) -> tuple[CodeVersion, ...]:
    """Return the versions that the experiments of these configurations ran, most experiments first."""
    counts: Counter[tuple[str | None, bool | None]] = Counter()
    for part in code:
        if part.configuration_id in configuration_ids:
            counts[part.commit, part.uncommitted] += part.experiments
    versions = [CodeVersion(*version, count) for version, count in counts.items()]
    versions.sort(key=lambda one: (-one.experiments, one.commit or "", one.uncommitted or False))
    return tuple(versions)
