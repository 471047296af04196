"""Warnings about misuse of sessions that works but loses or hides data; each is given once."""

from __future__ import annotations

import warnings

_warned: set[str] = set()


class SessionWarning(UserWarning):
    """A misuse of sessions that works but may lose or hide data."""


def warn_once(topic: str, message: str) -> None:
    """Warn about a mistake, the first time only."""
    if topic not in _warned:
        _warned.add(topic)
        warnings.warn(message, SessionWarning, stacklevel=4)


def reset_warnings() -> None:
    """Allow each warning to be given once more, for the next test."""
    _warned.clear()
