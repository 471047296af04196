"""The models of a series file's sections: what `load_series_file` returns and the database keeps."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from database.errors import ExperimentsError
from database.names import series_name
from database.redaction import recorded_webhook
from experiments.series_file.axes import PARAMETER_SECTIONS, Axis, axes, parameter_names
from experiments.series_file.sections import fields
from experiments.series_file.sections.execute import ExecuteSection
from experiments.series_file.sections.fields import Section, Text
from experiments.series_file.sections.graphs import GraphSpec, MissingName
from experiments.series_file.sections.tables import TableSpec

_log = logging.getLogger(__name__)

#: The maximum number of experiments in one series.
MAX_EXPERIMENTS = 1_000_000


class RunSection(Section):
    """What is run: `function` is ``module:function`` or ``path/file.py:function``; alone it is text."""

    function: Text

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, data: object) -> object:
        return {"function": data} if isinstance(data, str) else data


class RepeatSection(Section):
    """How often each configuration is repeated: `seeds` times, with as many different seeds.

    The number may stand alone.
    """

    seeds: Annotated[StrictInt, Field(ge=1, le=MAX_EXPERIMENTS)] = 1

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, data: object) -> object:
        return {"seeds": data} if isinstance(data, str | int | float) else data


class MetricSection(Section):
    """What a metric or result is: how it is shown, whether more of it is better, and what is possible.

    Attributes
    ----------
    goal : {"max", "min"} or None
    label, unit : str or None
    bounds : tuple of float or None
        The least and the largest possible value; an end that is None has none.
    kind : {"rate", "number"} or None
        Whether each reading is 0 or 1; None is told by the readings of the whole series.
    missing : {"never", "leave_out"} or None
        What an experiment without a reading is where there is a goal; None is never.
    """

    goal: Literal["max", "min"] | None = None
    label: Text | None = None
    unit: Text | None = None
    bounds: Annotated[fields.Ends, BeforeValidator(fields.bounds)] | None = None
    kind: Literal["rate", "number"] | None = None
    missing: MissingName | None = None


class ResampledSection(Section):
    """How many cases of one data set each repetition was tested on, and trained on.

    Each is a number, of which only the ratio matters, or the name of a parameter or result that is constant
    within a configuration.
    """

    test: Annotated[float | Text, BeforeValidator(fields.count_or_name)]
    train: Annotated[float | Text, BeforeValidator(fields.count_or_name)]

    @model_validator(mode="before")
    @classmethod
    def _both(cls, data: object) -> object:
        return fields.both_counts(data)


class AnalysisSection(Section):
    """What belongs together, wherever configurations are compared or averaged.

    Attributes
    ----------
    strata : tuple of str
        Parameters between whose values equal seeds mean nothing in common.
    paired : bool or None
        Whether equal repetitions of different configurations belong together; None reads it from the
        recorded seeds.
    resampled : ResampledSection or None
        If the repetitions are splits of one data set.
    """

    strata: Annotated[tuple[Text, ...], BeforeValidator(fields.names)] = ()
    paired: StrictBool | None = None
    resampled: ResampledSection | None = None


#: Those that are read from what is recorded; all else of a series has columns and rows of its own.
_READ_SECTIONS = frozenset({"analysis", "execute", "graphs", "metrics", "tables"})


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
    analysis: AnalysisSection = AnalysisSection()
    execute: ExecuteSection = ExecuteSection()
    graphs: tuple[GraphSpec, ...] = ()
    tables: tuple[TableSpec, ...] = ()

    @classmethod
    def recorded(cls, resolved: Any, *, needed: Collection[str] = ()) -> SeriesFile:
        """Return the file that `ExperimentSeries.resolved` records, whichever revision recorded it.

        A series made by hand may have recorded anything. Sections that are missing or cannot be read have
        their defaults, also name and function; of those that are used it is logged.

        Parameters
        ----------
        resolved : object
            Any JSON.
        needed : collection of str
            The sections that must be readable.

        Raises
        ------
        ExperimentsError
            A needed section cannot be read.
        """
        try:
            return cls.model_validate(resolved)
        except ValidationError as error:
            problems = {str(key): problem["msg"] for problem in error.errors() for key in problem["loc"][:1]}
        sections = resolved if isinstance(resolved, Mapping) else {}
        for key in sorted(problems.keys() & sections.keys() & _READ_SECTIONS):
            message = f"the recorded section {key!r} of the series cannot be read ({problems[key]})"
            if key in needed:
                raise ExperimentsError(f"{message}; create the series anew from its file")
            _log.warning("%s: its defaults are taken", message)
        readable = {key: sections[key] for key in cls.model_fields if key in sections and key not in problems}
        return cls.model_validate({"name": "unnamed", "run": {"function": "unknown"}, **readable})

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
