"""A value in a message: as it is written in Python, and never long."""

from __future__ import annotations

_LONGEST = 60


def shortened(value: object) -> str:
    """Return `value` for a message; a long one is cut, a mapping or a list is only named."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**_LONGEST:
        return "a number of that many digits"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
