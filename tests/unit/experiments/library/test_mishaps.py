"""Experiments that go wrong on purpose; those that end their process are run by test_shipped_series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from experiments.library.mishaps import work


@dataclass
class Attempt:
    """A run in its so-many-th attempt."""

    seed: int = 0
    attempt_number: int = 1

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)


def test_what_strikes_is_raised() -> None:
    """An experiment that raises has no result."""
    with pytest.raises(ArithmeticError, match="diverged"):
        work(mishap="raises", run=Attempt(), effort=0, chance=1)


@pytest.mark.parametrize(("mishap", "number"), [("nothing", 1), ("dies once", 2)])
def test_what_does_not_strike_ends_well(mishap: str, number: int) -> None:
    """Nothing happens to the control group, nor to the second attempt of one that was killed."""
    results = work(mishap=mishap, run=Attempt(attempt_number=number), effort=1e-3, chance=1)
    assert 0.5e-3 <= results["planned"] <= 1.5e-3


def test_half_of_the_repetitions_are_struck_whatever_the_mishap() -> None:
    """The seed alone decides about mishap and time, so that what survives can be compared with the whole."""
    struck, planned = [], []
    for seed in range(200):
        planned.append(work(mishap="nothing", run=Attempt(seed), effort=1e-5)["planned"])
        try:
            assert work(mishap="raises", run=Attempt(seed), effort=1e-5)["planned"] == planned[-1]
        except ArithmeticError:
            struck.append(seed)
    assert 70 < len(struck) < 130
    assert np.mean(planned) == pytest.approx(1e-5, rel=0.1)
