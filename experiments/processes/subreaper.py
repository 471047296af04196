"""Killing the processes that an experiment leaves running in a worker.

The worker is a subreaper: whatever an experiment starts stays below it, also what made itself a
daemon. So one system call, "has this process any child?", shows after each experiment whether
any process is left; only then is more done. What a target keeps on purpose for its next
experiment, such as a pool at module level, is killed too: it cannot be distinguished from a leak.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import multiprocessing
import multiprocessing.util
import os
import platform
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from database import clock
from experiments.processes.process_tree import descendants_of, freeze_below, is_running, send

_IS_LINUX = platform.system() == "Linux"
_PR_SET_CHILD_SUBREAPER = 36  # from <linux/prctl.h>
_WALL = 0x40000000  # from <linux/wait.h>: children that were made without SIGCHLD too
_PATIENCE_S = 2.0
#: Where joblib and scikit-learn keep their worker processes for the next call.
_REUSABLE_EXECUTORS = ("joblib.externals.loky.reusable_executor", "loky.reusable_executor")
#: Where the handles of processes are that clean up after others.
_TRACKERS = (
    "multiprocessing.resource_tracker",
    "joblib.externals.loky.backend.resource_tracker",
    "loky.backend.resource_tracker",
)


def become_subreaper() -> None:
    """Make orphaned descendants of this process its children; does nothing except on Linux."""
    if _IS_LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> int | None:
    """Kill and reap everything below this process.

    Returns
    -------
    int or None
        How many processes were running, without those that multiprocessing and joblib keep for themselves.
        None when one hangs in the kernel and is left.
    """
    if not _IS_LINUX or _has_no_child():
        return 0
    running = _count_running()
    _shut_down_pools()
    give_up = clock.monotonic() + _PATIENCE_S
    while clock.monotonic() < give_up:
        frozen = freeze_below(os.getpid())
        _forget_trackers()
        for pid in frozen:
            send(pid, signal.SIGKILL)
        multiprocessing.active_children()  # Process objects must collect their exit codes first
        if _reap():
            return running
        clock.sleep(0.0005)
    return None


def idle_pools() -> list[Any]:
    """Return the pools that joblib and scikit-learn keep for their next call."""
    executors = [getattr(sys.modules.get(name), "_executor", None) for name in _REUSABLE_EXECUTORS]
    return [executor for executor in executors if executor is not None]


def end_idle_pools(kept: list[Any]) -> bool:
    """End the pools that joblib keeps, without those of `kept`; return whether there was any."""
    begun = [pool for pool in idle_pools() if not any(pool is other for other in kept)]
    _call_in_time(_shutdowns(begun))
    return bool(begun)


def _has_no_child() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT | _WALL)
    except ChildProcessError:
        return True
    return False


def _count_running() -> int:
    """Count the running processes below this one, without multiprocessing's and joblib's own."""
    handles = [getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None), *_trackers()]
    own = {getattr(handle, name, None) for handle in handles for name in ("_pid", "_forkserver_pid")}
    return sum(pid not in own and is_running(pid) for pid in descendants_of(os.getpid()))


def _trackers() -> list[Any]:
    """Return the handles of trackers that this process has started."""
    trackers = [getattr(sys.modules.get(name), "_resource_tracker", None) for name in _TRACKERS]
    return [tracker for tracker in trackers if getattr(tracker, "_pid", None) is not None]


def _forget_trackers() -> None:
    """Make the next process start a new tracker, instead of warning that the old one died unexpectedly.

    Before it is killed: an object that is freed meanwhile, in any thread, tells a tracker of it.
    """
    for tracker in _trackers():
        write_end, tracker._fd, tracker._pid = tracker._fd, None, None
        with contextlib.suppress(OSError, TypeError):  # it is closed already
            os.close(write_end)


def _reap() -> bool:
    """Reap all children that have ended; return whether no child is left."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG | _WALL)
        except ChildProcessError:
            return True
        if pid == 0:
            return False


def _shut_down_pools() -> None:
    """Shut down pools first: their objects may survive, and would wait for killed processes for ever.

    A `multiprocessing.Pool` whose process is killed while it holds the lock of the queue blocks
    whoever terminates it, also the garbage collector in a later experiment.
    """
    # The next call to joblib may not have noticed yet that its processes are dead.
    _call_in_time([*_terminations_of_pools(), *_stops_of_forkserver(), *_shutdowns(idle_pools())])


def _call_in_time(calls: list[Callable[[], object]]) -> None:
    """Call functions, and wait only so long: one that ends a broken pool may block."""
    if calls:
        thread = threading.Thread(target=_call_all, args=(calls,), daemon=True)
        thread.start()
        thread.join(_PATIENCE_S)


def _call_all(calls: list[Callable[[], object]]) -> None:
    for call in calls:
        with contextlib.suppress(Exception):
            call()


def _terminations_of_pools() -> list[Callable[[], object]]:
    pool = sys.modules.get("multiprocessing.pool")
    if pool is None:
        return []
    wanted = pool.Pool._terminate_pool.__func__
    # Private, but the only list of the pools that there are; without it they are killed only.
    registry: dict[Any, Any] = getattr(multiprocessing.util, "_finalizer_registry", {})
    finalizers = [finalizer for finalizer in list(registry.values()) if finalizer is not None]
    return [
        finalizer
        for finalizer in finalizers
        if getattr(getattr(finalizer, "_callback", None), "__func__", None) is wanted
    ]


def _shutdowns(pools: list[Any]) -> list[Callable[[], object]]:
    # Waiting: otherwise their ends would ask a tracker that is dead by then.
    return [functools.partial(pool.shutdown, wait=True, kill_workers=True) for pool in pools]


def _stops_of_forkserver() -> list[Callable[[], object]]:
    """Make the next process start a new fork server: the old object would not notice."""
    server = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    stop = getattr(server, "_stop", None)  # private, and in the standard library since 3.7 for its own tests
    return [] if stop is None or getattr(server, "_forkserver_pid", None) is None else [stop]
