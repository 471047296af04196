"""The `graphs` section: which result or metric is drawn against what."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr, model_validator

from database.names import safe_name

GraphKind = Literal["curve", "line", "bar", "box"]
#: What `x` of a curve is.
STEP = "step"

_Text = Annotated[StrictStr, Field(min_length=1)]

#: An expression, or the exact values of parameters by their dotted names.
Where = str | dict[str, Any]


def _expression_or_values(value: object) -> object:
    if value is None or isinstance(value, str | dict):
        return value
    raise ValueError("must be an expression, such as 'lr > 0.01', or a mapping of parameters")


class GraphSpec(BaseModel):
    """One graph as the series file asks for it.

    Attributes
    ----------
    y : str
        A result by its dotted name; if there is none of that name, the metric's last value (of a
        curve: the metric).
    x : str
        A parameter by its dotted name, or ``step`` for a metric over its steps.
    kind : str or None
        ``curve``, ``line``, ``bar`` or ``box``; None chooses by `x`.
    hue, facet : str or None
        The parameters that set the colour and the panel.
    where : str, mapping or None
        Which experiments are drawn: an expression (see `database.expressions`), or parameters by their
        dotted names with the exact values they must have.
    title, name : str or None
        What stands above the graph, and the name of its file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    y: _Text
    x: _Text
    kind: GraphKind | None = None
    hue: _Text | None = None
    facet: _Text | None = None
    where: Annotated[Any, BeforeValidator(_expression_or_values)] = None
    title: _Text | None = None
    name: Annotated[StrictStr, BeforeValidator(safe_name)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _curves_need_no_x(cls, data: object) -> object:
        if isinstance(data, dict) and data.get("kind") == "curve" and "x" not in data:
            return {**data, "x": STEP}
        return data
