"""Warnings about uses of sessions that work but are mistakes; each is given once."""

from __future__ import annotations

import warnings

_warned: set[str] = set()


class SessionWarning(UserWarning):
    """A use of sessions that works but is a mistake."""


def warn_once(topic: str, message: str) -> None:
    """Warn about a mistake, the first time only."""
    if topic not in _warned:
        _warned.add(topic)
        warnings.warn(message, SessionWarning, stacklevel=4)


def reset_warnings() -> None:
    """Give each warning again, once: a test begins."""
    _warned.clear()
