"""Checks of `metrics`, `analysis`, and of the keys of graphs and tables that depend on them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from database.suggestions import suggestion
from experiments.series_file.reading.errors import KeyPath, PathMessage
from experiments.series_file.sections.graph_kinds import OF_METRIC

#: What 0 and 1 of a normalised score are called where they are those of the results shown.
WORST, BEST = "worst", "best"
_NO_SEEDS = "is contradicted by paired: false, for which each configuration is a stratum; leave one out"
_PAIRS = (
    "cannot be false where the repetitions are resampled splits (analysis.resampled): all configurations are "
    "tested on the same split"
)


def problems(data: Mapping[str, Any], parameters: Sequence[str]) -> Iterator[PathMessage]:
    """Yield the problems of the data of a series file; values of a wrong type are skipped."""
    for name, metric in _mapping(data, "metrics").items():
        if isinstance(metric, Mapping):
            for key, message in _metric(metric):
                yield ("metrics", name, key), message
    analysis = _mapping(data, "analysis")
    for path, message in contradiction(analysis):
        yield ("analysis", *path), message
    for path, name in listed(analysis, "strata"):
        if name not in parameters:
            yield ("analysis", *path), f"cannot be {name!r}; {suggestion(name, parameters)}"
    is_resampled = analysis.get("resampled") is not None
    if is_resampled and analysis.get("paired") is False:
        yield ("analysis", "paired"), _PAIRS
    for section in ("graphs", "tables"):
        several = data.get(section)
        for place, shown in enumerate(several if isinstance(several, list) else ()):
            if not isinstance(shown, Mapping):
                continue
            if is_resampled and shown.get("paired") is False:
                yield (section, place, "paired"), _PAIRS
            for path, message in _without_goal(shown, _mapping(data, "metrics")):
                yield (section, place, *path), message


def contradiction(given: Mapping[str, Any]) -> Iterator[PathMessage]:
    """Yield the problem of `strata` and `paired` together, of a file or of one graph or table."""
    if given.get("strata") and given.get("paired") is False:
        yield ("strata",), _NO_SEEDS


def listed(given: Mapping[str, Any], key: str) -> Iterator[tuple[KeyPath, str]]:
    """Yield the path and the name of each parameter of a list, which may be one name alone."""
    names = given.get(key)
    if isinstance(names, str):
        yield (key,), names
    for place, name in enumerate(names if isinstance(names, list | tuple) else ()):
        if isinstance(name, str):
            yield (key, place), name


def normalising(
    shown: Mapping[str, Any], roles: Collection[str], *, over_steps: bool = False
) -> Iterator[PathMessage]:
    """Yield the problems of `normalise` of a graph or table.

    Parameters
    ----------
    shown : mapping
    roles : collection of str
        The parameters that are shown or averaged over.
    over_steps : bool
        Whether a metric is drawn over its steps.
    """
    normalise = shown.get("normalise")
    if not isinstance(normalise, Mapping):
        return
    by, low, high = (normalise.get(key) for key in ("by", "low", "high"))
    if isinstance(by, str) and by not in roles:
        yield ("normalise", "by"), f"{by!r} is neither shown nor averaged over here"
    for key, end in (("low", low), ("high", high)):
        if end in (WORST, BEST) and (low, high) != (WORST, BEST):
            yield ("normalise", key), f"cannot be {end!r} alone; write low: {WORST}, high: {BEST}"
            return
    if low is not None and low == high:
        yield ("normalise", "high"), "is the same as low, so that no score lies between them"
    if over_steps and low == WORST:
        yield (
            ("normalise", "low"),
            "cannot be worst of a curve, which has no one number; give a number, a parameter or a result",
        )


def _metric(metric: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if metric.get("missing") is not None and metric.get("goal") is None:
        yield "missing", "means nothing without a goal: what never happened is neither good nor bad"
    # Averages of rates over configurations have a t interval, which bounds keep within.
    if metric.get("kind") == "rate" and metric.get("bounds") not in (None, [0, 1]):
        yield "bounds", "must be [0, 1] of a rate, where each reading is 0 or 1"


def _without_goal(shown: Mapping[str, Any], metrics: Mapping[str, Any]) -> Iterator[PathMessage]:
    y = shown.get("y")
    if not isinstance(y, str):
        return
    of_metric = OF_METRIC.fullmatch(y)
    name = of_metric["metric"] if of_metric else y
    metric = metrics.get(name)
    if isinstance(metric, Mapping) and metric.get("goal") is not None:
        return
    wanted = f"write metrics: {{{name}: {{goal: max}}}}, or min"
    if shown.get("missing") is not None:
        yield ("missing",), f"means nothing where {name!r} has no goal; {wanted}"
    normalise = shown.get("normalise")
    if isinstance(normalise, Mapping) and normalise.get("low") == WORST:
        yield ("normalise", "low"), f"what is worst of {name!r} is unknown; {wanted}"


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    given = data.get(key)
    return given if isinstance(given, Mapping) else {}
