"""Numbers as the language knows them: 64-bit floats, and integers that fit 64 bits, compared exactly."""

from __future__ import annotations

import math

#: In a calculation a number is 0, or its size lies between these; see `parser.MAX_OPERANDS`.
SMALLEST, LARGEST = 1e-30, 1e30
#: What `//` and `%` are computed with: every whole float up to this is exact.
LARGEST_WHOLE = 2**53
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1


def is_number(value: object) -> bool:
    """Return whether `value` is a number; neither True nor False nor NaN is."""
    return (type(value) is int) or (type(value) is float and not math.isnan(value))


def is_exact(value: object) -> bool:
    """Return whether `value` is an integer that is compared with others exactly."""
    return type(value) is int and SMALLEST_INTEGER <= value <= LARGEST_INTEGER


def as_float(value: float) -> float:
    """Return the nearest float; of an integer beyond all floats an infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def whole(value: float) -> int | None:
    """Return a whole number that `//` and `%` can be computed with, or None."""
    if not (abs(value) <= LARGEST_WHOLE and value == math.trunc(value)):
        return None
    return int(value)
