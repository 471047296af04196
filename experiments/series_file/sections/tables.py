"""The `tables` section: the result in the cells, and the parameters of rows and columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictStr, model_validator

from database.names import safe_name
from experiments.series_file.sections import fields
from experiments.series_file.sections.fields import Section, Text
from experiments.series_file.sections.graphs import EstimatorName, IntervalName, NormaliseSection
from experiments.units import shortened

TableFormat = Literal["markdown", "latex", "csv", "html"]
#: What `show` may be: an estimator alone, with an interval after ``±`` or ``+-``, or in brackets.
_SHOW = re.compile(
    r"(?P<estimator>\w+)(?:\s*(?:±|\+-)\s*(?P<half>[\w.]+)|\s*\[\s*(?P<ends>[\w.]+)\s*\])?", re.ASCII
)

_Names = Annotated[tuple[Text, ...], BeforeValidator(fields.names)]


def _show(value: object) -> object:
    if value is None:
        return None
    raise ValueError(
        f"must be an estimator, alone or with an interval, such as mean±ci95 or median [ci95], "
        f"not {shortened(value)}"
    )


def show_parts(text: object) -> dict[str, Any] | None:
    """Return the keys that a short form such as ``mean±ci95`` abbreviates; None for other values."""
    match = _SHOW.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    interval = match["half"] or match["ends"] or "none"
    parts = {"estimator": match["estimator"], "interval": interval, "ends": match["ends"] is not None}
    return fields.interval(parts)


class TableSpec(Section):
    """A table of the series file; whether its keys fit together is checked by `table_checks`.

    Attributes
    ----------
    y : str
        A result by its dotted name; if there is none of that name, the metric's last value.
    rows, columns : tuple of str
        The parameters that have a row, or a column, for each of their values.
    where : str, mapping or None
        Which experiments: an expression (see `database.expressions`), or parameters by their dotted
        names with the exact value, or a list of those, that they must have.
    over : tuple of str
        Parameters that are averaged over on purpose.
    select : str or None
        Of the parameters that are nowhere else: the setting that is best for a row, a column or a cell.
    show : None
        In a file, ``mean±ci95`` or ``mean [ci95]`` in place of `estimator`, `interval`, `level` and `ends`.
    estimator, interval : str
    level : float or None
        Of the interval; None is 0.95, of quantiles 0.5.
    ends : bool
        Whether both ends of the interval are written, or half of its width.
    paired, strata
        In place of those of `analysis`.
    normalise : NormaliseSection or None
        How the scores of several tasks are made comparable.
    within : {"column", "row"}
        Where the best value is chosen: among the rows of a column, or the columns of a row.
    bold : {"best", "none"}
    significance : bool
        Whether what differs from the best, or from the baseline, is marked.
    baseline : object
        The value of the compared parameter that the others are compared with; of several parameters a
        mapping. None is the best.
    labels : mapping of str to str
        The displayed names of parameters and of `y`.
    order : mapping of str to tuple
        Values of parameters that go first, in their order. A list without a parameter is that of `rows`.
    to : tuple of str
        The formats that are written.
    title, name : str or None
        The title of the table, and the name of its files.
    """

    y: Text
    rows: Annotated[_Names, Field(min_length=1)]
    columns: _Names = ()
    where: Annotated[Any, BeforeValidator(fields.where)] = None
    over: _Names = ()
    select: Literal["best_per_row", "best_per_column", "best_per_cell"] | None = None
    show: Annotated[None, BeforeValidator(_show)] = None
    estimator: EstimatorName = "mean"
    interval: IntervalName = "ci"
    level: Annotated[float, BeforeValidator(fields.level)] | None = None
    ends: StrictBool = False
    paired: StrictBool | None = None
    strata: _Names | None = None
    normalise: NormaliseSection | None = None
    within: Literal["column", "row"] = "column"
    bold: Literal["best", "none"] = "best"
    significance: StrictBool = True
    baseline: Any = None
    labels: dict[Text, Text] = Field(default_factory=dict)
    order: Annotated[dict[Text, tuple[Any, ...]], BeforeValidator(fields.order)] = Field(default_factory=dict)
    to: Annotated[tuple[TableFormat, ...], BeforeValidator(fields.names), Field(min_length=1)] = (
        "markdown",
        "latex",
        "csv",
    )
    title: Text | None = None
    name: Annotated[StrictStr, BeforeValidator(safe_name)] | None = None

    @property
    def compared(self) -> tuple[str, ...]:
        """The parameters whose values are compared with each other."""
        return self.rows if self.within == "column" else self.columns

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, data: object) -> object:
        """Write out what may be shortened: `show`, ``ci95``, the order of the only row."""
        if not isinstance(data, Mapping):
            return data
        full = fields.interval(data)
        if (parts := show_parts(full.get("show"))) is not None:
            full = {**parts, **full, "show": None}
        rows = [full["rows"]] if isinstance(full.get("rows"), str) else full.get("rows")
        if isinstance(full.get("order"), list) and isinstance(rows, list) and len(rows) == 1:
            full["order"] = {rows[0]: full["order"]}
        return full
