"""The clocks of this program, while user code has frozen or replaced those of Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from unittest import mock

import pytest
from freezegun import freeze_time

from database import clock
from database.models import series


@contextmanager
def patched() -> Iterator[None]:
    with ExitStack() as patches:
        for name in ("time", "monotonic", "perf_counter", "sleep"):
            patches.enter_context(mock.patch(f"time.{name}"))
        yield


@pytest.mark.parametrize("frozen", [lambda: freeze_time("1970-01-02"), patched], ids=["freezegun", "mock"])
def test_frozen_time(frozen: Callable[[], ExitStack]) -> None:
    """Neither freezegun nor replaced functions of `time` change what these clocks show, or a pause."""
    monotonic, wall = time.monotonic, time.time
    early, begun = wall(), monotonic()
    with frozen():
        assert time.time is not wall
        clock.sleep(0.001)
        passed_s = clock.monotonic() - begun
        moments = [clock.since_1970(), clock.now().timestamp(), clock.date_of(early + 1e-3).timestamp()]
        changed_at = series.ExperimentSeries.__table__.c.changed_at.default.arg(None)
    assert 0.001 <= passed_s <= monotonic() - begun
    assert [early <= moment <= wall() for moment in (*moments, changed_at.timestamp())] == [True] * 4


def test_date() -> None:
    """A moment as a date is in UTC."""
    assert clock.date_of(86400.25) == datetime(1970, 1, 2, microsecond=250_000, tzinfo=UTC)
    assert clock.now().utcoffset() == datetime.now(UTC).utcoffset()
