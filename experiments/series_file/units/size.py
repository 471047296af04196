"""Sizes of memory as people write them: bytes, or ``500MB``, ``8GB``, ``1.5GiB``."""

from __future__ import annotations

import re

from experiments.series_file.units.abbreviated import shortened

_UNITS = {"": 1, "B": 1}
for _power, _letter in enumerate("KMGT", start=1):
    _UNITS |= {f"{_letter}B": 1000**_power, f"{_letter}IB": 1024**_power}
_SIZE = re.compile(r"(?P<number>\d{1,15}(?:\.\d{1,15})?)\s*(?P<unit>[A-Za-z]*)\Z", re.ASCII)
#: Less than this was meant in another unit.
LEAST_BYTES = 10**6
_MOST_BYTES = 2**63 - 1


def bytes_of(value: object) -> int:
    """Return a size in bytes.

    Parameters
    ----------
    value : object
        A whole number of bytes, or text such as ``500MB`` (1000s) or ``8GiB`` (1024s).

    Raises
    ------
    ValueError
        When it is neither, less than a megabyte, or more than databases count to.
    """
    size = 0
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (found := _SIZE.match(value)) and found["unit"].upper() in _UNITS:
        size = int(float(found["number"]) * _UNITS[found["unit"].upper()])
    if not 1 <= size <= _MOST_BYTES:
        raise ValueError(f"must be a number of bytes, or text such as 500MB or 8GiB, not {shortened(value)}")
    if size < LEAST_BYTES:
        raise ValueError(f"is less than 1 MB; write a unit, such as 500MB or 8GiB, not {shortened(value)}")
    return size
