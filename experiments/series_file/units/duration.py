"""Durations as people write them: seconds, or ``2h``, ``90s``, ``1h30m``."""

from __future__ import annotations

import math
import re

from experiments.series_file.units.abbreviated import shortened

_UNITS_S = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
#: More than all time there was; whole numbers beyond floats are larger still.
_LONGEST_S = 1e18
_NUMBER = r"\d+(?:\.\d+)?"
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>{_NUMBER}){unit})?" for unit in _UNITS_S) + r"\Z")


def seconds_of(value: object) -> float:
    """Return a duration in seconds.

    Parameters
    ----------
    value : object
        A number of seconds, or text such as ``1d12h``, ``2h``, ``1h30m`` or ``90s``.

    Raises
    ------
    ValueError
        When it is neither, or not a positive finite duration.
    """
    seconds = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value) if abs(value) < _LONGEST_S else math.inf
    elif isinstance(value, str) and value and (found := _DURATION.match(value)):
        seconds = sum(float(number) * _UNITS_S[unit] for unit, number in found.groupdict().items() if number)
    if not 0 < seconds < _LONGEST_S:
        raise ValueError(
            f"must be a positive number of seconds, or text such as 90s or 1h30m, not {shortened(value)}"
        )
    return seconds
