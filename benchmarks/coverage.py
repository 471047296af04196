"""How often nominal 95 % intervals hold the true value: the tables of docs/statistics.md.

Run ``python benchmarks/coverage.py [STUDIES]`` (about 2 minutes on 2 cores). A study is n readings of one
distribution, and each percentage is that of 4,000 studies, which it knows within 0.7 points (two standard
errors, at 95 %). Where drawings are made, 500 studies share 2,000 of them: the quantiles of 10,000 differ by
less than that, in either direction. Rates are not simulated: all numbers of successes are enumerated.

The true value of an estimator that cuts off readings is that of the population at the share that it really
cuts off so many readings, not at the nominal one: of 5 readings the interquartile mean leaves out 1 at each
end, which is 20 %.
"""

from __future__ import annotations

import itertools
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
from scipy import special, stats

from meta.statistics.estimators.arrays import Floats
from meta.statistics.estimators.location import IQM, MEAN, MEDIAN, TRIMMED_MEAN, Estimator, Quantile
from meta.statistics.intervals.bootstrap import bootstrap_interval
from meta.statistics.intervals.resampling import Method as Drawn
from meta.statistics.intervals.resampling import Resampling
from meta.statistics.intervals.rule import Known, Method, confidence_interval
from meta.statistics.intervals.student import Bounds

SIZES = (2, 3, 4, 5, 10, 30, 100)
STUDIES = 4_000
RATES = (0.5, 0.8, 0.95)
#: Studies that share their drawings.
_BLOCK = 500
_RESAMPLES = 2_000

Ends = tuple[Floats, Floats]
#: From readings, shape (repetitions, studies), and a seed to the ends of intervals, shape (studies,).
Interval = Callable[[Floats, int], Ends]


@dataclass(frozen=True)
class Distribution:
    """What readings are drawn from.

    Attributes
    ----------
    name : str
    quantiles : callable
        Of one or two parts, at shares of them; a part is chosen with the probability in `weights`.
    weights : sequence of float
    bounds : (low, high), optional
        What the readings can be, where an interval may be told so.
    """

    name: str
    quantiles: Sequence[Callable[[Floats], Floats]]
    weights: Sequence[float] = (1.0,)
    bounds: Bounds | None = None

    def draw(self, generator: np.random.Generator, shape: tuple[int, int]) -> Floats:
        """Return independent readings."""
        part = generator.choice(len(self.weights), size=shape, p=self.weights)
        shares = generator.random(shape)
        return np.choose(part, [of(shares) for of in self.quantiles])

    def true_value(self, estimator: Estimator, size: int) -> float:
        """Return what an estimator of so many readings estimates: the population's."""
        population = _population(self)
        if isinstance(estimator, Quantile):
            return float(np.quantile(population, estimator.share))
        (kept,) = estimator.divisor(np.array([float(size)]))
        cut = round((1 - kept / size) / 2 * len(population))
        return float(population[cut : len(population) - cut].mean())


@cache
def _population(distribution: Distribution) -> Floats:
    """Return a million readings, each as likely as the others: quantiles in the middle of equal shares."""
    parts = []
    for of, weight in zip(distribution.quantiles, distribution.weights, strict=True):
        count = round(weight * 1_000_000)
        parts.append(of((np.arange(count) + 0.5) / count))
    return np.sort(np.concatenate(parts))


def normal(mean: float, deviation: float) -> Callable[[Floats], Floats]:
    """Return the quantiles of a normal distribution."""
    return lambda shares: mean + deviation * special.ndtri(shares)


DISTRIBUTIONS = (
    # The mean is 10 so that it has a logarithm; all other intervals are the same wherever it lies.
    Distribution("normal", (normal(10, 1),), bounds=(0, None)),
    Distribution("exponential", (lambda shares: -np.log1p(-shares),), bounds=(0, None)),
    Distribution("lognormal", (lambda shares: np.exp(special.ndtri(shares)),), bounds=(0, None)),
    Distribution("bimodal", (normal(-1, 0.25), normal(1, 0.25)), (0.5, 0.5)),
    # Readings of one kind differ a little, as those of runs do: where nothing varied there is no interval.
    Distribution("rare failure", (normal(0.9, 0.02), normal(0.1, 0.02)), (0.9, 0.1)),
    # The quantile of Beta(19, 1): its distribution function is the 19th power.
    Distribution("accuracy", (lambda shares: shares ** (1 / 19),), bounds=(0, 1)),
)


@dataclass(frozen=True)
class Row:
    """An interval of the table: its label, and how it is made of the readings of one distribution.

    Attributes
    ----------
    label : str
    estimator : Estimator
    method : {"percentile", "bca"} or set of Method
        Of drawings; or those of `confidence_interval`: where the rule is another for so many readings there
        is no such interval.
    on_link : bool
        Whether it is told what the readings can be; not of a distribution that has no such limits.
    """

    label: str
    estimator: Estimator
    method: Drawn | frozenset[Method]
    on_link: bool = False

    @property
    def is_drawn(self) -> bool:
        """Whether it is between quantiles of drawings."""
        return isinstance(self.method, str) or self.method == _EXPANDED

    def coverage(self, distribution: Distribution, size: int, studies: int) -> float | None:
        """Return the share of studies of so many readings whose interval holds the true value."""
        if self.on_link and distribution.bounds is None:
            return None
        truth = distribution.true_value(self.estimator, size)
        seed = zlib.crc32(f"{distribution.name} {size}".encode())
        readings = distribution.draw(np.random.default_rng(seed), (size, studies))
        held = 0
        for start in range(0, studies, _BLOCK):
            ends = self._ends(readings[:, start : start + _BLOCK], seed + start, distribution.bounds)
            if ends is None:
                return None
            held += np.count_nonzero((ends[0] <= truth) & (truth <= ends[1]))
        return held / studies

    def _ends(self, readings: Floats, seed: int, bounds: Bounds | None) -> Ends | None:
        how = Resampling(seed, resamples=_RESAMPLES)
        if isinstance(self.method, str):
            drawn = bootstrap_interval(readings, replace(how, method=self.method), self.estimator)
            return drawn.low, drawn.high
        found = confidence_interval(
            readings, how, self.estimator, Known(bounds=bounds if self.on_link else None)
        )
        return (found.low, found.high) if set(found.method) <= self.method else None


_LINKED = frozenset({Method.T_LOG, Method.T_LOGIT})
_ORDERED = frozenset({Method.ORDER_STATISTICS, Method.RANGE})
_EXPANDED = frozenset({Method.EXPANDED})
ROWS = (
    Row("mean, `percentile`", MEAN, "percentile"),
    Row("mean, `bca`", MEAN, "bca"),
    Row("**mean, t**", MEAN, frozenset({Method.T})),
    Row("**mean, t with `bounds`**", MEAN, _LINKED, on_link=True),
    Row("**trimmed mean, expanded percentile**", TRIMMED_MEAN, _EXPANDED),
    Row("**interquartile mean, expanded percentile**", IQM, _EXPANDED),
    Row("**median, order statistics; of 5 the range**", MEDIAN, _ORDERED),
)


#: From a number of readings to the ends of the intervals of all numbers of successes.
CountEnds = Callable[[int], Ends]


def of_rate(ends: CountEnds, rate: float, size: int) -> float | None:
    """Return with which probability the interval of a number of successes holds a rate."""
    low, high = ends(size)
    if np.isnan(low).all():
        return None
    held = (low <= rate) & (rate <= high)
    return float(stats.binom.pmf(np.flatnonzero(held), size, rate).sum())


def least(ends: CountEnds, size: int) -> float | None:
    """Return the least coverage over all rates from 0 to 1.

    Between two ends of intervals the coverage is a polynomial, and beyond an end it jumps: it is looked at
    on both sides of each, and at a thousand rates between.
    """
    low, high = ends(size)
    if np.isnan(low).all():
        return None
    edges = np.concatenate([low, high])
    rates = np.concatenate([edges - 1e-9, edges + 1e-9, np.linspace(0, 1, 1_001)])
    rates = rates[(rates > 0) & (rates < 1), None]
    held = (low <= rates) & (rates <= high)
    return float((stats.binom.pmf(np.arange(size + 1), size, rates) * held).sum(axis=1).min())


def _counts(size: int) -> Floats:
    """Return a column of 0 and 1 for each number of successes."""
    return (np.arange(size)[:, None] < np.arange(size + 1)).astype(np.float64)


@cache
def exact_ends(size: int) -> Ends:
    """Return Clopper and Pearson's ends for each number of successes."""
    found = confidence_interval(_counts(size), Resampling(1), MEAN, Known(is_rate=True))
    return found.low, found.high


@cache
def percentile_ends(size: int) -> Ends:
    """Return the ends of the percentile interval of the mean for each number of successes."""
    found = bootstrap_interval(_counts(size), Resampling(1))
    return found.low, found.high


RATE_ROWS: dict[str, CountEnds] = {
    "**rate, Clopper-Pearson**": exact_ends,
    "rate, `percentile`": percentile_ends,
}


def of_readings(studies: int = STUDIES) -> Iterator[str]:
    """Yield the lines of the table of simulated studies; a dash where a size has no such interval."""
    yield _line(["interval", *(one.name for one in DISTRIBUTIONS)])
    yield _line(["---"] * (1 + len(DISTRIBUTIONS)))
    for row in ROWS:
        yield _line(
            [row.label, *(_cell(partial(row.coverage, one, studies=studies)) for one in DISTRIBUTIONS)]
        )


def of_rates() -> Iterator[str]:
    """Yield the lines of the table of successes."""
    yield _line(["interval", *(f"rate {rate:g}" for rate in RATES), "least of all rates"])
    yield _line(["---"] * (2 + len(RATES)))
    for label, ends in RATE_ROWS.items():
        yield _line(
            [label, *(_cell(partial(of_rate, ends, rate)) for rate in RATES), _cell(partial(least, ends))]
        )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(coverage: Callable[[int], float | None]) -> str:
    found = [coverage(size) for size in SIZES]
    return " ".join("-" if share is None else f"{100 * share:.0f}" for share in found)


def main() -> None:
    """Print both tables."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES
    for line in itertools.chain(of_readings(studies), [""], of_rates()):
        print(line, flush=True)


if __name__ == "__main__":
    main()
