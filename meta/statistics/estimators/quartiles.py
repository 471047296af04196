"""What a box plot shows of the repetitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meta.statistics.estimators.arrays import Floats


@dataclass(frozen=True)
class BoxSummary:
    """Tukey's five numbers of one configuration's readings, and the readings beyond the whiskers.

    Attributes
    ----------
    median, first_quartile, third_quartile : float
        By linear interpolation between order statistics.
    low_whisker, high_whisker : float
        The furthest readings within 1.5 interquartile ranges of the box.
    outliers : ndarray, shape (k,)
        The readings beyond the whiskers, ascending.
    count : int
        How many readings there are.
    """

    median: float
    first_quartile: float
    third_quartile: float
    low_whisker: float
    high_whisker: float
    outliers: Floats
    count: int


def box_summary(readings: Floats) -> BoxSummary:
    """Return what a box shows (J. W. Tukey, Exploratory Data Analysis, 1977, chapter 2).

    Parameters
    ----------
    readings : ndarray, shape (repetitions,)
        Those that are not finite are left out.

    Raises
    ------
    ValueError
        No reading is finite.
    """
    finite = np.sort(np.asarray(readings, dtype=np.float64)[np.isfinite(readings)])
    if not len(finite):
        raise ValueError("a box needs at least one finite reading")
    first, median, third = np.quantile(finite, [0.25, 0.5, 0.75])
    reach = 1.5 * (third - first)
    inside = (finite >= first - reach) & (finite <= third + reach)
    # With few readings the quartile may lie beyond the last reading inside the reach: the whisker
    # then ends at the box.
    return BoxSummary(
        median=float(median),
        first_quartile=float(first),
        third_quartile=float(third),
        low_whisker=float(min(finite[inside][0], first)),
        high_whisker=float(max(finite[inside][-1], third)),
        outliers=finite[~inside],
        count=len(finite),
    )
