"""Functions of the kinds that draw the lines of a figure side by side, per value of a parameter."""

from __future__ import annotations

from functools import partial

from meta.graphs.captions.estimates import estimates_text, values_text
from meta.graphs.data import csv_rows
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.axis_limits import limit_estimates, limit_values
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
    return estimates_text(context.plan, context.data, mark="whiskers") + values_text(
        context.plan, context.data
    )


#: Make kinds that draw estimates with whiskers, or all values, of the lines of a figure side by side.
side_by_side = partial(Kind, axis=categories, page=bars_side_by_side)
of_estimates = partial(side_by_side, caption=whiskers, limits=limit_estimates)
of_values = partial(side_by_side, limits=limit_values, rows=csv_rows.readings)
