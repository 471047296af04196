"""What a unit test may cost."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

#: Of the processor, children included: by the clock it would depend on what else the machine does.
LIMIT_S = 20.0


@pytest.fixture(autouse=True)
def _processor_time() -> Iterator[None]:
    """Fail a test that needs more of the processor than a unit test may."""
    before = sum(os.times()[:4])
    yield
    used_s = sum(os.times()[:4]) - before
    assert used_s <= LIMIT_S, f"it took {used_s:.1f} s of the processor, more than {LIMIT_S} s"
