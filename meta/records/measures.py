"""What is known of a result or metric from all its readings in a series."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from meta.statistics.estimators.arrays import Floats

Kind = Literal["rate", "number"]


@dataclass(frozen=True)
class Measure:
    """What the readings of a whole series tell about a result or metric.

    Attributes
    ----------
    low, high : float
        The least and the largest finite reading; NaN without any.
    is_rate : bool
        Whether each reading says if something happened: so the file says, all are booleans, or all finite
        ones are 0 or 1 and both occur. That of one cell would change between neighbours.
    """

    low: float
    high: float
    is_rate: bool

    def matters(self) -> dict[str, bool]:
        """Return what of it changes figures: the kind, and on which side of 0 and 1 all readings are."""
        return {
            "is_rate": self.is_rate,
            "is_positive": self.low >= 0,
            "is_negative": self.high <= 0,
            "is_share": self.low >= 0 and self.high <= 1,
        }


def as_reading(value: float) -> float:
    """Return a number as a reading: a whole number beyond the largest float is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def measure_of_results(values: Iterable[object], kind: Kind | None) -> Measure:
    """Return the measure of a result from its values in all experiments; what is no number is left out."""
    numbers = [value for value in values if isinstance(value, int | float)]
    try:
        readings = np.array(numbers, dtype=np.float64)
    except OverflowError:
        readings = np.array([as_reading(number) for number in numbers])
    booleans = bool(numbers) and all(isinstance(value, bool) for value in numbers)
    measure = measure_of_curves([readings], kind)
    return Measure(measure.low, measure.high, _is_rate(kind, booleans or measure.is_rate))


def measure_of_curves(curves: Iterable[Floats], kind: Kind | None) -> Measure:
    """Return the measure of a metric from the readings of all its curves.

    Parameters
    ----------
    curves : iterable of ndarray, shape (points,)
    kind : {"rate", "number"} or None
        What the file says.
    """
    low, high, zeros_and_ones = math.inf, -math.inf, True
    for logged in curves:
        readings = logged
        least, most = readings.min(initial=math.inf), readings.max(initial=-math.inf)
        if not (math.isfinite(least) and math.isfinite(most)):  # hardly any curve needs to be copied
            readings = readings[np.isfinite(readings)]
            least, most = readings.min(initial=math.inf), readings.max(initial=-math.inf)
        low, high = min(low, float(least)), max(high, float(most))
        # Most curves show in their first readings that they are no rates.
        zeros_and_ones = zeros_and_ones and bool(((readings == 0) | (readings == 1)).all())
    if low > high:
        low, high = math.nan, math.nan
    return Measure(low, high, _is_rate(kind, zeros_and_ones and (low, high) == (0, 1)))


def _is_rate(kind: Kind | None, looks_like_one: bool) -> bool:
    return looks_like_one if kind is None else kind == "rate"
