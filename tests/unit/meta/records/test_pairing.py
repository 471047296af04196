"""Which readings of two methods can be compared."""

from __future__ import annotations

import numpy as np

from meta.records.pairing import finite_readings, pair

FIRST = {(0,): {0: 1.0, 1: 2.0, 2: 3.0}, (1,): {0: 10.0, 1: 20.0}, (2,): {0: 100.0}}
SECOND = {(0,): {0: 4.0, 1: 5.0, 2: 6.0}, (1,): {1: 7.0, 2: 8.0}}


def test_a_repetition_counts_once_over_the_common_configurations() -> None:
    """Pairs are repetitions complete on both sides, each by its mean; the rest is counted as left out."""
    found = pair(FIRST, SECOND, paired=True)
    np.testing.assert_array_equal(found.first, [(2.0 + 20.0) / 2])
    np.testing.assert_array_equal(found.second, [(5.0 + 7.0) / 2])
    assert (found.blocks, found.left_out) == (2, (4, 3))


def test_independent_repetitions_need_no_partner() -> None:
    """Unpaired, each side has the repetitions that are complete there."""
    found = pair(FIRST, SECOND, paired=False)
    np.testing.assert_array_equal(found.first, [5.5, 11.0])
    np.testing.assert_array_equal(found.second, [6.0, 7.0])
    assert found.left_out == (2, 1)


def test_nothing_in_common_leaves_nothing() -> None:
    """Methods without a common configuration have no readings to compare."""
    found = pair({(0,): {0: 1.0}}, {(1,): {0: 2.0}}, paired=True)
    assert (len(found.first), len(found.second), found.blocks, found.left_out) == (0, 0, 0, (1, 1))


def test_readings_are_finite_numbers(make_records) -> None:
    """Texts, NaN, infinities and experiments without the result are no readings."""
    values = [1, float("nan"), float("inf"), "x", True]
    records = make_records(
        {"lr": [1]}, results=lambda _p, r: {"loss": values[r]} if r < len(values) else {}, repetitions=6
    )
    assert finite_readings([((), records.configurations[0])], "loss") == {(): {0: 1.0, 4: 1.0}}
