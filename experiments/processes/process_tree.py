"""Killing a process with all that it has started, in whatever groups and sessions.

All descendants of a worker remain its descendants: it is a subreaper, so a daemon's second fork becomes
its child, not init's. Elsewhere than on Linux only the process group can be reached.

A process that changed its session and outlived its worker is no descendant of ours. But every process
that a runner's workers start has the runner's tag in its environment, mere forks too (the kernel shows
for them the environment that their program was started with). Only a program that was started with an
emptied environment, after its own setsid(), by a worker that was then killed, escapes.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Collection, Iterable
from pathlib import Path

import psutil

from database import clock
from database.process_identity import ProcessIdentity

#: The environment variable that names the runner, in its workers and all that they start.
TAG_VARIABLE = "EXPERIMENTS_RUNNER"
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
    give_up = clock.monotonic() + _PATIENCE_S
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
        if clock.monotonic() > give_up:
            return below
        clock.sleep(0.0002)


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


def tag_of(runner: ProcessIdentity) -> str:
    """Return the tag of a runner: its process, so that it covers all that this process runs."""
    return f"{runner.pid}-{runner.pid_start}"


def kill_tagged(runner: ProcessIdentity, keep: Iterable[int] = ()) -> list[int]:
    """Kill the processes that a runner of this host has left without a worker.

    Parameters
    ----------
    runner : ProcessIdentity
        A runner of another host or boot has no processes here.
    keep : iterable of int
        Its living workers: they and their descendants are spared. So is all that is in the runner's
        own session, where its helpers are; a worker leaves that at once, and no process comes back to it.

    Returns
    -------
    list of int
        The processes that were killed.
    """
    own = ProcessIdentity.own()
    if (runner.host, runner.boot_id) != (own.host, own.boot_id):
        return []
    tag, spared = tag_of(runner), set(keep)
    home = None if runner.is_gone() else _session(runner.pid)
    killed = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TAG_VARIABLE) != tag or process.pid == own.pid:
                continue
            ancestors = [above.pid for above in process.parents()]
        except (psutil.Error, OSError):
            continue  # it has ended, or belongs to another user
        if _session(process.pid) not in {home, None} and spared.isdisjoint([process.pid, *ancestors]):
            send(process.pid, signal.SIGKILL)
            killed.append(process.pid)
    return killed


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None
