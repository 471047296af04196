"""Durations, sizes and counts: read from text such as ``1h30m`` or ``8GiB``, and written for messages."""

from __future__ import annotations

import math
import re

_UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
#: Longer durations, and whole numbers beyond floats, are refused.
_LONGEST_S = 1e18
_NUMBER = r"\d+(?:\.\d+)?"
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>{_NUMBER}){unit})?" for unit in _UNITS_S) + r"\Z")
#: Each unit of time: its seconds and name, and those of the unit of the remainder.
_LARGER_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))

_UNITS_BYTES = {"": 1, "B": 1}
for _power, _letter in enumerate("KMGT", start=1):
    _UNITS_BYTES |= {f"{_letter}B": 1000**_power, f"{_letter}IB": 1024**_power}
_SIZE = re.compile(r"(?P<number>\d{1,15}(?:\.\d{1,15})?)\s*(?P<unit>[A-Za-z]*)\Z", re.ASCII)
#: Smaller sizes are refused: probably the unit is missing.
LEAST_BYTES = 10**6
_MOST_BYTES = 2**63 - 1

_LONGEST_VALUE = 60


def seconds_of(value: object) -> float:
    """Return a duration in seconds.

    Parameters
    ----------
    value : object
        A number of seconds, or text such as ``1d12h``, ``2h``, ``1h30m`` or ``90s``.

    Raises
    ------
    ValueError
        It is neither, or not a positive finite duration.
    """
    seconds = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value) if abs(value) < _LONGEST_S else math.inf
    elif isinstance(value, str) and value and (match := _DURATION.match(value)):
        seconds = sum(float(number) * _UNITS_S[unit] for unit, number in match.groupdict().items() if number)
    if not 0 < seconds < _LONGEST_S:
        raise ValueError(
            f"must be a positive number of seconds, or text such as 90s or 1h30m, not {shortened(value)}"
        )
    return seconds


def duration_text(seconds: float) -> str:
    """Return a duration with at most two units: ``25.9 ms``, ``3 min 20 s``, ``2 h``."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 59.5 or not math.isfinite(seconds):
        return f"{seconds:.3g} s"
    whole = round(seconds)
    for size, unit, smaller, smaller_unit in _LARGER_UNITS:
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit} {rest} {smaller_unit}" if rest else f"{whole // size} {unit}"
    raise AssertionError("unreachable: 59.5 s and more round to a minute or more")


def bytes_of(value: object) -> int:
    """Return a size in bytes.

    Parameters
    ----------
    value : object
        A whole number of bytes, or text such as ``500MB`` (1000s) or ``8GiB`` (1024s).

    Raises
    ------
    ValueError
        It is neither, less than a megabyte, or not a 64-bit integer.
    """
    size = 0
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (match := _SIZE.match(value)) and match["unit"].upper() in _UNITS_BYTES:
        size = int(float(match["number"]) * _UNITS_BYTES[match["unit"].upper()])
    if not 1 <= size <= _MOST_BYTES:
        raise ValueError(f"must be a number of bytes, or text such as 500MB or 8GiB, not {shortened(value)}")
    if size < LEAST_BYTES:
        raise ValueError(f"is less than 1 MB; write a unit, such as 500MB or 8GiB, not {shortened(value)}")
    return size


def shortened(value: object) -> str:
    """Return `value` for a message: long ones are cut, of a mapping or list only the type is named."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**_LONGEST_VALUE:
        return "a number of that many digits"
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def many(count: int, noun: str) -> str:
    """Return a count with what is counted: ``1 worker``, ``1,000 workers``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def them(count: int) -> str:
    """Return what stands for so many things in a sentence: ``it`` or ``them``."""
    return "it" if count == 1 else "them"
