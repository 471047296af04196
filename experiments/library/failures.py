"""Experiments that fail on purpose, to see how a run handles failures."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from experiments.context import Run

#: The memory allocated per step, and in total when there is no limit, in bytes.
_STEP, _TOTAL = 20_000_000, 1_000_000_000


def work(
    *,
    failure: Literal["none", "raises", "dies once", "hangs", "grows"],
    run: Run,
    effort: float = 0.5,
    chance: float = 0.5,
) -> dict[str, float]:
    """Sleep, and with some probability fail half-way.

    How long it takes and whether it fails depend on the seed alone: if repetition 3 fails with one value of
    `failure`, it does with all.

    Parameters
    ----------
    failure : str
        How it fails: it ``raises`` an exception; ``dies once``, killed as by an administrator or a crash in
        C code, in the first attempt only; ``hangs`` until `execute.timeout` ends it; ``grows`` until
        `execute.memory` ends it (without a limit to 1 GB, and then continues); or ``none``: it does not.
    run : Run
        Gives the seed and the number of the attempt.
    effort : float
        Seconds that an experiment takes on the average; a single one half to one and a half of that.
    chance : float
        The probability that it fails.

    Returns
    -------
    dict
        ``planned``, the seconds that were to be slept.
    """
    planned = effort * run.rng.uniform(0.5, 1.5)
    fails = run.rng.random() < chance
    time.sleep(planned / 2)
    if fails:
        _fail(failure, run.attempt_number)
    time.sleep(planned / 2)
    return {"planned": planned}


def _fail(failure: str, attempt_number: int) -> None:
    if failure == "raises":
        raise ArithmeticError("the solution diverged")
    if failure == "dies once" and attempt_number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if failure == "hangs":
        while True:
            time.sleep(3600)
    if failure == "grows":
        taken: list[bytes] = []
        while len(taken) * _STEP < _TOTAL:
            taken.append(b"x" * _STEP)
            time.sleep(0.03)
