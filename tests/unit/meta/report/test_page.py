"""Words on the page of a report."""

from __future__ import annotations

import pytest

from meta.report.page import _percent


@pytest.mark.parametrize(
    ("count", "total", "text"),
    [
        (0, 3, "0"),
        (1, 3, "33.3"),
        (3, 3, "100"),
        (999_999, 1_000_000, "more than 99.9"),
        (1, 1_000_000, "0.0001"),
    ],
)
def test_all_but_one_is_not_everything(count: int, total: int, text: str) -> None:
    """Shares have three digits, and only all of them is 100 %."""
    assert _percent(count, total) == text
