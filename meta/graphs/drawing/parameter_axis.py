"""The x axis of a graph against a parameter: linear, logarithmic or categorical."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from experiments.series_file.sections.graphs import ScaleName
from meta.graphs.theme import scales
from meta.records.errors import GraphError
from meta.records.value_set import ValueSet, shortened
from meta.statistics.estimators.arrays import Floats

AxisScale = Literal["categories", "linear", "log", "symlog", "logit"]

#: Positive values whose largest is this many times the smallest are drawn on a logarithmic scale.
_LOG_RATIO = 100.0
#: More values than this get ticks at round numbers instead of at each value.
_MAX_TICKS_AT_VALUES = 8
_MAX_LABEL = 24


@dataclass(frozen=True)
class ParameterAxis:
    """The positions and tick labels of the values of a parameter.

    Attributes
    ----------
    positions : ndarray, shape (values,)
        By place among the parameter's values.
    labels : tuple of str
        One per value, cut when very long.
    scale : str
        ``categories``, ``linear``, ``log``, ``symlog`` or ``logit``.
    margin : float
        What is left free beside the first and the last category, in widths of one.
    """

    positions: Floats
    labels: tuple[str, ...]
    scale: AxisScale
    margin: float = 0.1

    @classmethod
    def of(cls, values: ValueSet, *, numeric: bool, scale: ScaleName | None = None) -> ParameterAxis:
        """Return the axis of a parameter; `numeric` if numbers may be positions.

        Raises
        ------
        GraphError
            `scale` was asked for, and the values have no place on it.
        """
        labels = tuple(shortened(values.labels, _MAX_LABEL))
        if not (numeric and values.is_axis()):
            if scale is not None:
                raise GraphError(
                    "scale.x: the values of x stand side by side here, so that they have no scale; leave it "
                    "out, or draw numbers in ascending order with kind: line"
                )
            return cls(np.arange(len(values), dtype=np.float64), labels, "categories")
        positions = np.array(values.values, dtype=np.float64)
        if scale is not None and not scales.has_place(positions, scale).all():
            wanted = "positive values" if scale == "log" else "values between 0 and 1"
            raise GraphError(
                f"scale.x: a {scale} scale needs {wanted}; x has {labels[0]}; use symlog or linear"
            )
        is_log = positions[0] > 0 and positions[-1] >= _LOG_RATIO * positions[0]
        return cls(positions, labels, scale or ("log" if is_log else "linear"))

    @property
    def is_numeric(self) -> bool:
        """Whether positions are the numbers themselves."""
        return self.scale != "categories"

    def at(self, places: Floats) -> Floats:
        """Return the positions of places among the values."""
        return self.positions[places.astype(np.int64)]

    def set_up(self, axes: Axes) -> None:
        """Set scale, limits and ticks of the x axis."""
        if self.scale == "categories":
            axes.set_xlim(-0.5 - self.margin, len(self.positions) - 0.5 + self.margin)
            axes.set_xticks(self.positions, self.labels)
        elif self.scale == "log":
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
            if len(self.positions) <= _MAX_TICKS_AT_VALUES:
                axes.set_xticks(self.positions, self.labels)
                axes.xaxis.set_minor_locator(NullLocator())
            else:
                axes.xaxis.set_major_locator(LogLocator(numticks=8))
                axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        elif self.scale != "linear":
            scales.apply(axes, "x", self.scale, self.positions)
            axes.set_xticks(self.positions, self.labels)
        elif (self.positions == np.round(self.positions)).all():
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
