"""The records of a series that graphs and tables are computed from, independent of the database."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.series_file.models import AnalysisSection, MetricSection
from experiments.series_file.sections.graph_kinds import OF_METRIC
from experiments.series_file.sections.graphs import GraphSpec
from experiments.series_file.sections.tables import TableSpec
from meta.formats.none_chosen import none_of
from meta.records.attempts import AttemptRecord
from meta.records.code_versions import ExperimentsCode
from meta.records.measures import Measure, measure_of_curves, measure_of_results
from meta.records.value_set import ABSENT, ParameterTable, ValueSet
from meta.statistics.estimators.arrays import Floats
from meta.statistics.estimators.curves import Curve


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
    unfinished : mapping of int to str
        The experiments that are not completed, by id: for failed ones the outcome of their last attempt,
        for others the status, pending for claimed ones.
    """

    id: int
    parameters: Mapping[str, Any]
    completed: Sequence[CompletedExperiment]
    unfinished: Mapping[int, str] = field(default_factory=dict)

    @property
    def missing(self) -> Counter[str]:
        """How many experiments are not completed, by outcome or status."""
        return Counter(self.unfinished.values())


@dataclass(frozen=True)
class RetiredRecord:
    """The completed experiments of a configuration that are retired, by their ids."""

    configuration_id: int
    parameters: Mapping[str, Any]
    experiments: Sequence[int]


@dataclass(frozen=True)
class SeriesRecords:
    """The records of one series.

    Attributes
    ----------
    name : str
    configurations : sequence of ConfigurationRecord
        In the order of the series file; without those it no longer names.
    no_longer_named : sequence of RetiredRecord
        The configurations of retired completed experiments, which are left out.
    curves : mapping of str to mapping of int to Curve
        Per metric, the curves of completed experiments by their id.
    times : mapping of str to mapping of int to ndarray
        Per metric that is drawn over time, the seconds since the start of the attempt, by point.
    attempts : sequence of AttemptRecord
        By their start; only if a time line is drawn.
    timed_out_s : mapping of int to float
        How long the last attempts of experiments ran that were timed out, by their id.
    labels : mapping of str to MetricSection
        How metrics and results are shown.
    specs : sequence of GraphSpec
        The graphs that the series file requests.
    where : str or None
        The expression that these experiments match; None for all experiments.
    step_counters : frozenset of str
        The metrics that only count the steps; determined for default graphs and tables only.
    chosen_from : int
        How many experiments `where` chose them from.
    experiments_code : ExperimentsCode
        The code that the completed experiments of each configuration ran, also of configurations that were
        left out since.
    tables : sequence of TableSpec
        The tables that it requests.
    shares_seeds : bool
        Whether a repetition has the same seed in all configurations, so that they can be paired.
    analysis : AnalysisSection
        What belongs together, by the series file.
    whole : SeriesRecords or None
        The whole series that these were chosen from; None where they are the whole.
    measures : mapping of str to Measure
        Those that are known without `whole`, which a figure is drawn without.
    """

    name: str
    configurations: Sequence[ConfigurationRecord]
    no_longer_named: Sequence[RetiredRecord] = ()
    curves: Mapping[str, Mapping[int, Curve]] = field(default_factory=dict)
    times: Mapping[str, Mapping[int, Floats]] = field(default_factory=dict)
    attempts: Sequence[AttemptRecord] = ()
    timed_out_s: Mapping[int, float] = field(default_factory=dict)
    labels: Mapping[str, MetricSection] = field(default_factory=dict)
    specs: Sequence[GraphSpec] = ()
    where: str | None = None
    chosen_from: int = 0
    step_counters: frozenset[str] = frozenset()
    experiments_code: ExperimentsCode = field(default_factory=ExperimentsCode)
    tables: Sequence[TableSpec] = ()
    shares_seeds: bool = True
    analysis: AnalysisSection = field(default_factory=AnalysisSection)
    whole: SeriesRecords | None = None
    measures: Mapping[str, Measure] = field(default_factory=dict)

    @property
    def code(self) -> ExperimentsCode:
        """The code that the completed experiments ran."""
        return self.experiments_code.of({member.id for member in self.configurations})

    def label_of(self, key: str) -> MetricSection:
        """Return how a result or metric is shown; of the summary of a metric, what fits it."""
        of_metric = OF_METRIC.fullmatch(key)
        of_its_name = self.labels.get(of_metric["metric"] if of_metric else key, MetricSection())
        label = self.labels.get(key, of_its_name)
        # How often a metric was logged has neither its unit nor its goal.
        is_count = of_metric is not None and of_metric["statistic"] == "count"
        return MetricSection(label=label.label) if is_count else label

    def measure(self, key: str) -> Measure:
        """Return what the readings of the whole series tell about a result, or about a metric's curves.

        Parameters
        ----------
        key : str
            The dotted name of a result or, if there is none of that name, of a metric whose curves are read.
        """
        if key in self.measures:
            return self.measures[key]
        return (self.whole or self)._measure(key)

    @functools.cached_property
    def _measured(self) -> dict[str, Measure]:
        return {}

    def _measure(self, key: str) -> Measure:
        if key not in self._measured:
            kind = self.label_of(key).kind
            completed = [one for member in self.configurations for one in member.completed]
            values = [one.results[key] for one in completed if key in one.results]
            if values or key not in self.curves:
                self._measured[key] = measure_of_results(values, kind)
            else:
                curves = [curve.readings for curve in self.curves[key].values()]
                self._measured[key] = measure_of_curves(curves, kind)
        return self._measured[key]

    @property
    def retired(self) -> int:
        """How many completed experiments are retired, and therefore left out."""
        return sum(len(retired.experiments) for retired in self.no_longer_named)

    def missing(self) -> Counter[str]:
        """Return how many experiments are not completed, by outcome or status."""
        return sum((member.missing for member in self.configurations), Counter[str]())

    def size(self) -> int:
        """Return how many experiments there are."""
        return sum(len(member.completed) for member in self.configurations) + self.missing().total()

    def nothing_chosen(self) -> str | None:
        """Return the message for a selection without experiments; None if there are some, or no selection."""
        if self.where is None or self.size():
            return None
        return none_of(self.chosen_from, self.name, where=self.where)

    def nothing_completed(self) -> str:
        """Return the message for a series, or a selection, without completed experiments."""
        if self.where is None:
            return f"the series {self.name!r} has no completed experiment yet"
        missing = none_of(self.size(), self.name, where=self.where, otherwise="is completed")
        return self.nothing_chosen() or missing

    def parameter_values(self) -> dict[str, ValueSet]:
        """Return the distinct values of each parameter, by its dotted name."""
        names = dict.fromkeys(name for member in self.configurations for name in member.parameters)
        return {
            name: ValueSet(member.parameters.get(name, ABSENT) for member in self.configurations)
            for name in names
        }

    def parameter_table(self, values: Mapping[str, ValueSet]) -> ParameterTable:
        """Return the table of parameters of all configurations."""
        return ParameterTable(values, [member.parameters for member in self.configurations])

    def metric_names(self) -> list[str]:
        """Return the names of all metrics of which completed experiments have a last value."""
        return [
            name.removeprefix("metrics.").removesuffix(".last")
            for name in self.result_names()
            if name.startswith("metrics.") and name.endswith(".last")
        ]

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
