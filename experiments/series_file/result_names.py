"""Checks of names of results and metrics in a series file, for when these are known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from database.expressions import ExpressionError, parse
from database.expressions.names import KnownNames, leaves
from database.suggestions import suggestion
from experiments.parameters import flatten_recorded
from experiments.series_file.axes import axes, parameter_names
from experiments.series_file.reading.errors import KeyPath, PathMessage
from experiments.series_file.sections.analysis_checks import BEST, WORST
from experiments.series_file.sections.graph_kinds import ANY_KIND, GRAPH_KINDS, OF_METRIC, SECONDS, STEP

#: Where a name is, the name, and the check of it.
_Named = tuple[KeyPath, str, Callable[[str, Collection[str]], str | None]]


def result_of(name: str, results: Collection[str]) -> str | None:
    """Return the result called `name`, or that of the metric's last value; None when there is neither."""
    return next((result for result in (name, f"metrics.{name}.last") if result in results), None)


def result_problem(name: str, results: Collection[str]) -> str | None:
    """Return why a name is neither a result nor a metric, with the nearest one; None if it is one.

    Parameters
    ----------
    name : str
    results : collection of str
        The dotted names of all results, with those of the summaries of metrics.
    """
    if result_of(name, results) is not None:
        return None
    own = [result for result in results if not OF_METRIC.fullmatch(result)]
    valid = dict.fromkeys([*own, *_metrics(results)])
    if not valid:
        return f"there is no result or metric named {name!r}: nothing was returned or logged"
    return (
        f"there is no result or metric named {name!r}; {suggestion(name, valid, kind='results and metrics')}"
    )


def metric_problem(name: str, results: Collection[str], metrics: Iterable[str]) -> str:
    """Return why a name is none of the logged metrics, with the nearest one."""
    hint = suggestion(name, metrics, kind="logged metrics")
    if name in results:
        hint = f"it is a result, which has no steps: use x with a parameter. {hint}"
    return f"no completed experiment logged a metric named {name!r}; {hint}"


def _metric_problem(name: str, results: Collection[str]) -> str | None:
    metrics = _metrics(results)
    return None if name in metrics else metric_problem(name, results, metrics)


def _metrics(results: Iterable[str]) -> list[str]:
    found = filter(None, map(OF_METRIC.fullmatch, results))
    return list(dict.fromkeys(match["metric"] for match in found))


def has_names(sections: object) -> bool:
    """Return whether there is anything to check in the sections of a series file."""
    if not isinstance(sections, Mapping):
        return False
    return any(next(found, None) is not None for found in (_named(sections), _conditions(sections)))


def problems(sections: Mapping[str, Any], sample: Iterable[Any]) -> Iterator[PathMessage]:
    """Yield the names in graphs, tables and `metrics` that are neither results nor metrics.

    Parameters
    ----------
    sections : mapping
        `ExperimentSeries.resolved`, which may be any JSON in a series made by hand.
    sample : iterable
        What some experiments have as their results.
    """
    sample = list(sample)
    results = dict.fromkeys(name for one in sample for name in flatten_recorded(one))
    for path, name, check in _named(sections):
        if (problem := check(name, results)) is not None:
            yield path, problem
    yield from _unknown_in_conditions(sections, sample)


def _unknown_in_conditions(sections: Mapping[str, Any], sample: Iterable[Any]) -> Iterator[PathMessage]:
    known: KnownNames | None = None
    for path, condition in _conditions(sections):
        if known is None:
            parameters = [tuple(name.split(".")) for name in parameter_names(axes(sections))]
            paths = dict.fromkeys(leaf for one in sample if isinstance(one, Mapping) for leaf in leaves(one))
            known = KnownNames(parameters, paths)
        try:
            parse(condition, known)
        except ExpressionError as error:
            yield path, error.in_one_line()


def _conditions(sections: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    for section in ("graphs", "tables"):
        for place, shown in _items(sections, section):
            if isinstance(where := shown.get("where"), str):
                yield (section, place, "where"), where


def _named(sections: Mapping[str, Any]) -> Iterator[_Named]:
    parameters = parameter_names(axes(sections))
    for place, graph in _items(sections, "graphs"):
        for key, name, check in _in_graph(graph, parameters):
            yield ("graphs", place, key), name, check
        yield from _references(("graphs", place, "normalise"), graph.get("normalise"), parameters)
    for place, table in _items(sections, "tables"):
        if isinstance(y := table.get("y"), str):
            yield ("tables", place, "y"), y, result_problem
        yield from _references(("tables", place, "normalise"), table.get("normalise"), parameters)
    analysis = sections.get("analysis")
    if isinstance(analysis, Mapping):
        yield from _references(("analysis", "resampled"), analysis.get("resampled"), parameters)
    metrics = sections.get("metrics")
    for name in metrics if isinstance(metrics, Mapping) else ():
        yield ("metrics", name), name, result_problem


def _references(path: KeyPath, section: object, parameters: Sequence[str]) -> Iterator[_Named]:
    """Yield the results that are named where a parameter or a number could stand too."""
    given = section if isinstance(section, Mapping) else {}
    for key in ("low", "high", "test", "train"):
        name = given.get(key)
        if isinstance(name, str) and name not in (*parameters, WORST, BEST):
            yield (*path, key), name, result_problem


def _items(sections: Mapping[str, Any], section: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    several = sections.get(section)
    for place, one in enumerate(several if isinstance(several, list | tuple) else ()):
        if isinstance(one, Mapping):
            yield place, one


def _in_graph(
    graph: Mapping[str, Any], parameters: Sequence[str]
) -> Iterator[tuple[str, str, Callable[[str, Collection[str]], str | None]]]:
    rules = GRAPH_KINDS.get(str(graph.get("kind")), ANY_KIND)
    x = graph.get("x")
    over_steps = rules is ANY_KIND and x in (STEP, SECONDS) and x not in parameters
    checks = {"result": result_problem, "metric": _metric_problem}
    for key in ("y", "x"):
        role = "metric" if key == "y" and over_steps else rules.roles.get(key, "")
        if isinstance(name := graph.get(key), str) and role in checks:
            yield key, name, checks[role]
