"""The worker's handle of a child."""

from __future__ import annotations

import os

import psutil

from experiments.isolation.channel import Channel


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

    Attributes
    ----------
    end_descriptor : int or None
        A descriptor that becomes readable when the process ends; None before Linux 5.3.
    """

    def __init__(self, pid: int, channel: Channel, *, is_own: bool) -> None:
        self.pid = pid
        self.channel = channel
        self.is_own = is_own
        self.end_descriptor = _open(pid)

    def has_ended(self) -> bool:
        """Whether the process is dead and can be reaped."""
        try:
            return psutil.Process(self.pid).status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
        except psutil.NoSuchProcess:
            return True

    def close(self) -> None:
        """Close the channel and the descriptor."""
        self.channel.close()
        if self.end_descriptor is not None:
            os.close(self.end_descriptor)
            self.end_descriptor = None


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
