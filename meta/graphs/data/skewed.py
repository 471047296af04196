"""Which points of a graph have skewed readings, of which a t interval holds the mean less often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meta.statistics.estimators.arrays import Floats, Integers
from meta.statistics.intervals.rule import Method, Methods
from meta.statistics.intervals.skewness import is_skewed

#: Neighbouring steps of a curve are alike: so many of them tell about all.
_MOST_STEPS = 200


@dataclass(frozen=True)
class Skewed:
    """How many points have a t interval of skewed readings.

    Attributes
    ----------
    points, of : int
        These, and all points; of a curve the steps with a t interval.
    fewest : int
        The repetitions of that of the skewed ones which has the fewest; 0 without any.
    """

    points: int
    of: int
    fewest: int = 0

    @classmethod
    def of_points(cls, scores: Sequence[Floats], methods: Methods) -> Skewed:
        """Return how many points are skewed; an average is one of the repetitions' means.

        Parameters
        ----------
        scores : sequence of ndarray, shape (repetitions, configurations)
            Of each point.
        methods : ndarray of str, shape (points,)
            How its interval was made.
        """
        sizes = []
        for place in np.flatnonzero(methods == Method.T).tolist():
            means = scores[place].mean(axis=1)  # NaN where a configuration is missing
            if is_skewed(means[:, None])[0]:
                sizes.append(int(np.isfinite(means).sum()))
        return cls(len(sizes), len(scores), min(sizes, default=0))

    @classmethod
    def of_steps(cls, parts: Sequence[Floats], repetitions: Sequence[Integers], methods: Methods) -> Skewed:
        """Return at how many steps a curve is skewed, of steps at equal distances.

        Parameters
        ----------
        parts : sequence of ndarray, shape (repetitions, steps)
            Of each configuration.
        repetitions : sequence of ndarray
            Which repetitions the rows of each are.
        methods : ndarray of str, shape (steps,)
        """
        steps = np.flatnonzero(methods == Method.T)
        steps = steps[:: max(1, -(-len(steps) // _MOST_STEPS))]
        shared = set.intersection(*(set(numbers.tolist()) for numbers in repetitions))
        rows = (np.isin(numbers, list(shared)) for numbers in repetitions)
        means = np.mean([part[np.ix_(kept, steps)] for part, kept in zip(parts, rows, strict=True)], axis=0)
        skewed = is_skewed(means)
        counts = np.isfinite(means[:, skewed]).sum(axis=0)
        return cls(int(np.count_nonzero(skewed)), len(steps), int(counts.min(initial=len(means))))
