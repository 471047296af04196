"""The rate, and the time that is left."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.queries.throughput import Durations
from experiments.progress.estimate import RateWindow, remaining_s

HOUR = 3600.0


def rate(*seen: tuple[float, int]) -> RateWindow:
    made = RateWindow()
    for moment, finished in seen:
        made.add(moment, finished)
    return made


def left(
    pending: int,
    *ages: float,
    durations: list[float],
    failed: Sequence[float] = (),
    slots: int = 1,
    seen: RateWindow | None = None,
) -> float | None:
    rate, known = seen or RateWindow(), Durations(durations, failed)
    return remaining_s(pending, len(ages), ages_s=ages, slots=slots, durations=known, rate=rate)


def test_long_experiments() -> None:
    """Of three experiments of an hour one has ended: two hours are left, and less as the second goes on."""
    assert left(1, 0.0, durations=[HOUR]) == 2 * HOUR
    assert left(1, HOUR / 2, durations=[HOUR]) == 1.5 * HOUR
    assert left(0, HOUR / 2, durations=[HOUR]) == HOUR / 2


def test_workers_share_the_rest() -> None:
    """What is pending begins as the workers become free."""
    assert left(2, 0.0, 0.0, durations=[60.0], slots=2) == 120
    assert left(3, 0.0, 30.0, durations=[60.0], slots=2) == 150
    assert left(1, 50.0, 0.0, durations=[60.0], slots=2) == 70
    assert left(8, durations=[60.0], slots=4) == 120


def test_the_running_median_counts() -> None:
    """One outlier among the finished ones does not change the estimate."""
    assert left(1, durations=[10.0, 11.0, 12.0, 5000.0, 10.5]) == 11.0


def test_longer_than_any() -> None:
    """Of an experiment that takes longer than any did, nobody knows when it ends."""
    assert left(0, 500.0, durations=[10.0, 20.0]) is None
    assert left(0, 500.0, 1.0, durations=[10.0, 20.0], slots=2) is None
    assert left(1, 500.0, durations=[10.0, 20.0]) == 15.0


def test_survivors_are_compared_with_survivors() -> None:
    """Who has outlived the short ones is compared with those that took longer."""
    assert left(0, 30.0, durations=[10.0, 10.0, 10.0, 100.0]) == 70.0


def test_before_the_first_has_ended() -> None:
    """Without any experience nothing is promised; without work nothing is left."""
    assert left(5, 3.0, durations=[]) is None
    assert left(0, durations=[]) == 0.0


def test_many_short_ones_by_their_pace() -> None:
    """While many are left the rate counts, with all that costs time between experiments."""
    seen = rate((0.0, 0), (10.0, 100))
    assert left(1000, durations=[0.001], seen=seen) == 100.0


def test_pace_of_short_ones() -> None:
    """The rate is that of the last half minute."""
    seen = rate(*((float(second), 100 * second) for second in range(60)))
    assert seen.per_s == pytest.approx(100)
    for second in range(60, 120):
        seen.add(float(second), 5900 + 10 * (second - 59))
    assert seen.per_s == pytest.approx(10)


def test_pace_of_long_ones() -> None:
    """Where few end in half a minute, the last ten tell the rate."""
    seen = rate(*((60.0 * minute, minute) for minute in range(30)))
    assert seen.per_s == pytest.approx(1 / 60)
    assert 10 <= seen.completed <= 11


def test_failures_at_once_are_no_pace() -> None:
    """Of experiments that take 10 s the first hundred failed at once: neither rate nor time counts them."""
    at_once = [0.001] * 100
    seen = RateWindow()
    seen.add(0.0, 0, 0)
    seen.add(1.0, 0, 100)
    assert seen.per_s == 0
    assert left(996, *[1.0] * 4, durations=[], failed=at_once, slots=4, seen=seen) is None
    seen.add(10.0, 4, 100)
    assert left(992, *[0.0] * 4, durations=[10.0] * 4, failed=at_once, slots=4, seen=seen) == 2490
    for wave in range(2, 5):
        seen.add(10.0 * wave, 4 * wave, 100)
    assert seen.per_s == pytest.approx(0.4, rel=0.05)
    found = left(980, *[0.0] * 4, durations=[10.0] * 16, failed=at_once, slots=4, seen=seen)
    assert found == pytest.approx(984 / 0.4, rel=0.05)


def test_failures_that_take_long_count() -> None:
    """Half of the experiments time out after 100 s, the others take 10 s: the former take most of it."""
    seen = RateWindow()
    for pair in range(20):
        seen.add(110.0 * pair, pair, pair)
    found = left(100, durations=[10.0] * 20, failed=[100.0] * 20, seen=seen)
    assert found == pytest.approx(100 * 55)
    assert left(0, 50.0, durations=[10.0] * 5, failed=[100.0] * 5) == 50
    assert left(2, durations=[10.0], failed=[100.0, 100.0]) == 200


def test_failures_alone_tell_nothing() -> None:
    """As long as none has completed nobody knows how long one takes, however many have failed."""
    seen = rate((0.0, 0))
    for second in range(100):
        seen.add(float(second), 0, 1000 * second)
    assert seen.per_s == 0
    assert left(10**6, durations=[], failed=[0.001], seen=seen) is None
    assert len(seen._history) < 10


def test_pace_of_nothing() -> None:
    """Without an end there is no rate, and waiting takes no memory."""
    seen = RateWindow()
    assert seen.per_s == 0
    for second in range(10_000):
        seen.add(float(second), 3)
    assert seen.per_s == 0
    assert len(seen._history) < 10


@given(
    st.integers(0, 10**6),
    st.lists(st.floats(0, 1e6), max_size=20),
    st.tuples(*[st.lists(st.floats(0, 1e6), max_size=20)] * 2),
    st.integers(0, 100),
)
def test_never_nonsense(
    pending: int, ages: list[float], durations: tuple[list[float], list[float]], slots: int
) -> None:
    """Whatever runs, the estimate is a time that is finite and not negative, or unknown."""
    completed, failed = durations
    found = left(pending, *ages, durations=completed, failed=failed, slots=slots)
    assert found is None or (0 <= found < math.inf)
