"""The worker's handle of a child."""

from __future__ import annotations

import os
import signal

import psutil

from experiments.isolation.channel import Channel
from experiments.processes.process_tree import kill_group, kill_tree


class ChildProcess:
    """A process for one attempt, until it is reaped.

    Parameters
    ----------
    pid : int
        Not reused until it is reaped.
    channel : Channel
        To the child.
    is_own : bool
        Whether it is a child of this process, not of a fork server.
    """

    def __init__(self, pid: int, channel: Channel, *, is_own: bool) -> None:
        self.pid = pid
        self.channel = channel
        self.is_own = is_own
        self._descriptor = _open(pid)

    @property
    def end_descriptor(self) -> int | None:
        """A descriptor that becomes readable when the process ends; None before Linux 5.3."""
        return self._descriptor

    def has_ended(self) -> bool:
        """Whether the process is dead and can be reaped."""
        try:
            return psutil.Process(self.pid).status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
        except psutil.NoSuchProcess:
            return True

    def terminate(self) -> None:
        """Send SIGTERM to the child and its descendants."""
        kill_tree(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill the child and its descendants at once."""
        kill_tree(self.pid, signal.SIGKILL)

    def kill_group(self) -> None:
        """Kill the child and its group; for descendants outside of it, see `end_descendants`."""
        kill_group(self.pid)

    def close(self) -> None:
        """Close the channel and the descriptor."""
        self.channel.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
