"""Comparisons of chosen pairs."""

from __future__ import annotations

import numpy as np
import pytest

from meta.statistics.comparisons.pairwise import compare_all, compare_pairs
from meta.statistics.comparisons.significance import holm, wilcoxon
from meta.statistics.intervals.resampling import Resampling

RESAMPLING = Resampling(1, resamples=500)


def sample(shift: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, size=12)


def test_all_pairs_are_pairs() -> None:
    """Comparing all methods is comparing each of their pairs."""
    samples = {"a": sample(0, 1), "b": sample(1, 2), "c": sample(3, 3)}
    pairs = {
        (one, other): (samples[one], samples[other]) for one, other in (("a", "b"), ("a", "c"), ("b", "c"))
    }
    assert compare_all(samples, RESAMPLING, paired=True) == compare_pairs(pairs, RESAMPLING, paired=True)


def test_only_the_pairs_that_were_asked_for_are_corrected_for() -> None:
    """With a baseline there are fewer comparisons, so that the p values are smaller."""
    pairs = {("b", "a"): (sample(1, 2), sample(0, 1)), ("c", "a"): (sample(3, 3), sample(0, 1)[:12])}
    found = compare_pairs(pairs, RESAMPLING, paired=True)
    expected = holm([wilcoxon(*readings).p_value for readings in pairs.values()])
    assert [one.corrected_p for one in found] == pytest.approx(expected)


def test_what_is_decided_asks_nothing_of_the_others() -> None:
    """Six pairs cannot reach p = 0.05 / 2, but they need not when the other one is decided (Holm)."""
    six = (np.arange(6.0), np.arange(6.0)[::-1] + 0.25)
    clear = (sample(9, 1), sample(0, 2))
    assert "too small" in " ".join(
        compare_pairs({("a", "b"): six, ("c", "d"): six}, RESAMPLING, paired=True)[0].warnings
    )
    alone = compare_pairs({("a", "b"): six, ("c", "d"): clear}, RESAMPLING, paired=True)
    assert alone[1].is_significant
    assert "too small" not in " ".join(alone[0].warnings)
