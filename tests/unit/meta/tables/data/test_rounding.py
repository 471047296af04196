"""Digits follow from the interval's width."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta.tables.data.rounding import Shown, each_shown, from_to, is_far_lopsided, shown


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((0.91234, 0.89912, 0.92555), Shown("0.912", "0.013", "0.899", "0.926")),
        ((96.0444, 95.4444, 96.6222), Shown("96.04", "0.59", "95.44", "96.62")),
        ((1.0, 0.9004, 1.0996), Shown("1.00", "0.10", "0.90", "1.10")),
        ((12345.6, 11000.0, 13700.0), Shown("12300", "1400", "11000", "13700")),
        ((-0.0001, -0.05, 0.05), Shown("0.000", "0.050", "-0.050", "0.050")),
        ((2.5e-9, 2.4e-9, 2.6e-9), Shown("2.50", "0.10", "2.40", "2.60", -9)),
        ((3.0e12, 1.0e12, 5.0e12), Shown("3.0", "2.0", "1.0", "5.0", 12)),
        ((5.0, 5.0, 5.0), Shown("5.000", "0", "5.000", "5.000")),
        ((0.123456, math.nan, math.nan), Shown("0.1235")),
        ((1234567.0, math.nan, math.nan), Shown("1234567")),
        ((0.0, math.nan, math.nan), Shown("0.000")),
        ((1.0, 0.6915, 1.0), Shown("1.00", "0.15", "0.69", "1.00")),
        ((0.1, 0.0025, 0.4450), Shown("0.10", "0.22", "0.00", "0.45")),
    ],
)
def test_two_digits_of_the_half_width(numbers: tuple[float, float, float], expected: Shown) -> None:
    """Half of the width has two significant digits, the value ends at the same place (GUM 7.2.6)."""
    assert shown(*numbers) == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((5.0, 0.1, 250.0), [("5.0", 0), ("0.1", 0), ("250", 0)]),
        ((5.5, 1.0, 1e46), [("5.5", 0), ("1.0", 0), ("1.0", 46)]),
        ((-5.0, -1e9, -4.9), [("-5.00", 0), ("-1.0", 9), ("-4.90", 0)]),
        ((1e-7, 9e-8, 3e-3), [("1.00", -7), ("9.0", -8), ("0.0030", 0)]),
    ],
)
def test_ends_far_from_each_other_have_digits_of_their_own(numbers, expected) -> None:
    """Where one side is many times the other, neither a last place nor a power of ten suits both."""
    assert is_far_lopsided(*numbers)
    assert [(one.value, one.exponent) for one in each_shown(*numbers)] == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((1.05, 0.0149, 2.1), "from 0.01 to 2.1"),
        ((-1.05, -2.1, -0.0449), "from -2.1 to -0.04"),
        ((1.05, 0.0, 2.1), "from 0.0 to 2.1"),
        ((1.05e9, 2e7, 2.1e9), "from 0.02 to 2.1 (times 10^9)"),
    ],
)
def test_an_interval_that_leaves_out_zero_is_not_told_to_begin_there(numbers, expected) -> None:
    """An end that is not 0 has as many digits as show that, and 0 is written where it is one."""
    assert from_to(*numbers) == expected


def test_a_side_without_length_suits_any_place() -> None:
    """The rate 1 lies at the end of its interval."""
    assert not is_far_lopsided(1.0, 0.69, 1.0)


@given(
    st.floats(-1e300, 1e300, allow_subnormal=False),
    st.floats(1e-300, 1e300, allow_subnormal=False),
)
def test_nothing_is_lost_that_matters(value: float, half: float) -> None:
    """What is written is within the last place of the value, whatever the size of both."""
    found = shown(value, value - half, value + half)
    width = ((value + half) - (value - half)) / 2
    written = float(f"{found.value}e{found.exponent}")
    assert abs(written - value) <= max(
        0.06 * width, 1e-3 * abs(value) if width == 0 else 0, 1e-9 * abs(value)
    )
