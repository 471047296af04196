"""The `graphs` section: which result or metric is drawn against what, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, StrictStr, model_validator

from database.names import safe_name
from experiments.series_file.sections import fields
from experiments.series_file.sections.fields import Section, Text
from experiments.series_file.sections.graph_kinds import ANY_KIND, GRAPH_KINDS, STEP

if TYPE_CHECKING:
    GraphKind = str
else:
    GraphKind = Literal[tuple(GRAPH_KINDS)]  # mypy wants the names to be written out
EstimatorName = Literal["mean", "median", "trimmed_mean", "iqm"]
IntervalName = Literal["ci", "t", "percentile", "expanded", "bca", "exact", "sd", "se", "quantiles", "none"]
MissingName = Literal["never", "leave_out"]
ScaleName = Literal["linear", "log", "symlog", "logit"]
FormatName = Literal["png", "svg", "pdf"]
ThemeName = Literal["light", "dark", "gray"]

_SMALLEST, _LARGEST = 1.0, 40.0
#: Larger numbers are not drawn or computed: 64-bit floats end at 1.8e308, and sums, margins and powers of
#: ten around an axis need room.
LARGEST_NUMBER = 1e200

#: An expression, or the exact values of parameters by their dotted names.
Where = str | dict[str, Any]


def _facet(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


def _limits(value: object) -> object:
    if isinstance(value, list | tuple) and len(value) == 2:
        low, high = value
        if all(end is None or fields.is_number(end) for end in value) and (None in value or low < high):
            if any(end is not None and abs(end) > LARGEST_NUMBER for end in value):
                raise ValueError(f"must not exceed {LARGEST_NUMBER:g}, beyond which nothing is drawn")
            return tuple(None if end is None else float(end) for end in value)
    raise ValueError(
        f"must be a lower and a higher end, such as [0, 1] or [0, null], not {fields.described(value)}"
    )


def _size(value: object) -> object:
    if value in ("column", "page"):
        return value
    if isinstance(value, list | tuple) and len(value) == 2 and all(map(fields.is_number, value)):
        width, height = map(float, value)
        if min(width, height) >= _SMALLEST and max(width, height) <= _LARGEST:
            return width, height
    raise ValueError(
        f"must be column, page, or width and height in inches from {_SMALLEST:g} to {_LARGEST:g}, "
        f"such as [3.5, 3], not {fields.described(value)}"
    )


class FacetSection(Section):
    """The parameters that set the row and the column of a panel."""

    row: Text | None = None
    column: Text | None = None


class ScaleSection(Section):
    """The scale of each axis; None chooses."""

    x: ScaleName | None = None
    y: ScaleName | None = None
    color: ScaleName | None = None


class LimitsSection(Section):
    """The ends of each axis; an end that is None is chosen."""

    x: Annotated[fields.Ends, BeforeValidator(_limits)] | None = None
    y: Annotated[fields.Ends, BeforeValidator(_limits)] | None = None
    color: Annotated[fields.Ends, BeforeValidator(_limits)] | None = None


class LabelsSection(Section):
    """The labels of axes and legend, in place of names and units."""

    x: Text | None = None
    y: Text | None = None
    color: Text | None = None
    legend: Text | None = None


class NormaliseSection(Section):
    """The scores of each task as their share of the way from one reading to another.

    Attributes
    ----------
    by : str
        The parameter whose values are the tasks.
    low, high : float, str or mapping
        What 0 and 1 are: a number, the name of a result or parameter, or a number for each task; or
        ``worst`` and ``best``, those of the configurations that are shown.
    """

    by: Text
    low: Annotated[Any, BeforeValidator(fields.reference)]
    high: Annotated[Any, BeforeValidator(fields.reference)]


class GraphSpec(Section):
    """One graph of the series file; which keys a kind takes is checked by `graph_checks`.

    Attributes
    ----------
    kind : str or None
        None chooses by `x`: a curve, a line or bars.
    y : str or None
        A result by its dotted name; if there is none of that name, the metric's last value (of a
        curve: the metric). None only where nothing is measured (a timeline).
    x : str or None
        A parameter by its dotted name; ``step`` or ``seconds`` of a curve; of a scatter graph a result.
    hue, style : str or None
        The parameters that set colour and marks; without a style, hue sets both.
    rows : str or None
        The parameter that has a row for each value (heatmap).
    facet : FacetSection or None
        In a file also the name of one parameter.
    where : str, mapping or None
        Which experiments are drawn: an expression (see `database.expressions`), or parameters by their
        dotted names with the exact value, or a list of those, that they must have.
    over : tuple of str
        Parameters that are averaged over, or pooled, on purpose.
    estimator, interval : str
        What is drawn of the repetitions (unless the file says, the mean; of a profile or ranking the median),
        and what its band or whiskers are.
    level : float or None
        Of the interval; None is 0.95, of quantiles 0.5. In a file also as part of it: ``ci95``.
    paired, strata
        In place of those of `analysis`.
    missing : {"never", "leave_out"} or None
        In place of that of the metric.
    normalise : NormaliseSection or None
        How the scores of several tasks are made comparable.
    smoothing : int or None
        How many logged points of each repetition a point of a curve averages.
    points : bool
        Whether the readings, or the curves of single repetitions, are drawn faintly too.
    bins : int or None
        Of a histogram; None chooses.
    scale, limits, labels
        Of each axis. A scale or limits without an axis are those of the result.
    order : mapping of str to tuple
        Values of parameters that go first, in their order. A list without a parameter is that of `x`.
    size : str, tuple of float, or None
        ``column``, ``page``, or width and height in inches.
    formats : tuple of str
    theme : str
    title, name : str or None
        The title of the graph, and the name of its files.
    """

    kind: GraphKind | None = None
    y: Text | None = None
    x: Text | None = None
    hue: Text | None = None
    style: Text | None = None
    rows: Text | None = None
    facet: Annotated[FacetSection | None, BeforeValidator(_facet)] = None
    where: Annotated[Any, BeforeValidator(fields.where)] = None
    over: Annotated[tuple[Text, ...], BeforeValidator(fields.names)] = ()
    estimator: EstimatorName = "mean"
    interval: IntervalName = "ci"
    level: Annotated[float, BeforeValidator(fields.level)] | None = None
    paired: StrictBool | None = None
    strata: Annotated[tuple[Text, ...], BeforeValidator(fields.names)] | None = None
    missing: MissingName | None = None
    normalise: NormaliseSection | None = None
    smoothing: Annotated[StrictInt, Field(ge=2, le=100_000)] | None = None
    points: StrictBool = False
    bins: Annotated[StrictInt, Field(ge=1, le=500)] | None = None
    scale: ScaleSection = ScaleSection()
    limits: LimitsSection = LimitsSection()
    order: Annotated[dict[Text, tuple[Any, ...]], BeforeValidator(fields.order)] = Field(default_factory=dict)
    title: Text | None = None
    labels: LabelsSection = LabelsSection()
    size: Annotated[Literal["column", "page"] | tuple[float, float], BeforeValidator(_size)] | None = None
    formats: Annotated[tuple[FormatName, ...], BeforeValidator(fields.names), Field(min_length=1)] = (
        "png",
        "svg",
    )
    theme: ThemeName = "light"
    name: Annotated[StrictStr, BeforeValidator(safe_name)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, data: object) -> object:
        """Write out what may be left out or shortened: the x of a curve, the estimator, ``ci95``, axes."""
        if not isinstance(data, Mapping):
            return data
        full = fields.interval(data)
        rules = GRAPH_KINDS.get(str(full.get("kind")), ANY_KIND)
        if rules.over_steps:
            full.setdefault("x", STEP)
        if "estimator" in rules.keys:
            full.setdefault("estimator", rules.default_estimator)
        for key, short in (("scale", str), ("limits", list)):
            if isinstance(full.get(key), short):
                full[key] = {rules.default_scale: full[key]}
        if isinstance(full.get("order"), list) and isinstance(full.get("x"), str):
            full["order"] = {full["x"]: full["order"]}
        return full
