"""Warnings about misuse of sessions that works but loses or hides data; each is given once."""

from __future__ import annotations

import warnings

from database.engine.call_site import caller_location

_warned: set[str] = set()


class SessionWarning(UserWarning):
    """A misuse of sessions that works but may lose or hide data."""


def warn_once(topic: str, message: str, place: str | None = None) -> None:
    """Warn about a mistake, the first time only, at ``file:line`` or that of the user's call."""
    if topic not in _warned:
        _warned.add(topic)
        file, _, line = (place or caller_location()).rpartition(":")
        warnings.warn_explicit(message, SessionWarning, file, int(line) if line.isdecimal() else 0)


def reset_warnings() -> None:
    """Allow each warning to be given once more, for the next test."""
    _warned.clear()
