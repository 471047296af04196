"""Finding the processes of a dead worker or runner, by a tag in their environment.

A process that changed its session and outlived its worker is no descendant of ours. But every process
that a runner's workers start has the runner's tag in its environment, mere forks too (the kernel shows
for them the environment that their program was started with). Only a program that was started with an
emptied environment, after its own setsid(), by a worker that was then killed, escapes.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable

import psutil

from database.process_identity import ProcessIdentity
from experiments.processes.process_tree import send

#: The environment variable that names the runner, in its workers and all that they start.
TAG_VARIABLE = "EXPERIMENTS_RUNNER"


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
