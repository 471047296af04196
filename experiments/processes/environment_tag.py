"""Finding what a dead worker or runner has left, by a mark in the environment of its processes.

What changed its session and lost its worker belongs to nobody any more. But every process that a
runner's workers start has the runner's mark in its environment, mere forks too (the kernel shows
them the environment that their program was started with). Only a program that was started with an
emptied environment, after its own setsid(), by a worker that was then killed, is not found.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

from database.claims.runners import ProcessIdentity
from experiments.processes.process_tree import send

#: Names the runner in the environment of its workers and of all that they start.
MARK_VARIABLE = "EXPERIMENTS_RUNNER"


def mark_of(runner: ProcessIdentity) -> str:
    """Return the mark of a runner: its process, so that it holds for all that this process runs."""
    return f"{runner.pid}-{runner.pid_start}"


def kill_marked(runner: ProcessIdentity, keep: Iterable[int] = ()) -> list[int]:
    """Kill the processes that a runner of this host has left without a worker.

    Parameters
    ----------
    runner : ProcessIdentity
        Whose. One of another host or boot has nothing here.
    keep : iterable of int
        Its living workers: they and all below them are spared. So is whatever is in the runner's
        own session, where its helpers are; a worker has left that at once, and nothing comes back to it.

    Returns
    -------
    list of int
        What was killed.
    """
    own = ProcessIdentity.own()
    if (runner.host, runner.boot_id) != (own.host, own.boot_id):
        return []
    entry = f"{MARK_VARIABLE}={mark_of(runner)}".encode()
    spared, home = set(keep), None if runner.is_gone() else _session(runner.pid)
    killed = []
    for pid in _processes():
        if pid == own.pid or not _is_marked(pid, entry) or _session(pid) in {home, None}:
            continue
        if not _has_above(pid, spared):
            send(pid, signal.SIGKILL)
            killed.append(pid)
    return killed


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names are enough
    except OSError:
        return []


def _is_marked(pid: int, entry: bytes) -> bool:
    try:
        return entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False  # it has ended, or is somebody else's


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _has_above(pid: int, wanted: set[int]) -> bool:
    """Whether `pid` or one of its ancestors is among `wanted`."""
    while pid > 1:
        if pid in wanted:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            return False
    return False
