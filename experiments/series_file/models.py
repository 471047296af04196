"""The models of a series file's sections: what `load_series_file` returns and the database keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictInt, StrictStr

from database.names import series_name
from database.redaction import recorded_webhook
from experiments.series_file.axes import PARAMETER_SECTIONS, Axis, axes, parameter_names
from experiments.series_file.sections.execute import ExecuteSection
from experiments.series_file.sections.fields import Section, Text
from experiments.series_file.sections.graphs import GraphSpec
from experiments.series_file.sections.tables import TableSpec

#: The maximum number of experiments in one series.
MAX_EXPERIMENTS = 1_000_000


class RunSection(Section):
    """What is run: `function` is ``module:function`` or ``path/file.py:function``."""

    function: Text


class RepeatSection(Section):
    """How often each configuration is repeated: `seeds` times, with as many different seeds."""

    seeds: Annotated[StrictInt, Field(ge=1, le=MAX_EXPERIMENTS)] = 1


class MetricSection(Section):
    """How a metric or result is shown, and whether more of it is better."""

    goal: Literal["max", "min"] | None = None
    label: Text | None = None
    unit: Text | None = None


class SeriesFile(Section):
    """A series file with every default filled in.

    It is recorded as JSON by `to_record`, and read back by `SeriesFile.recorded`. Whether its parts fit
    together is checked by `load_series_file` only.
    """

    name: Annotated[StrictStr, BeforeValidator(series_name)]
    description: StrictStr = ""
    tags: tuple[Text, ...] = ()
    run: RunSection
    fixed: dict[Text, Any] = Field(default_factory=dict)
    grid: dict[Text, Annotated[tuple[Any, ...], Field(min_length=1)]] = Field(default_factory=dict)
    repeat: RepeatSection = RepeatSection()
    metrics: dict[Text, MetricSection] = Field(default_factory=dict)
    execute: ExecuteSection = ExecuteSection()
    graphs: tuple[GraphSpec, ...] = ()
    tables: tuple[TableSpec, ...] = ()

    @classmethod
    def recorded(cls, resolved: Mapping[str, Any]) -> SeriesFile:
        """Return the file that `ExperimentSeries.resolved` records, whichever revision recorded it."""
        return cls.model_validate(resolved)

    def to_record(self) -> dict[str, Any]:
        """Return what `ExperimentSeries.resolved` records of it: all but what may be a secret."""
        data = self.model_dump(mode="json")
        notify = data["execute"]["notify"]
        if notify["webhook"] is not None:
            notify["webhook"] = recorded_webhook(notify["webhook"])
        return data

    def axes(self) -> list[Axis]:
        """Return the axes of its parameters, those with one choice first."""
        return axes({section: getattr(self, section) for section in PARAMETER_SECTIONS})

    def parameter_names(self) -> list[str]:
        """Return the dotted names of all parameters, in the order of the file, fixed ones first."""
        return parameter_names(self.axes())
