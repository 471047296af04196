"""A dry run of creating a series: how many experiments it would add, without writing anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from database.models import Configuration, Experiment, ExperimentSeries
from experiments.expansion import count, expand
from experiments.series_file.loading import LoadedSeries
from experiments.supervisor.name_notice import NameNotice


@dataclass(frozen=True)
class DryRun:
    """The differences between a series file and the database.

    Attributes
    ----------
    new : int
        Experiments that creating it would add.
    existing : int
        Experiments of the file that the database has.
    retired : int
        Experiments of the database that the file does not name.
    target : str or None
        The target of the series in the database; None when there is no series of that name.
    remarks : sequence of str
        Names in graphs, tables and `metrics` that no completed experiment has.
    """

    new: int
    existing: int
    retired: int
    target: str | None
    remarks: Sequence[str] = ()


def dry_run(session: Session, loaded: LoadedSeries) -> DryRun:
    """Compare a checked series file with the series of its name.

    Parameters
    ----------
    session : Session
        Best in a read-only scope.
    loaded : LoadedSeries
        What `create_series` would create.
    """
    total = count(loaded.file).experiments
    series = session.execute(
        select(ExperimentSeries.id, ExperimentSeries.target).where(ExperimentSeries.name == loaded.file.name)
    ).first()
    if series is None:
        return DryRun(new=total, existing=0, retired=0, target=None)
    named = func.sum(case((Experiment.repetition < loaded.file.repeat.seeds, 1), else_=0))
    rows = session.execute(
        select(Configuration.key, named, func.count(Experiment.id))
        .outerjoin(Experiment, Experiment.configuration_id == Configuration.id)
        .where(Configuration.series_id == series.id)
        .group_by(Configuration.id, Configuration.key)
    )
    recorded = {key: (int(repetitions), int(all_)) for key, repetitions, all_ in rows}
    existing = sum(
        recorded[configuration.key][0]
        for configuration in expand(loaded.file)
        if configuration.key in recorded
    )
    everything = sum(all_ for _, all_ in recorded.values())
    names = NameNotice(series.id, loaded.file.to_record(), loaded)
    names.check(session)
    return DryRun(total - existing, existing, everything - existing, series.target, names.remarks())
