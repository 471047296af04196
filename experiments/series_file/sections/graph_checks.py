"""Whether the keys of a graph fit its kind and each other, and name parameters that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from database.suggestions import suggestion
from experiments.series_file.reading.errors import KeyPath
from experiments.series_file.sections.graphs import SECONDS, STEP, GraphKind, GraphSpec

#: The path below a graph, and what is wrong there.
_Finding = tuple[KeyPath, str]

_ALWAYS = frozenset({"kind", "where", "title", "size", "formats", "theme", "name"})
_MEASURED = frozenset({"y", "facet", "over", "order", "scale", "limits", "labels"})
_LINES = _MEASURED | {"x", "hue", "style"}
_ESTIMATED = frozenset({"estimator", "interval", "level", "points"})
_KEYS: dict[str, frozenset[str]] = {
    "curve": _LINES | _ESTIMATED | {"smoothing"},
    "line": _LINES | _ESTIMATED,
    "bar": _LINES | _ESTIMATED,
    "point": _LINES | _ESTIMATED,
    "box": _LINES | {"points"},
    "violin": _LINES | {"points"},
    "strip": _LINES,
    "ecdf": _MEASURED | {"hue", "style"},
    "histogram": _MEASURED | {"hue", "style", "bins"},
    "heatmap": _MEASURED | {"x", "rows", "estimator"},
    "scatter": _LINES | _ESTIMATED,
    "profile": _MEASURED | {"hue", "style", "estimator"},
    "ranking": frozenset({"y", "x", "over", "order", "labels", "estimator", "level"}),
    "timeline": _ALWAYS,
}
_REQUIRED: dict[str, tuple[str, ...]] = {
    "ecdf": ("y",),
    "histogram": ("y",),
    "heatmap": ("y", "x", "rows"),
    "profile": ("y", "hue", "over"),
    "ranking": ("y", "x", "over"),
    "timeline": (),
}
#: As a file that was written out in full has them.
_DEFAULTS = GraphSpec().model_dump(mode="json")
_NO_DEFAULT = object()
#: Which axes a kind has a say about; the others have x and y.
_AXES: dict[str, frozenset[str]] = {"heatmap": frozenset({"color"})}
_WITH_COLOR = frozenset({"x", "y", "color"})
#: Intervals of which one is made for several configurations together.
_INTERVALS_OVER = ("ci", "bca", "none")


def keys_of(kind: str | None) -> frozenset[str]:
    """Return the keys that a kind of graph takes; without a kind, those of a curve, a line or bars."""
    return _ALWAYS | (_KEYS["curve"] if kind is None else _KEYS[kind])


def objections(graph: Mapping[str, Any]) -> Iterator[_Finding]:
    """Yield what is wrong with the keys of a graph, whatever parameters there are.

    Parameters
    ----------
    graph : mapping
        As written. What has a wrong type is passed over, and so is a default that is written out.
    """
    graph = {key: value for key, value in graph.items() if value != _DEFAULTS.get(key, _NO_DEFAULT)}
    kind = graph.get("kind")
    if kind is not None and kind not in get_args(GraphKind):
        return
    allowed = keys_of(kind)
    for key in graph:
        if key in GraphSpec.model_fields and key not in allowed:
            yield (key,), f"means nothing for {_called(kind)}; {_takes(kind)}"
    required = _REQUIRED.get(str(kind), ("y", "x"))
    for key in required:
        if graph.get(key) is None and not (key == "x" and kind == "curve"):
            yield (key,), "is missing"
    yield from _axes(graph, kind)
    yield from _roles(graph, kind)
    yield from intervals(graph, kind)


def _called(kind: str | None) -> str:
    return f"kind: {kind}" if kind else "a curve, line or bar"


def _takes(kind: str | None) -> str:
    order = [key for key in GraphSpec.model_fields if key in keys_of(kind)]
    return f"it takes {', '.join(order)}"


def _axes(graph: Mapping[str, Any], kind: str | None) -> Iterator[_Finding]:
    for key in ("scale", "limits"):
        given = graph.get(key)
        allowed = _AXES.get(str(kind), frozenset({"x", "y"}))
        for axis, value in given.items() if isinstance(given, dict) else ():
            if axis in _WITH_COLOR - allowed and value is not None:
                yield (
                    (key, axis),
                    f"means nothing for {_called(kind)}; it takes {', '.join(sorted(allowed))}",
                )


def _roles(graph: Mapping[str, Any], kind: str | None) -> Iterator[_Finding]:
    """Refuse a parameter in two roles: one of them would show nothing."""
    taken: dict[str, str] = {}
    for path, name in _named(graph):
        role = str(path[0])
        if role in {"where", "order"} or (role == "x" and kind in ("curve", "scatter")):
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


def intervals(graph: Mapping[str, Any], kind: str | None = None) -> Iterator[_Finding]:
    """Yield what is wrong with estimator, interval and level; those of tables are the same."""
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
    if (kind == "curve" or graph.get("x") in (STEP, SECONDS)) and estimator != "mean":
        yield (
            ("estimator",),
            f"must be mean where several curves are averaged (over), not {estimator}",
        )


def names(graph: Mapping[str, Any], parameters: Sequence[str]) -> Iterator[_Finding]:
    """Yield the names in a graph that are no parameters, each with what was probably meant."""
    kind = graph.get("kind")
    if kind is not None and kind not in get_args(GraphKind):
        kind = None
    for path, name in _named(graph):
        if path[0] not in keys_of(kind) or (path[0] == "x" and kind == "scatter"):
            continue
        choices = _choices(str(path[0]), kind, parameters)
        if name not in choices:
            yield path, f"cannot be {name!r}; {suggestion(name, choices)}"


def _choices(role: str, kind: str | None, parameters: Sequence[str]) -> Sequence[str]:
    if role == "x" and kind == "curve":
        return [STEP, SECONDS]
    return [STEP, SECONDS, *parameters] if role == "x" and kind is None else parameters


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
