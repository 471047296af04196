"""Time spans as people read them."""

from __future__ import annotations

_LARGER_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def duration_text(seconds: float) -> str:
    """Return a time span with at most two units: ``25.9 ms``, ``3 min 20 s``, ``2 h``."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 59.5:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    for size, unit, smaller, smaller_unit in _LARGER_UNITS:
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit} {rest} {smaller_unit}" if rest else f"{whole // size} {unit}"
    raise AssertionError("unreachable: 59.5 s and more round to a minute or more")
