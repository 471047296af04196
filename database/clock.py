"""The clocks and the pause of this program, out of reach of what user code does to module `time`.

Experiments and scripts freeze the time, with freezegun or `unittest.mock.patch("time.time")`: that replaces
the functions in `time`, and under whatever name another module holds them. The objects made of them here
are not found by that. Whatever measures or waits in a process that may run user code uses them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

#: Seconds of the clock that all processes of a host share, and that nobody can set. Not `time.monotonic`: on
#: macOS that is another clock, and freezegun may have replaced it before this module is imported.
monotonic: Callable[[], float] = partial(time.clock_gettime, time.CLOCK_MONOTONIC)
#: Seconds since 1970 by the host's clock.
since_1970: Callable[[], float] = partial(time.clock_gettime, time.CLOCK_REALTIME)
#: Pause for this many seconds.
sleep: Callable[[float], None] = partial(time.sleep)
#: Return a moment, in seconds since 1970, as a date in UTC.
date_of: Callable[[float], datetime] = partial(datetime.fromtimestamp, tz=UTC)


def now() -> datetime:
    """Return the time now, in UTC."""
    return date_of(since_1970())
