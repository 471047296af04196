"""Ending a process with all that it has started, whatever groups and sessions that has gone to.

Everything below a worker stays below it: it is a subreaper, so that a daemon's second fork becomes
its child, not init's. Elsewhere than on Linux only the process group can be reached.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection
from pathlib import Path

#: Processes that do not stop in this time hang in the kernel; they die when it lets them.
_PATIENCE_S = 0.5


def descendants_of(pid: int, ended: Collection[int] = ()) -> list[int]:
    """Return the processes below `pid`, zombies too, parents before children.

    Parameters
    ----------
    ended : collection of int
        Are known to be zombies: they have nothing below them.
    """
    found: list[int] = []
    waiting = [pid]
    while waiting:
        children = _children(waiting.pop())
        found += children
        waiting += [child for child in children if child not in ended]
    return found


def kill_tree(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process, its group, and all that is below it.

    Parameters
    ----------
    pid : int
        Alive; the leader of its own group, or about to become it.
    number : int
        SIGKILL stops all of them first, so that none can start another one meanwhile. After any other
        signal those that are stopped are woken up, or it would not reach them.
    """
    below = freeze_below(pid, root=True) if number == signal.SIGKILL else descendants_of(pid)
    signal_group(pid, number)
    for each in [pid, *below]:  # it may not have come to setsid() yet
        if number == signal.SIGKILL or group_of(each) != pid:
            send(each, number)
        if number != signal.SIGKILL:
            send(each, signal.SIGCONT)


def signal_group(group: int, number: int) -> None:
    """Send a signal to the members of a process group that are left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def freeze_below(pid: int, *, root: bool = False) -> list[int]:
    """Stop all that is below `pid`, with `root` first `pid` itself; return what is below."""
    if root:
        send(pid, signal.SIGSTOP)
    give_up = time.monotonic() + _PATIENCE_S
    seen: set[int] = set()
    # Whatever forks as fast as it can leaves zombies by the thousand: to look at each of them again would be
    # slower than it is.
    ended: set[int] = set()
    while True:
        below = descendants_of(pid, ended)
        fresh = [each for each in below if each not in seen]
        for each in fresh:
            send(each, signal.SIGSTOP)
        seen.update(fresh)
        alive = [each for each in below if each not in ended]
        ended.update(each for each in alive if _state(each) in "ZX")
        # One that was about to fork when it was told to stop may do so still.
        if not fresh and not any(is_running(each) for each in ([pid, *alive] if root else alive)):
            return below
        if time.monotonic() > give_up:
            return below
        time.sleep(0.0002)


def is_running(pid: int) -> bool:
    """Whether a process is there, and neither stopped nor a zombie."""
    return _state(pid) not in "TtZX"


def _state(pid: int) -> str:
    """Return the state of a process as the kernel tells it, X for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def group_of(pid: int) -> int | None:
    """Return the process group of a process, or None when it has ended."""
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - the path is text already
    except OSError:
        return found
    for thread in threads:
        with contextlib.suppress(OSError):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found
