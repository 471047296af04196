"""Experiments that go wrong on purpose, to see what a run makes of them."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from experiments.context import Run

#: How much memory is taken at a time, and after how much it is enough without a limit: in bytes.
_BITE, _FULL = 20_000_000, 1_000_000_000


def work(
    *,
    mishap: Literal["nothing", "raises", "dies once", "hangs", "grows"],
    run: Run,
    effort: float = 0.5,
    chance: float = 0.5,
) -> dict[str, float]:
    """Sleep, and with some probability meet with a mishap half-way.

    How long it takes and whether the mishap strikes depend on the seed alone: repetition 3 is struck
    whatever the mishap.

    Parameters
    ----------
    mishap : str
        What strikes: ``raises`` an exception; ``dies once``, killed as by an administrator or a crash in
        C code, in the first attempt only; ``hangs`` until `execute.timeout` ends it; ``grows`` until
        `execute.memory` ends it (without a limit to 1 GB, and then goes on); or ``nothing``.
    run : Run
        Gives the seed and tells the attempt.
    effort : float
        Seconds that an experiment takes on the average; a single one half to one and a half of that.
    chance : float
        The probability that the mishap strikes.

    Returns
    -------
    dict
        ``planned``, the seconds that were to be slept.
    """
    planned = effort * run.rng.uniform(0.5, 1.5)
    strikes = run.rng.random() < chance
    time.sleep(planned / 2)
    if strikes:
        _strike(mishap, run.attempt_number)
    time.sleep(planned / 2)
    return {"planned": planned}


def _strike(mishap: str, attempt_number: int) -> None:
    if mishap == "raises":
        raise ArithmeticError("the solution diverged")
    if mishap == "dies once" and attempt_number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if mishap == "hangs":
        while True:
            time.sleep(3600)
    if mishap == "grows":
        taken: list[bytes] = []
        while len(taken) * _BITE < _FULL:
            taken.append(b"x" * _BITE)
            time.sleep(0.03)
