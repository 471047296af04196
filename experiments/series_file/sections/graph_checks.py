"""Checks of a graph: whether its keys fit its kind and each other, and name existing parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from database.suggestions import suggestion
from experiments.series_file.reading.errors import KeyPath, PathMessage
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
#: Intervals that can be computed for several configurations together.
_INTERVALS_OVER = ("ci", "bca", "none")


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
            yield (key,), f"means nothing for {_called(rules)}; {_takes(rules)}"
    for key in rules.required:
        if graph.get(key) is None:
            yield (key,), "is missing"
    yield from _axes(graph, rules)
    yield from _roles(graph, rules)
    yield from estimation_problems(graph, over_steps=rules.over_steps)


def _called(rules: GraphRules) -> str:
    return f"kind: {rules.name}" if rules.name else rules.description


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
        if role in {"where", "order"} or (role == "x" and rules.roles.get("x") in ("step", "result")):
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


def estimation_problems(graph: Mapping[str, Any], *, over_steps: bool = False) -> Iterator[PathMessage]:
    """Yield the problems of estimator, interval and level, for graphs and tables."""
    interval, estimator = str(graph.get("interval", "ci")), str(graph.get("estimator", "mean"))
    if interval in {"sd", "se", "none"} and graph.get("level") is not None:
        yield ("level",), f"means nothing for interval: {interval}"
    if interval in {"sd", "se"} and estimator != "mean":
        yield (
            ("interval",),
            f"cannot be {interval!r} around the {estimator}, only around the mean; use ci or bca",
        )
    if interval == "exact" and estimator in {"trimmed_mean", "iqm"}:
        yield (
            ("interval",),
            f"cannot be 'exact' of the {estimator}: a median has one, and the mean of 0 and 1",
        )
    if not graph.get("over"):
        return
    if not interval.startswith(_INTERVALS_OVER):
        yield (
            ("interval",),
            f"cannot be {interval!r} where configurations are averaged (over): use ci, bca or none",
        )
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
    over = graph.get("over")
    if isinstance(over, str):
        yield ("over",), over
    for place, name in enumerate(over if isinstance(over, list | tuple) else ()):
        if isinstance(name, str):
            yield ("over", place), name
    for key in ("where", "order"):
        for name in given if isinstance(given := graph.get(key), dict) else ():
            yield (key, name), name
