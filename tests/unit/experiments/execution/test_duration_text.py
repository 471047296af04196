"""Time spans as people read them."""

from __future__ import annotations

import pytest

from experiments.execution.duration_text import duration_text


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
    """A time span has the one or two units that matter."""
    assert duration_text(seconds) == shown
