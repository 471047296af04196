"""What kinds of graphs need to know of the whole figure while they draw a panel."""

from __future__ import annotations

from dataclasses import dataclass

from meta.graphs.data.graph_data import GraphData
from meta.graphs.data.plan import Plan
from meta.graphs.drawing.parameter_axis import ParameterAxis


@dataclass(frozen=True)
class DrawContext:
    """A graph whose data are known.

    Attributes
    ----------
    plan : Plan
    data : GraphData
    axis : ParameterAxis or None
        Of graphs against a parameter.
    """

    plan: Plan
    data: GraphData
    axis: ParameterAxis | None

    @property
    def count(self) -> int:
        """How many lines there are; those of one category stand beside each other."""
        return max((line.number for line in self.data.lines), default=0) + 1

    @property
    def x_axis(self) -> ParameterAxis:
        """The axis of a graph that is against a parameter."""
        if self.axis is None:
            raise ValueError(f"a {self.plan.kind} has no axis of a parameter")
        return self.axis
