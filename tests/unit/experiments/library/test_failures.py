"""Experiments that fail on purpose; those that end their process are run by test_shipped_series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from experiments.library.failures import work


@dataclass
class Attempt:
    """A run in its so-many-th attempt."""

    seed: int = 0
    attempt_number: int = 1

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)


def test_exception() -> None:
    """An experiment that raises has no result."""
    with pytest.raises(ArithmeticError, match="diverged"):
        work(failure="raises", run=Attempt(), effort=0, chance=1)


@pytest.mark.parametrize(("failure", "number"), [("none", 1), ("dies once", 2)])
def test_no_failure(failure: str, number: int) -> None:
    """The control group does not fail, nor does the second attempt of an experiment that was killed."""
    results = work(failure=failure, run=Attempt(attempt_number=number), effort=1e-3, chance=1)
    assert 0.5e-3 <= results["planned"] <= 1.5e-3


def test_half_of_the_repetitions_fail_whatever_the_failure() -> None:
    """The seed alone decides about failure and time, so that the survivors can be compared with the whole."""
    failed, planned = [], []
    for seed in range(200):
        planned.append(work(failure="none", run=Attempt(seed), effort=1e-5)["planned"])
        try:
            assert work(failure="raises", run=Attempt(seed), effort=1e-5)["planned"] == planned[-1]
        except ArithmeticError:
            failed.append(seed)
    assert 70 < len(failed) < 130
    assert np.mean(planned) == pytest.approx(1e-5, rel=0.1)
