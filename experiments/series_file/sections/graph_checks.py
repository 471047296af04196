"""Checks of a graph: whether its keys fit its kind and each other, and name existing parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from database.suggestions import suggestion
from experiments.series_file.reading.errors import KeyPath, PathMessage
from experiments.series_file.sections import analysis_checks
from experiments.series_file.sections.graph_kinds import (
    ANY_KIND,
    GRAPH_KINDS,
    SECONDS,
    STEP,
    GraphRules,
    rules_of,
)
from experiments.series_file.sections.graphs import GraphSpec

#: As in a file in which all defaults are written out.
_DEFAULTS = GraphSpec().model_dump(mode="json")
_NO_DEFAULT = object()
#: What has a scale and limits on some kind of graph.
_ALL_AXES = frozenset().union(*(rules.axes for rules in GRAPH_KINDS.values()))
_CUT = "ci", "expanded", "percentile", "bca", "quantiles", "none"
#: The intervals of each estimator over the repetitions of one configuration.
_INTERVALS: Mapping[str, Sequence[str]] = {
    "mean": ("ci", "t", "expanded", "percentile", "bca", "exact", "sd", "se", "quantiles", "none"),
    "median": ("ci", "exact", "expanded", "percentile", "bca", "quantiles", "none"),
    "trimmed_mean": _CUT,
    "iqm": _CUT,
}
#: Those that there are over several configurations together too.
_INTERVALS_OVER = frozenset({"ci", "t", "percentile", "bca", "none"})
_WITHOUT_LEVEL = frozenset({"sd", "se", "none"})
#: Keys in which a parameter is named that has its role elsewhere.
_NO_ROLES = frozenset({"where", "order"})


def problems(graph: Mapping[str, Any]) -> Iterator[PathMessage]:
    """Yield the problems of a graph that do not depend on the parameters.

    Parameters
    ----------
    graph : mapping
        As written. Values of a wrong type are skipped, and so are written-out defaults.
    """
    graph = {key: value for key, value in graph.items() if value != _DEFAULTS.get(key, _NO_DEFAULT)}
    kind = graph.get("kind")
    if kind is not None and str(kind) not in GRAPH_KINDS:
        return
    rules = rules_of(kind)
    for key in graph:
        if key in GraphSpec.model_fields and key not in rules.keys:
            yield (key,), f"means nothing for {_called(rules)}{_why(key, rules)}; {_takes(rules)}"
    for key in rules.required:
        if graph.get(key) is None:
            yield (key,), "is missing"
    yield from _axes(graph, rules)
    yield from _roles(graph, rules)
    if "strata" in rules.keys:
        yield from _belonging(graph)
    roles = {name for path, name in _named(graph) if path[0] not in _NO_ROLES}
    over_steps = rules.over_steps or graph.get("x") in (STEP, SECONDS)
    yield from analysis_checks.normalising(graph, roles, over_steps=over_steps)
    yield from estimation_problems(graph, over_steps=rules.over_steps)


def _called(rules: GraphRules) -> str:
    return f"kind: {rules.name}" if rules.name else rules.description


def _why(key: str, rules: GraphRules) -> str:
    of_problems = key in {"paired", "strata"} and "missing" in rules.keys
    return ", which counts problems: nothing is averaged over configurations" if of_problems else ""


def _takes(rules: GraphRules) -> str:
    return f"it takes {', '.join(key for key in GraphSpec.model_fields if key in rules.keys)}"


def _axes(graph: Mapping[str, Any], rules: GraphRules) -> Iterator[PathMessage]:
    for key in ("scale", "limits"):
        given = graph.get(key)
        for axis, value in given.items() if isinstance(given, dict) else ():
            if axis in _ALL_AXES - rules.axes and value is not None:
                takes = ", ".join(sorted(rules.axes))
                yield (key, axis), f"means nothing for {_called(rules)}; it takes {takes}"


def _roles(graph: Mapping[str, Any], rules: GraphRules) -> Iterator[PathMessage]:
    """Refuse a parameter in two roles: one of them would show nothing."""
    taken: dict[str, str] = {}
    for path, name in _named(graph):
        role = str(path[0])
        if role in _NO_ROLES or (role == "x" and rules.roles.get("x") in ("step", "result")):
            continue
        if name in taken:
            yield (
                path,
                (
                    f"{name!r} is already the {taken[name]}; name another parameter, or leave {role} out"
                    if taken[name] != "over"
                    else f"{name!r} is averaged over, so it cannot be the {role} too"
                ),
            )
        taken.setdefault(name, role)


def _belonging(graph: Mapping[str, Any]) -> Iterator[PathMessage]:
    over = {name for _, name in analysis_checks.listed(graph, "over")}
    yield from analysis_checks.contradiction(graph)
    for key in ("paired", "strata"):
        if graph.get(key) is not None and not over:
            yield (key,), "means nothing without over: each configuration is shown by itself"
    for path, name in analysis_checks.listed(graph, "strata"):
        if name not in over:
            yield path, f"{name!r} is not averaged over (over), so that it means nothing here"


def estimation_problems(graph: Mapping[str, Any], *, over_steps: bool = False) -> Iterator[PathMessage]:
    """Yield the problems of estimator, interval and level, for graphs and tables."""
    interval, estimator = str(graph.get("interval", "ci")), str(graph.get("estimator", "mean"))
    if interval in _WITHOUT_LEVEL and graph.get("level") is not None:
        yield ("level",), f"means nothing for interval: {interval}"
    known = _INTERVALS.get(estimator, ())
    if interval in _INTERVALS["mean"] and interval not in known and known:
        yield ("interval",), f"cannot be {interval!r} of the {estimator}, which has {', '.join(known)}"
        return
    if not graph.get("over"):
        return
    known = [name for name in known if name in _INTERVALS_OVER]
    if interval in _INTERVALS["mean"] and known and interval not in known:
        averaged = f"where configurations are averaged (over), the {estimator} has {', '.join(known)}"
        yield ("interval",), f"cannot be {interval!r}: {averaged}"
    if (over_steps or graph.get("x") in (STEP, SECONDS)) and estimator != "mean":
        yield (
            ("estimator",),
            f"must be mean where several curves are averaged (over), not {estimator}",
        )


def names(graph: Mapping[str, Any], parameters: Sequence[str]) -> Iterator[PathMessage]:
    """Yield the names in a graph that are no parameters, each with the nearest parameter."""
    rules = GRAPH_KINDS.get(str(graph.get("kind")), ANY_KIND)
    for path, name in _named(graph):
        choices = _choices(str(path[0]), rules, parameters)
        if path[0] in rules.keys and choices is not None and name not in choices:
            yield path, f"cannot be {name!r}; {suggestion(name, choices)}"


def _choices(key: str, rules: GraphRules, parameters: Sequence[str]) -> Sequence[str] | None:
    """Return the names that a key may have, or None where they depend on results."""
    if key != "x":
        return parameters
    choices = {
        "parameter": parameters,
        "step": [STEP, SECONDS],
        "parameter or step": [STEP, SECONDS, *parameters],
    }
    return choices.get(rules.roles.get("x", "parameter"))


def _named(graph: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Yield where a graph names a parameter, and the name."""
    for key in ("x", "rows", "hue", "style"):
        if isinstance(name := graph.get(key), str):
            yield (key,), name
    facet = graph.get("facet")
    if isinstance(facet, str):
        yield ("facet",), facet
    elif isinstance(facet, dict):
        for part in ("row", "column"):
            if isinstance(name := facet.get(part), str):
                yield ("facet", part), name
    yield from analysis_checks.listed(graph, "over")
    for key in ("where", "order"):
        for name in given if isinstance(given := graph.get(key), dict) else ():
            yield (key, name), name
