"""Durations as text."""

from __future__ import annotations

import math

import pytest

from experiments.units import duration_text, many, seconds_of, them


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (90, 90.0),
        (0.5, 0.5),
        ("90s", 90.0),
        ("2h", 7200.0),
        ("1h30m", 5400.0),
        ("1d12h", 129600.0),
        ("1.5m", 90.0),
    ],
)
def test_durations_in_seconds(value: object, seconds: float) -> None:
    """Numbers are seconds; units are days, hours, minutes and seconds, the larger first."""
    assert seconds_of(value) == seconds


@pytest.mark.parametrize(
    "value", [0, -1, True, None, "", "h", "30", "30m1h", "2 h", "-2h", "0s", math.inf, math.nan, [1]]
)
def test_what_is_no_duration_is_refused(value: object) -> None:
    """Zero, negative, endless and ill-formed durations are refused with an example."""
    with pytest.raises(ValueError, match="such as 90s or 1h30m"):
        seconds_of(value)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0 ms"),
        (0.02591, "25.9 ms"),
        (1.0, "1 s"),
        (8.42, "8.42 s"),
        (59.4, "59.4 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7260, "2 h 1 min"),
        (100_000, "1 d 3 h"),
        (86_400 * 400, "400 d"),
    ],
)
def test_two_units_at_most(seconds: float, shown: str) -> None:
    """A duration is written with the one or two units that matter."""
    assert duration_text(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (12_345, "12,345 runs")]
)
def test_one_is_told_as_one(count: int, shown: str) -> None:
    """A count has the plural of what is counted, but for one."""
    assert many(count, "run") == shown
    assert them(count) == ("it" if count == 1 else "them")
