"""Forking a process, and whether that is safe."""

from __future__ import annotations

import os
import warnings

import psutil

from database import clock

#: Threads that a library joins before a fork take a moment to disappear.
_DISAPPEAR_S = 0.1


def fork_quietly() -> int:
    """Fork without the warning of Python 3.12, which counts harmless threads too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def threads_that_survive_forks() -> int:
    """Return the number of other threads that this process has at the moment of a fork.

    A lock that such a thread holds at that moment is never released in the child. Not counted are
    threads that end before each fork by themselves, such as those of numpy's linear algebra: so this
    forks once, and counts after it.
    """
    if _other_threads() == 0:
        return 0
    if (pid := fork_quietly()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    give_up = clock.monotonic() + _DISAPPEAR_S
    while (threads := _other_threads()) and clock.monotonic() < give_up:
        clock.sleep(0.001)
    return threads


def _other_threads() -> int:
    return int(psutil.Process().num_threads()) - 1
