"""Functions of the kinds that draw the lines of a figure side by side, per value of a parameter."""

from __future__ import annotations

from functools import partial

from meta.graphs.captions.phrases import estimates_text, values_text
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.kind import DrawContext, Kind
from meta.graphs.drawing.parameter_axis import ParameterAxis
from meta.graphs.theme.layout import PageSpec


def bars_side_by_side(context: DrawContext) -> PageSpec:
    """Return a page with room for the lines of each category side by side."""
    return PageSpec(len(context.x_axis.labels) * context.count, context.plan.spec.size)


def categories(plan: Plan) -> ParameterAxis:
    """Return the axis of the values of a parameter side by side."""
    return ParameterAxis.of(plan.values[plan.x], numeric=False, scale=plan.spec.scale.x)


def whiskers(context: DrawContext) -> str:
    """Return the caption of estimates with whiskers."""
    return estimates_text(context.plan, context.data, mark="whiskers") + values_text(context.plan)


#: Makes such a kind.
side_by_side = partial(Kind, axis=categories, page=bars_side_by_side)
