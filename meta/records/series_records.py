"""Everything the graphs of a series are computed from, read at once and then independent of the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models import Configuration, Experiment, ExperimentSeries, ExperimentStatus
from database.queries.experiment_rows import select_experiments, shown_status
from database.queries.series_lookup import find_series
from database.suggestions import MAX_LISTED, suggestion
from experiments.parameters import flatten
from experiments.series_file.models import MetricSection, SeriesFile
from experiments.series_file.sections.graph_kinds import rules_of
from experiments.series_file.sections.graphs import SECONDS, GraphSpec, Where
from experiments.series_file.sections.tables import TableSpec
from meta.records.attempts import AttemptRecord, read_attempts
from meta.records.code_versions import CodeVersion, ConfigurationCode, read_code, versions_of
from meta.records.curves import metric_names, read_curves, read_timed_curves
from meta.records.errors import GraphError
from meta.records.flat_results import flat_results
from meta.records.parameter_table import ParameterTable
from meta.records.value_set import ABSENT, ValueSet, labels_of
from meta.statistics.estimators.curves import Curve

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CompletedExperiment:
    """One repetition whose result is recorded; `results` by dotted name."""

    id: int
    repetition: int
    results: Mapping[str, Any]


@dataclass(frozen=True)
class ConfigurationRecord:
    """One configuration.

    Attributes
    ----------
    id : int
    parameters : mapping
        By dotted name.
    completed : sequence of CompletedExperiment
        By repetition.
    missing : mapping of str to int
        How many experiments are not completed: failed ones by the outcome of their last attempt, the
        others by status, claimed ones as pending.
    """

    id: int
    parameters: Mapping[str, Any]
    completed: Sequence[CompletedExperiment]
    missing: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RetiredRecord:
    """How many completed experiments of a configuration the series file no longer names."""

    configuration_id: int
    parameters: Mapping[str, Any]
    count: int


@dataclass(frozen=True)
class SeriesRecords:
    """The records of one series.

    Attributes
    ----------
    name : str
    configurations : sequence of ConfigurationRecord
        In the order of the series file; without those it no longer names.
    no_longer_named : sequence of RetiredRecord
        Of the configurations with completed experiments that are left out for this reason.
    curves : mapping of str to mapping of int to Curve
        Per metric, the curves of completed experiments by their id.
    times : mapping of str to mapping of int to ndarray
        The same for the seconds since the start of each point; of metrics that are drawn over time.
    attempts : sequence of AttemptRecord
        By their start; only where a time line is drawn.
    labels : mapping of str to MetricSection
        How metrics and results are shown.
    specs : sequence of GraphSpec
        The graphs that the series file asks for.
    where : str or None
        What is true of these experiments, when they are not all.
    code : sequence of CodeVersion
        What the completed experiments ran.
    configuration_code : sequence of ConfigurationCode
        The same by configuration, so that what is chosen can be told.
    tables : sequence of TableSpec
        The tables that it asks for.
    shares_seeds : bool
        Whether one repetition has the same seed in all configurations, so that they make pairs.
    """

    name: str
    configurations: Sequence[ConfigurationRecord]
    no_longer_named: Sequence[RetiredRecord] = ()
    curves: Mapping[str, Mapping[int, Curve]] = field(default_factory=dict)
    times: Mapping[str, Mapping[int, Floats]] = field(default_factory=dict)
    attempts: Sequence[AttemptRecord] = ()
    labels: Mapping[str, MetricSection] = field(default_factory=dict)
    specs: Sequence[GraphSpec] = ()
    where: str | None = None
    code: Sequence[CodeVersion] = ()
    configuration_code: Sequence[ConfigurationCode] = ()
    tables: Sequence[TableSpec] = ()
    shares_seeds: bool = True

    @property
    def retired(self) -> int:
        """How many completed experiments the series file no longer names: they are left out."""
        return sum(one.count for one in self.no_longer_named)

    def missing(self) -> Counter[str]:
        """Return how many experiments are not completed, by outcome or status."""
        return sum((Counter(found.missing) for found in self.configurations), Counter[str]())

    def size(self) -> int:
        """Return how many experiments there are."""
        return sum(len(found.completed) for found in self.configurations) + self.missing().total()

    def nothing_completed(self) -> str:
        """Return what is to be said where there is nothing to show."""
        if self.where is not None:
            return f"no completed experiment is one where {self.where}"
        return f"the series {self.name!r} has no completed experiment yet"

    def chosen(self, wanted: Where | None) -> SeriesRecords:
        """Return the records of the configurations that have these values: one each, or one of a list.

        What is no mapping chooses nothing here: expressions are for `meta.records.subsets`.

        Raises
        ------
        GraphError
            There is no such parameter, or no configuration has the value.
        """
        if not wanted or isinstance(wanted, str):
            return self
        values = self.parameter_values()
        chosen: dict[str, set[int]] = {}
        for name, one in wanted.items():
            if name not in values:
                raise GraphError(
                    f"where: there is no parameter named {name!r}; "
                    f"{suggestion(name, values, kind='parameters of the series')}"
                )
            several = one if isinstance(one, list | tuple) and one not in values[name] else [one]
            unknown = [value for value in several if value not in values[name]]
            if unknown or not several:
                raise GraphError(
                    f"where: no configuration has {name} = {_called(unknown or [[]], values[name])}; "
                    f"its values: {', '.join(values[name].labels[:MAX_LISTED])}"
                )
            chosen[name] = {values[name].place(value) for value in several}

        def has_all(parameters: Mapping[str, Any]) -> bool:
            has = {name: parameters.get(name, ABSENT) for name in chosen}
            # What only retired configurations have is none of the values.
            return all(
                one in values[name] and values[name].place(one) in chosen[name] for name, one in has.items()
            )

        kept = [found for found in self.configurations if has_all(found.parameters)]
        if not kept:
            raise GraphError("where: each value is there, but no configuration has all of them")
        ids = {found.id for found in kept}
        return replace(
            self,
            configurations=kept,
            code=versions_of(self.configuration_code, ids),
            no_longer_named=[one for one in self.no_longer_named if has_all(one.parameters)],
            attempts=[one for one in self.attempts if one.configuration_id in ids],
        )

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


def _called(unknown: Sequence[Any], known: ValueSet) -> str:
    """Return what an unknown value is called beside the known ones: 2.0 is not 2."""
    return labels_of([unknown[0], *known.values])[0]


def read_records(
    session: Session,
    series: str | ExperimentSeries,
    file: SeriesFile | None = None,
    *,
    with_curves: bool = True,
) -> SeriesRecords:
    """Read everything the graphs and tables of a series need.

    Parameters
    ----------
    session : Session
    series : str or ExperimentSeries
        The series or its name.
    file : SeriesFile, optional
        Which graphs, tables, labels and units; by default as recorded when the series was last created.
    with_curves : bool
        Tables need no logged points, which can be many: False leaves them, and attempts, out.

    Raises
    ------
    NotFoundError
        There is no such series.
    """
    found = find_series(session, series)
    file = file or SeriesFile.recorded(found.resolved)
    completed: dict[int, list[CompletedExperiment]] = {}
    missing: dict[int, Counter[str]] = {}
    seeds: dict[int, set[int]] = {}
    retired: Counter[int] = Counter()
    causes = causes_of_failures(session, found.id)
    rows = (
        select_experiments("id", "configuration", "repetition", "seed", "status", "retired", "results")
        .where(Experiment.series_id == found.id)
        .order_by(Experiment.configuration_id, Experiment.repetition)
    )
    for row in session.execute(rows):
        if row.retired:
            retired[row.configuration] += row.status is ExperimentStatus.COMPLETED
            continue
        seeds.setdefault(row.repetition, set()).add(row.seed)
        others = missing.setdefault(row.configuration, Counter())
        if row.status is not ExperimentStatus.COMPLETED:
            others[causes.get(row.id, shown_status(row.status))] += 1
        else:
            experiment = CompletedExperiment(row.id, row.repetition, flat_results(row.results))
            completed.setdefault(row.configuration, []).append(experiment)
    configurations, no_longer_named = [], []
    for row in session.execute(_configuration_rows(found.id)):
        parameters = flatten(row.parameters)
        if row.id in missing:
            repetitions = completed.get(row.id, [])
            configurations.append(ConfigurationRecord(row.id, parameters, repetitions, missing[row.id]))
        if retired[row.id]:
            no_longer_named.append(RetiredRecord(row.id, parameters, retired[row.id]))
    graphs = file.graphs if with_curves else ()
    code = read_code(session, found.id)
    curves, times = _curves(session, found.id, graphs) if with_curves else ({}, {})
    return SeriesRecords(
        name=found.name,
        configurations=configurations,
        no_longer_named=no_longer_named,
        curves=curves,
        times=times,
        attempts=read_attempts(session, found.id) if _draw_attempts(graphs) else (),
        labels=file.metrics,
        specs=file.graphs,
        code=versions_of(code, {one.configuration_id for one in code}),
        configuration_code=code,
        tables=file.tables,
        shares_seeds=all(len(several) == 1 for several in seeds.values()),
    )


def causes_of_failures(session: Session, series_id: int) -> dict[int, str]:
    """Return the outcome of the last attempt of each failed experiment, by its id."""
    failed = select_experiments("id", "outcome").where(
        Experiment.series_id == series_id, Experiment.status == ExperimentStatus.FAILED
    )
    return {row.id: row.outcome.value for row in session.execute(failed) if row.outcome is not None}


def _curves(
    session: Session, series_id: int, specs: Sequence[GraphSpec]
) -> tuple[dict[str, dict[int, Curve]], dict[str, dict[int, Floats]]]:
    """Return the curves that will be drawn, of all metrics when no graph is asked for, and their times."""
    asked = {spec.y for spec in specs}
    timed = {spec.y for spec in specs if spec.x == SECONDS}
    curves: dict[str, dict[int, Curve]] = {}
    times: dict[str, dict[int, Floats]] = {}
    for metric in metric_names(session, series_id):
        if metric in timed:
            found = list(read_timed_curves(session, series_id, metric, for_graphs=True))
            curves[metric] = {one.experiment_id: one.curve for one in found}
            times[metric] = {one.experiment_id: one.seconds for one in found}
        elif not specs or metric in asked:
            curves[metric] = read_curves(session, series_id, metric)
    return curves, times


def _draw_attempts(specs: Sequence[GraphSpec]) -> bool:
    return any(rules_of(spec.kind).of_attempts for spec in specs)


def _configuration_rows(series_id: int) -> Any:
    return (
        select(Configuration.id, Configuration.parameters)
        .where(Configuration.series_id == series_id)
        .order_by(Configuration.position, Configuration.id)
    )
