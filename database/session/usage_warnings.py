"""Uses of sessions that work and are not meant: told once."""

from __future__ import annotations

import warnings

_told: set[str] = set()


class SessionWarning(UserWarning):
    """A pattern of sessions that works but is not meant."""


def tell_once(topic: str, message: str) -> None:
    """Warn about a misuse, the first time only."""
    if topic not in _told:
        _told.add(topic)
        warnings.warn(message, SessionWarning, stacklevel=4)


def forget_what_was_told() -> None:
    """Tell everything again, once: a test begins."""
    _told.clear()
