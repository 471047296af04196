"""The numbers of the language: 64-bit floats, and integers that fit 64 bits, compared exactly."""

from __future__ import annotations

import math

#: In a calculation a number is 0, or its size lies between these; see `parser.MAX_OPERANDS`.
SMALLEST, LARGEST = 1e-30, 1e30
#: The largest operand of `//` and `%`: every whole float up to this is exact.
LARGEST_WHOLE = 2**53
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1


def is_number(value: object) -> bool:
    """Return whether `value` is a number; True, False and NaN are not."""
    return (type(value) is int) or (type(value) is float and not math.isnan(value))


def is_exact(value: object) -> bool:
    """Return whether `value` is an integer that is compared with others exactly."""
    return type(value) is int and SMALLEST_INTEGER <= value <= LARGEST_INTEGER


def as_float(value: float) -> float:
    """Return the nearest float; an infinity for an integer beyond all floats."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def whole(value: float) -> int | None:
    """Return `value` as an int if `//` and `%` accept it, else None."""
    if not (abs(value) <= LARGEST_WHOLE and value == math.trunc(value)):
        return None
    return int(value)
