"""The kinds of graphs: which keys each takes, which of them it needs, and what they name.

`GRAPH_KINDS` contains all rules of kinds in series files: checks and messages loop over it. How a kind is
computed and drawn is `meta.graphs.figure.registry`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: What `x` of a curve is.
STEP, SECONDS = "step", "seconds"
#: The name of the summary of a metric in the results.
OF_METRIC = re.compile(r"metrics\.(?P<metric>.+)\.(?P<statistic>last|min|max|count)")
Axis = Literal["x", "y", "color"]
#: What a key names: a parameter, a result, a logged metric, or the steps or seconds of one.
Role = Literal["parameter", "result", "metric", "step", "parameter or step"]
#: How a varying parameter that the file does not mention is treated: its values have lines or points of
#: their own, it is refused, or it does not matter.
Unnamed = Literal["own lines", "own points", "refused", "ignored"]

_ALWAYS = frozenset({"kind", "where", "title", "size", "formats", "theme", "name"})
_MEASURED = _ALWAYS | {"y", "facet", "over", "order", "scale", "limits", "labels"}
_LINES = _MEASURED | {"x", "hue", "style", "normalise"}
_ESTIMATED = frozenset({"estimator", "interval", "level", "points", "paired", "strata"})
_AGAINST_PARAMETER: Mapping[str, Role] = {"x": "parameter", "y": "result"}
_OF_RESULT: Mapping[str, Role] = {"y": "result"}


@dataclass(frozen=True)
class GraphRules:
    """What a series file may say about a kind of graph.

    Attributes
    ----------
    name : str
    description : str
        What the kind shows, in a few words.
    keys : frozenset of str
        Those of `GraphSpec` that it takes.
    required : tuple of str
        Those that it needs; what has a default is not among them.
    roles : mapping of str to str
        What its `x` and `y` name. `hue`, `style`, `rows`, `facet` and `over` always name parameters.
    axes : frozenset of str
        Those that have a scale and limits.
    default_scale : str
        The axis of a scale, or of limits, that are given without an axis: that of the result.
    unnamed : str
        How varying parameters that the file does not mention are treated.
    default_estimator : str
        A mean over repetitions of which one never reached a result is infinite, a median need not be.
    """

    name: str
    description: str
    keys: frozenset[str]
    required: tuple[str, ...] = ("y", "x")
    roles: Mapping[str, Role] = field(default_factory=lambda: _AGAINST_PARAMETER)
    axes: frozenset[Axis] = frozenset({"x", "y"})
    default_scale: Axis = "y"
    unnamed: Unnamed = "own lines"
    default_estimator: Literal["mean", "median"] = "mean"

    @property
    def over_steps(self) -> bool:
        """Whether a metric is drawn over its steps, or over time."""
        return self.roles.get("x") == "step"

    @property
    def of_attempts(self) -> bool:
        """Whether attempts are drawn, whatever they returned."""
        return "y" not in self.roles

    @property
    def shows_values(self) -> bool:
        """Whether the values of all repetitions are drawn, pooled, and no estimate of them."""
        return "y" in self.roles and "estimator" not in self.keys


GRAPH_KINDS: Mapping[str, GraphRules] = {
    rules.name: rules
    for rules in (
        GraphRules(
            "curve",
            "a metric over steps or time",
            _LINES | _ESTIMATED | {"smoothing"},
            required=("y",),
            roles={"x": "step", "y": "metric"},
        ),
        GraphRules("line", "a result against a parameter, as a line", _LINES | _ESTIMATED),
        GraphRules("bar", "a result per value of a parameter, as bars", _LINES | _ESTIMATED),
        GraphRules("point", "a result per value of a parameter, as points", _LINES | _ESTIMATED),
        GraphRules("box", "quartiles per value of a parameter", _LINES | {"points"}),
        GraphRules("violin", "densities per value of a parameter", _LINES | {"points"}),
        GraphRules("strip", "every repetition per value of a parameter", _LINES),
        GraphRules(
            "ecdf",
            "the empirical distribution function of a result",
            _MEASURED | {"hue", "style", "missing", "normalise"},
            required=("y",),
            roles=_OF_RESULT,
            default_scale="x",
        ),
        GraphRules(
            "histogram",
            "how many experiments have how much of a result",
            _MEASURED | {"hue", "style", "bins", "normalise"},
            required=("y",),
            roles=_OF_RESULT,
            default_scale="x",
        ),
        GraphRules(
            "heatmap",
            "a result as colour, per value of two parameters",
            _MEASURED | {"x", "rows", "estimator", "normalise"},
            required=("y", "x", "rows"),
            axes=frozenset({"color"}),
            default_scale="color",
            unnamed="refused",
        ),
        GraphRules(
            "scatter",
            "one result against another",
            _LINES | _ESTIMATED,
            roles={"x": "result", "y": "result"},
            unnamed="own points",
        ),
        GraphRules(
            "profile",
            "the share of problems that a method solves within a factor of the best",
            _MEASURED | {"hue", "style", "estimator", "missing"},
            required=("y", "hue", "over"),
            roles=_OF_RESULT,
            unnamed="refused",
            default_estimator="median",
        ),
        GraphRules(
            "ranking",
            "average ranks of methods over data sets",
            _ALWAYS | {"y", "x", "over", "order", "labels", "estimator", "level", "missing"},
            required=("y", "x", "over"),
            unnamed="refused",
            default_estimator="median",
        ),
        GraphRules("timeline", "which worker ran when", _ALWAYS, required=(), roles={}, unnamed="ignored"),
    )
}

#: What is drawn where the file names no kind: over steps, against three numbers or more, against the rest.
CHOSEN_KINDS = KIND_OVER_STEPS, KIND_OF_NUMBERS, KIND_OF_VALUES = "curve", "line", "bar"
#: The rules while the kind is not chosen.
ANY_KIND = GraphRules(
    "",
    "a curve, line or bar",
    frozenset().union(*(GRAPH_KINDS[name].keys for name in CHOSEN_KINDS)),
    roles={"x": "parameter or step", "y": "result"},
)


def rules_of(kind: str | None) -> GraphRules:
    """Return the rules of a kind, or of a graph whose kind follows from its `x`."""
    return ANY_KIND if kind is None else GRAPH_KINDS[kind]
