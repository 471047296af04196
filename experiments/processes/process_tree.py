"""Killing a process with all that it has started, in whatever groups and sessions.

All descendants of a worker remain its descendants: it is a subreaper, so a daemon's second fork becomes
its child, not init's. Elsewhere than on Linux only the process group can be reached.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Collection
from pathlib import Path

#: Processes that do not stop in this time hang in the kernel; they die when its call returns.
_PATIENCE_S = 0.5


def descendants_of(pid: int, ended: Collection[int] = ()) -> list[int]:
    """Return the descendants of `pid`, zombies too, parents before children.

    Parameters
    ----------
    ended : collection of int
        Known to be zombies, which have no descendants.
    """
    descendants: list[int] = []
    waiting = [pid]
    while waiting:
        children = _children(waiting.pop())
        descendants += children
        waiting += [child for child in children if child not in ended]
    return descendants


def kill_tree(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process, its group, and all that is below it.

    Parameters
    ----------
    pid : int
        Alive; the leader of its own group, or about to become it.
    number : int
        SIGKILL stops all of them first, so that none can start another process meanwhile. After any other
        signal those that are stopped are woken up, or it would not reach them.
    """
    below = freeze_below(pid, root=True) if number == signal.SIGKILL else descendants_of(pid)
    signal_group(pid, number)
    for member in [pid, *below]:  # it may not have called setsid() yet
        if number == signal.SIGKILL or group_of(member) != pid:
            send(member, number)
        if number != signal.SIGKILL:
            send(member, signal.SIGCONT)


def signal_group(group: int, number: int) -> None:
    """Send a signal to the remaining members of a process group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def kill_group(pid: int) -> None:
    """Kill a child of this process and its group; it may not lead the group yet."""
    signal_group(pid, signal.SIGKILL)
    send(pid, signal.SIGKILL)


def freeze_below(pid: int, *, root: bool = False) -> list[int]:
    """Stop all descendants of `pid`, with `root` first `pid` itself; return the descendants."""
    if root:
        send(pid, signal.SIGSTOP)
    give_up = time.monotonic() + _PATIENCE_S
    seen: set[int] = set()
    # A program that forks as fast as it can leaves thousands of zombies: reading the state of all of them
    # again would be slower than it is.
    ended: set[int] = set()
    while True:
        below = descendants_of(pid, ended)
        fresh = [child for child in below if child not in seen]
        for child in fresh:
            send(child, signal.SIGSTOP)
        seen.update(fresh)
        alive = [child for child in below if child not in ended]
        ended.update(child for child in alive if _state(child) in "ZX")
        # A process that was about to fork when it was stopped may do so still.
        if not fresh and not any(is_running(member) for member in ([pid, *alive] if root else alive)):
            return below
        if time.monotonic() > give_up:
            return below
        time.sleep(0.0002)


def is_running(pid: int) -> bool:
    """Whether a process exists, and is neither stopped nor a zombie."""
    return _state(pid) not in "TtZX"


def _state(pid: int) -> str:
    """Return the letter of a process's state in proc(5), X for a process that is gone."""
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
    children: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - the path is text already
    except OSError:
        return children
    for thread in threads:
        with contextlib.suppress(OSError):
            children += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return children
