"""Phrases on the intervals of estimates: which one they have, and where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.units import many
from meta.graphs.data.estimates import Aggregator
from meta.graphs.data.graph_data import Estimates, GraphData
from meta.graphs.data.skewed import Skewed
from meta.records.measures import Measure
from meta.statistics.comparisons.sample_size import interval_warnings
from meta.statistics.estimators.arrays import Booleans, Integers
from meta.statistics.estimators.location import Estimator, Quantile
from meta.statistics.intervals.exact import order_ranks
from meta.statistics.intervals.resampling import DEFAULT_LEVEL
from meta.statistics.intervals.rule import Method, is_mean
from meta.statistics.intervals.skewness import MOST, coverage_of_lognormal
from meta.statistics.intervals.student import FEWEST

#: With the level before them.
_NAMES = {
    Method.T: "t interval",
    Method.T_LOG: "t interval",
    Method.T_LOGIT: "t interval",
    Method.CLOPPER_PEARSON: "Clopper-Pearson interval",
    Method.ORDER_STATISTICS: "interval of order statistics",
    Method.RANGE: "interval (the range)",
    Method.EXPANDED: "expanded percentile interval",
    Method.PERCENTILE: "percentile interval",
    Method.BCA: "BCa interval",
    Method.BOOTSTRAP_T: "t interval of the bootstrap standard error",
}
#: Those that are corrected where repetitions are resampled splits.
_OF_SPLITS = (Method.T, Method.T_LOG, Method.T_LOGIT, Method.BOOTSTRAP_T)
#: More different numbers of repetitions are a range.
_MOST_LISTED = 3


@dataclass(frozen=True)
class Intervals:
    """What the estimates of a graph or table have for intervals, in words.

    Attributes
    ----------
    names : str
        Which ones there are, joined; empty where there is none.
    exceptions : tuple of str
        Where there is none, and where the estimate is the mean.
    """

    names: str
    exceptions: tuple[str, ...]


def describe(aggregator: Aggregator, shown: Estimates, *, unit: str = "point") -> Intervals:
    """Return which intervals some estimates have, and where they have none.

    Parameters
    ----------
    aggregator : Aggregator
        That they were computed by.
    shown : Estimates
        All of them that are shown.
    unit : str
        What one of them is, such as ``step`` or ``cell``.
    """
    sizes = shown.sample_sizes.fewest
    methods = [name for name in dict.fromkeys(shown.method.tolist()) if name in _ORDER]
    methods.sort(key=lambda name: -np.count_nonzero(shown.method == name))
    names = []
    for place, name in enumerate(methods):
        has = shown.method == name
        where = f" where {sizes_text(sizes[has])}" if place else ""
        names.append(f"{_name(aggregator, Method(name), sizes[has])}{where}")
    exceptions = [
        *_cuts_nothing(aggregator.estimator, shown),
        *_none(shown),
        *_nothing_varied(shown, unit),
    ]
    return Intervals(" or ".join(names), tuple(exceptions))


_SPREADS = {
    Method.SD: "one standard deviation to each side",
    Method.SE: "one standard error to each side",
    Method.QUANTILES: "the middle {level} of the readings",
}
_ORDER = (*_NAMES, *_SPREADS)


def _name(aggregator: Aggregator, method: Method, sizes: Integers) -> str:
    level = percent(aggregator.level)
    if method in _SPREADS:
        return _SPREADS[method].format(level=level)
    if method in (Method.ORDER_STATISTICS, Method.RANGE):
        level = _true_level(aggregator, sizes)
    within = ""
    if method in (Method.T_LOG, Method.T_LOGIT):
        scale = "log" if method == Method.T_LOG else "logit"
        of_scale = f", bounds taken from the {scale} scale"
        within = of_scale if aggregator.bounds_of_scale else " within its bounds"
    return f"{level} {_NAMES[method]}{within}"


def _true_level(aggregator: Aggregator, sizes: Integers) -> str:
    """Return with which probability order statistics hold a quantile, a range where that differs."""
    assert isinstance(aggregator.estimator, Quantile)
    ranks = [
        order_ranks(size, aggregator.estimator.share, aggregator.level) for size in np.unique(sizes).tolist()
    ]
    held = [100 * found.coverage for found in ranks if found is not None]
    low, high = f"{min(held):.4g}", f"{max(held):.4g} %"
    return high if high == f"{low} %" else f"{low} to {high}"


def _cuts_nothing(estimator: Estimator, shown: Estimates) -> list[str]:
    if estimator.is_linear:
        return []
    several = shown.sample_sizes.configurations > 1
    counts = np.where(several, shown.sample_sizes.count, shown.sample_sizes.fewest)
    sizes = np.array([size for size in counts.tolist() if size > 1 and is_mean(estimator, size)], np.int64)
    if not len(sizes):
        return []
    where = "" if len(sizes) == len(counts) and len(np.unique(sizes)) == 1 else f" where {sizes_text(sizes)}"
    return [f"nothing is cut{where}, so that it is the mean{' there' if where else ''}"]


def _none(shown: Estimates) -> list[str]:
    """Return where there is no interval, although one is asked for."""
    has_none = shown.method == Method.NONE
    if not has_none.any():
        return []
    sizes, several = shown.sample_sizes.fewest, shown.sample_sizes.configurations > 1
    of_one = "a configuration has " if several[has_none].any() else ""
    if (several & has_none & (sizes >= FEWEST)).any():
        return [f"no interval where fewer than {FEWEST} repetitions have all configurations"]
    if has_none.all():
        return ["too few for an interval"]
    return [f"none where {of_one}{sizes_text(sizes[has_none])}"]


def _nothing_varied(shown: Estimates, unit: str) -> list[str]:
    equal = shown.method == Method.NOTHING_VARIED
    count = int(np.count_nonzero(equal))
    if not count:
        return []
    where = "" if count == len(equal) else f" at {count:,} of {many(len(equal), unit)}"
    return [f"nothing varied ({sizes_text(shown.sample_sizes.fewest[equal])}){where}"]


def sizes_text(sizes: Integers) -> str:
    """Return numbers of repetitions as a condition: ``n = 5``, ``n < 3``, ``n = 2 or 4``, ``n = 3 to 9``."""
    distinct = np.unique(sizes).tolist()
    if len(distinct) > 1 and distinct[-1] < FEWEST:
        return f"n < {FEWEST}"
    is_run = len(distinct) > 2 and distinct[-1] - distinct[0] == len(distinct) - 1
    if is_run or len(distinct) > _MOST_LISTED:
        return f"n = {distinct[0]:,} to {distinct[-1]:,}"
    *others, last = [f"{size:,}" for size in distinct]
    return f"n = {', '.join(others)} or {last}" if others else f"n = {last}"


def percent(level: float) -> str:
    """Return a level: ``95 %``."""
    return f"{100 * level:g} %"


def estimate_over_text(estimator: Estimator) -> str:
    """Return what an estimate over several configurations is."""
    if estimator.name in ("mean", "median"):
        return f"{estimator.label} of their means"
    return f"{estimator.label} of all readings"


def averaged_exceptions(aggregator: Aggregator, shown: Estimates) -> list[str]:
    """Return how averages over configurations were drawn, and what their intervals leave out."""
    several = shown.sample_sizes.configurations > 1
    with_interval = several & np.isfinite(shown.low)
    if not with_interval.any():
        return []
    told = [aggregator.dependence.text] if aggregator.dependence.text else []
    fewest, most = (
        int(end) for end in (shown.left_out[with_interval].min(), shown.left_out[with_interval].max())
    )
    if most:
        count = many(most, "repetition") if fewest == most else f"{fewest:,} to {most:,} repetitions"
        told.append(f"without {count} that {'lacks' if fewest == most == 1 else 'lack'} a configuration")
    return told


def splits_text(aggregator: Aggregator, shown: Estimates) -> list[str]:
    """Return the sentence on intervals that are corrected for resampled splits of data sets."""
    resampled = aggregator.resampled
    if resampled is None or not np.isin(shown.method, _OF_SPLITS).any():
        return []
    sizes = (f"{size:g}" if isinstance(size, float) else size for size in (resampled.test, resampled.train))
    ratio = "/".join(sizes)
    is_averaged = (shown.sample_sizes.configurations > 1).any()
    which = "each" if is_averaged and aggregator.dependence.strata else "one"
    return [
        f"Corrected for resampled splits of {which} data set, test/train {ratio} (Nadeau and Bengio 2003)."
    ]


def skewness_text(
    level: float, lines: Sequence[Skewed], *, over_steps: bool, unit: str = "point"
) -> list[str]:
    """Return the sentence on skewed readings, whose t intervals hold the mean less often.

    Parameters
    ----------
    level : float
    lines : sequence of Skewed
        Of each line.
    over_steps : bool
        Neighbouring steps of a curve are alike: only one of which most steps are skewed is told.
    unit : str
        What one of the others is.
    """
    told = [line for line in lines if line.points and (not over_steps or 2 * line.points > line.of)]
    if not told:
        return []
    where = ""
    if not over_steps:
        points, of = sum(line.points for line in lines), sum(line.of for line in lines)
        where = "" if points == of else f" at {points:,} of {many(of, unit)}"
    fewest = min(line.fewest for line in told)
    # It rises with the number of readings: beyond the last number there is one, it is more.
    about = "about" if fewest <= MOST else "at least"
    held = (
        f"{about} {coverage_of_lognormal(fewest)} %"
        if level == DEFAULT_LEVEL
        else f"clearly less than {percent(level)}"
    )
    return [f"Readings are skewed{where}: of lognormal ones such an interval holds the mean in {held}."]


def bounds_text(name: str, shown: Estimates, measure: Measure) -> list[str]:
    """Return the sentence that offers bounds, where t intervals reach beyond what readings do.

    Parameters
    ----------
    name : str
        Of the metric.
    shown : Estimates
    measure : Measure
        Of all readings of the series.
    """
    drawn = shown.at(shown.method == Method.T)
    below = bool((drawn.low < 0).any()) and measure.low >= 0
    above = bool((drawn.high > 0).any()) and measure.high <= 0
    beyond_one = bool((drawn.high > 1).any()) and measure.low >= 0 and measure.high <= 1
    if not (below or above or beyond_one):
        return []
    bounds = "[0, 1]" if beyond_one else "[0, null]" if below else "[null, 0]"
    ends = " and ".join([*(["beyond 0"] if below or above else []), *(["above 1"] if beyond_one else [])])
    keeps = f"metrics.{name}.bounds: {bounds} keeps them within"
    return [f"Intervals reach {ends}, no reading does: if none can, {keeps}."]


def drawn_warnings(aggregator: Aggregator, shown: Estimates) -> tuple[str, ...]:
    """Return warnings of too few repetitions for intervals between quantiles of drawings."""
    drawn = shown.at(np.isin(shown.method, (Method.PERCENTILE, Method.BCA)))
    if not len(drawn.method):
        return ()
    fewest = int(drawn.sample_sizes.fewest.min())
    least: Booleans = drawn.sample_sizes.fewest == fewest
    samples = 1 if aggregator.dependence.paired else int(drawn.sample_sizes.configurations[least].min())
    return interval_warnings(fewest, aggregator.estimator, level=aggregator.level, samples=samples)


def drawn_estimates(data: GraphData) -> Estimates:
    """Return all estimates that are drawn; over time a curve may have gaps."""
    return Estimates.joined([line.interval.at(np.isfinite(line.interval.estimate)) for line in data.lines])
