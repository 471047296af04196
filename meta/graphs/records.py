"""Everything the graphs of a series are computed from, read at once and then independent of the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models import Configuration, Experiment, ExperimentSeries, ExperimentStatus
from experiments.parameters import flatten
from experiments.series_file.graphs import GraphSpec
from experiments.series_file.models import MetricSection, SeriesFile
from experiments.series_lookup import find_series
from meta.curves import metric_names, read_curves
from meta.frames import flat_results
from meta.graphs.code_versions import CodeVersion, read_code_versions
from meta.graphs.dependence import ParameterTable
from meta.graphs.values import ABSENT, ValueSet
from meta.statistics.curves import Curve


@dataclass(frozen=True)
class CompletedExperiment:
    """One repetition whose result is recorded; `results` by dotted name."""

    id: int
    repetition: int
    results: Mapping[str, Any]


@dataclass(frozen=True)
class ConfigurationRecord:
    """One configuration, its parameters by dotted name, and its completed experiments by repetition."""

    id: int
    parameters: Mapping[str, Any]
    completed: Sequence[CompletedExperiment]


@dataclass(frozen=True)
class SeriesRecords:
    """The records of one series.

    Attributes
    ----------
    name : str
    configurations : sequence of ConfigurationRecord
        In the order of the series file; without those it no longer names.
    statuses : mapping of ExperimentStatus to int
        How many experiments there are of each, claimed ones as pending; without retired ones.
    retired : int
        How many completed experiments the series file no longer names: they are left out.
    curves : mapping of str to mapping of int to Curve
        Per metric, the curves of completed experiments by their id.
    labels : mapping of str to MetricSection
        How metrics and results are shown.
    specs : sequence of GraphSpec
        The graphs that the series file asks for.
    where : str or None
        What is true of these experiments, when they are not all.
    code : sequence of CodeVersion
        What the completed experiments ran.
    """

    name: str
    configurations: Sequence[ConfigurationRecord]
    statuses: Mapping[ExperimentStatus, int]
    retired: int = 0
    curves: Mapping[str, Mapping[int, Curve]] = field(default_factory=dict)
    labels: Mapping[str, MetricSection] = field(default_factory=dict)
    specs: Sequence[GraphSpec] = ()
    where: str | None = None
    code: Sequence[CodeVersion] = ()

    def parameter_values(self) -> dict[str, ValueSet]:
        """Return the distinct values of each parameter, by its dotted name."""
        names = dict.fromkeys(name for found in self.configurations for name in found.parameters)
        return {
            name: ValueSet(found.parameters.get(name, ABSENT) for found in self.configurations)
            for name in names
        }

    def parameter_table(self, values: Mapping[str, ValueSet]) -> ParameterTable:
        """Return which of `values` each configuration has."""
        return ParameterTable(values, [found.parameters for found in self.configurations])

    def result_names(self) -> list[str]:
        """Return the dotted names of everything that completed experiments returned."""
        return list(
            dict.fromkeys(
                name
                for configuration in self.configurations
                for experiment in configuration.completed
                for name in experiment.results
            )
        )


def read_records(
    session: Session, series: str | ExperimentSeries, file: SeriesFile | None = None
) -> SeriesRecords:
    """Read everything the graphs of a series need.

    Parameters
    ----------
    session : Session
    series : str or ExperimentSeries
        The series or its name.
    file : SeriesFile, optional
        Which graphs, labels and units; by default as recorded when the series was last created.

    Raises
    ------
    NotFoundError
        There is no such series.
    """
    found = find_series(session, series)
    file = file or SeriesFile.model_validate(found.resolved)
    completed: dict[int, list[CompletedExperiment]] = {}
    named: set[int] = set()
    statuses: Counter[ExperimentStatus] = Counter()
    retired = 0
    for row in session.execute(_experiment_rows(found.id)):
        if row.retired:
            retired += row.status is ExperimentStatus.COMPLETED
            continue
        named.add(row.configuration_id)
        claimed = row.status is ExperimentStatus.CLAIMED
        statuses[ExperimentStatus.PENDING if claimed else row.status] += 1
        if row.status is ExperimentStatus.COMPLETED:
            experiment = CompletedExperiment(row.id, row.repetition, flat_results(row.results))
            completed.setdefault(row.configuration_id, []).append(experiment)
    configurations = [
        ConfigurationRecord(row.id, flatten(row.parameters), completed.get(row.id, []))
        for row in session.execute(_configuration_rows(found.id))
        if row.id in named
    ]
    return SeriesRecords(
        name=found.name,
        configurations=configurations,
        statuses=statuses,
        retired=retired,
        curves={
            metric: read_curves(session, found.id, metric)
            for metric in _needed_metrics(file.graphs, metric_names(session, found.id))
        },
        labels=file.metrics,
        specs=file.graphs,
        code=read_code_versions(session, found.id),
    )


def _needed_metrics(specs: Sequence[GraphSpec], logged: Sequence[str]) -> list[str]:
    """Return the metrics whose curves will be drawn: all of them when no graph is asked for."""
    asked = {spec.y for spec in specs}
    return [metric for metric in logged if not specs or metric in asked]


def _experiment_rows(series_id: int) -> Any:
    return (
        select(
            Experiment.id,
            Experiment.configuration_id,
            Experiment.repetition,
            Experiment.status,
            Experiment.retired,
            Experiment.results,
        )
        .where(Experiment.series_id == series_id)
        .order_by(Experiment.configuration_id, Experiment.repetition)
    )


def _configuration_rows(series_id: int) -> Any:
    return (
        select(Configuration.id, Configuration.parameters)
        .where(Configuration.series_id == series_id)
        .order_by(Configuration.position, Configuration.id)
    )
