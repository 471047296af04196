"""The moments of attempts, as SQLite has them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from database import clock
from database.claims.statements import _sqlite_time


@pytest.mark.parametrize(
    "moment", [0.0, 1.5, 1_796_000_000, 1_796_000_000.123456, 1_796_000_000.9999996, 4e9 + 1e-6, -0.25]
)
def test_moments_are_dates_in_utc(moment: float) -> None:
    """Microseconds have all their digits, are rounded, and carry into the second."""
    written = _sqlite_time(moment)
    assert written is not None
    assert len(written) == len("1970-01-01 00:00:00.000000")
    exact = clock.date_of(moment).replace(tzinfo=None)
    assert abs(datetime.fromisoformat(written) - exact) <= timedelta(microseconds=1)


def test_an_unknown_moment_is_null() -> None:
    """What never began has no time."""
    assert _sqlite_time(None) is None
