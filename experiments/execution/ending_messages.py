"""The messages of attempts that were ended from outside, for all processes that detect this."""

from __future__ import annotations

import time
from dataclasses import replace

from database.claims.types import Finished, Token
from database.models import Outcome


def interrupted(token: Token, started_at: float) -> Finished:
    """Return an attempt that Ctrl-C has just interrupted in the user's own process.

    Parameters
    ----------
    started_at : float
        When it began, by `time.time`.
    """
    now = time.time()
    duration_s = max(0.0, now - started_at)
    return Finished(
        *token,
        Outcome.INTERRUPTED,
        started_at=started_at,
        finished_at=now,
        duration_s=duration_s,
        error_message=Outcome.INTERRUPTED.sentence(duration_s),
    )


def ended_from_outside(finished: Finished, outcome: Outcome, text: str | None) -> Finished:
    """Return an attempt with the outcome it was ended with, however its code handled the signal.

    Parameters
    ----------
    text : str or None
        The supervisor's reason, where it adds to the outcome.
    """
    return replace(
        finished,
        outcome=outcome,
        results=None,
        error_type=None,
        error_message=text or outcome.sentence(finished.duration_s or 0.0),
    )
