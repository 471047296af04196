"""Numbers that are equal but for rounding."""

from __future__ import annotations

import functools
import itertools
import operator

import numpy as np

from meta.statistics.estimators.ties import is_rounding, merged, merged_scores

#: Five readings whose mean depends on their order in the last bit.
READINGS = [0.36, 0.41, 0.3, 0.39, 0.36]


def test_means_of_the_same_readings_are_one_number() -> None:
    """In whatever order readings are added up, their means are merged; others stay apart."""
    # Added one by one, as numpy does: `sum` compensates what is rounded, from Python 3.12 on.
    sums = [functools.reduce(operator.add, order) for order in itertools.permutations(READINGS)]
    means = np.array(sums) / 5
    assert len(set(means.tolist())) > 1
    found = merged_scores([[*means, 0.365, -means[0], 0.0]])[0]
    assert set(found.tolist()) == {means.min(), 0.365, -means[0], 0.0}
    assert is_rounding(means.max() - means.min(), means[0])
    assert not is_rounding(1e-9, means[0])


def test_a_huge_number_merges_no_others() -> None:
    """What counts as rounding is told for each number by itself, whatever their order; the scale is free."""
    scores = np.array([1e15, 1.0, 1.0 + 2**-50, 1.1, np.nan, np.inf, -np.inf])
    expected = [1e15, 1.0, 1.0, 1.1, np.nan, np.inf, -np.inf]
    np.testing.assert_array_equal(merged_scores([scores])[0], expected)
    np.testing.assert_array_equal(merged_scores([scores[::-1]])[0], expected[::-1])
    np.testing.assert_array_equal(merged_scores([scores * 2.0**-200])[0], np.array(expected) * 2.0**-200)
    assert merged_scores(np.empty((0, 3))).shape == (0, 3)


def test_no_chain_of_small_steps_merges_what_is_apart() -> None:
    """A number joins the smallest of a group or begins one; the larger tolerance of the two decides."""
    values = np.array([0.0, 0.8, 1.6, 2.4])
    assert merged(values, np.ones(4)).tolist() == [0.0, 0.0, 1.6, 1.6]
    assert merged(values, np.array([0.0, 0.0, 0.0, 1.0])).tolist() == [0.0, 0.8, 1.6, 1.6]
