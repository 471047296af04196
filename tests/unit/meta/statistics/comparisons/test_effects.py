"""Effect sizes against their definitions and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import effectsize_smd

from meta.statistics.comparisons.effects import effect_sizes

readings = st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=8)


@settings(max_examples=25)
@given(readings, readings)
def test_dominance_agrees_with_all_pairs(one: list[float], other: list[float]) -> None:
    """Delta and A12 are shares of all pairs of readings; A12 is scipy's U per pair."""
    found = effect_sizes(one, other)
    signs = np.sign(np.subtract.outer(one, other))
    assert found.cliffs_delta == pytest.approx(signs.mean())
    u = stats.mannwhitneyu(one, other, method="asymptotic", use_continuity=False).statistic
    assert found.a12 == pytest.approx(u / signs.size)


def test_hedges_g_agrees_with_statsmodels() -> None:
    """The corrected difference is that of statsmodels, whose correction is an approximation."""
    one, other = np.random.default_rng(1).normal(1, size=12), np.random.default_rng(2).normal(size=9)
    expected, _ = effectsize_smd(one.mean(), one.std(ddof=1), 12, other.mean(), other.std(ddof=1), 9)
    assert effect_sizes(one, other).hedges_g == pytest.approx(expected, rel=1e-3)


def test_the_sign_says_who_is_larger() -> None:
    """Positive and above one half mean the first; swapping turns everything round."""
    one, other = [5.0, 6.0, 7.0], [1.0, 2.0, 6.5]
    found, swapped = effect_sizes(one, other), effect_sizes(other, one)
    assert found.cliffs_delta > 0
    assert found.a12 > 0.5
    assert found.hedges_g > 0
    assert swapped.cliffs_delta == -found.cliffs_delta
    assert swapped.a12 == 1 - found.a12
    assert swapped.hedges_g == -found.hedges_g


@pytest.mark.parametrize(("other", "word"), [(0.0, "large"), (2.5, "small"), (2.2, "negligible")])
def test_magnitudes_have_words(other: float, word: str) -> None:
    """Cliff's delta is named by the limits of Romano and others."""
    assert effect_sizes([1.0, 2.0, 3.0, 4.0, 2.3], [other, other + 0.3]).magnitude == word


def test_degenerate_readings_say_so() -> None:
    """No reading, one, or no variance: what cannot be told is NaN with a reason."""
    nothing = effect_sizes([], [1.0])
    assert math.isnan(nothing.a12)
    assert (nothing.magnitude, nothing.note) == ("unknown", "a method has no reading")
    assert effect_sizes([1.0], [2.0, 3.0]).note.startswith("fewer than two")
    constant = effect_sizes([0.1] * 7, [0.3] * 3)
    assert (constant.cliffs_delta, constant.note) == (-1.0, "neither method varies")
    assert math.isnan(constant.hedges_g)


@settings(max_examples=25)
@given(readings, readings, st.integers(1, 5), st.integers(-20, 20))
def test_effects_have_no_unit(one: list[float], other: list[float], scale: int, shift: int) -> None:
    """Shift and scale of all readings change nothing; nor do doubled readings change the shares."""
    found = effect_sizes(one, other)
    moved = effect_sizes(np.array(one) * scale + shift, np.array(other) * scale + shift)
    assert moved.cliffs_delta == found.cliffs_delta
    assert moved.hedges_g == pytest.approx(found.hedges_g, nan_ok=True)
    assert effect_sizes(one * 2, other * 2).a12 == pytest.approx(found.a12)
