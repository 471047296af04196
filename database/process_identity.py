"""The user that this process runs as; and the identity of a runner's process, also after a reboot."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from database.settings import Settings


@cache
def current_user() -> str:
    """Return ``user@host`` of this process; the uid in place of a missing user name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no entry anywhere
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


@dataclass(frozen=True)
class ProcessIdentity:
    """A process, as distinct from all others, also after a reboot and a reuse of its pid.

    Attributes
    ----------
    host : str
    boot_id : str
        The kernel's id of the boot and the namespace of pids; empty where there is no /proc.
    pid : int
    pid_start : int
        When the kernel started it, in clock ticks since boot.
    """

    host: str
    boot_id: str
    pid: int
    pid_start: int

    @classmethod
    def own(cls) -> ProcessIdentity:
        """Return the identity of this process."""
        return cls(_host(), _boot_id(), os.getpid(), _start_ticks(os.getpid()))

    def is_gone(self) -> bool:
        """Return whether it has provably ended; False when that cannot be seen from here."""
        own = _boot_id()
        if self.host != _host() or not self.boot_id or not own:
            return False
        boot, _, namespace = self.boot_id.partition("/")
        own_boot, _, own_namespace = own.partition("/")
        if boot != own_boot:
            return True
        # Seen from another container on the same kernel, the pid is another process's.
        return namespace == own_namespace and _start_ticks(self.pid) != self.pid_start


def _host() -> str:
    return Settings.from_environment().host or socket.gethostname()


def _boot_id() -> str:
    """Return the kernel's id of this boot and the namespace of pids, or nothing where there is no /proc."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start_ticks(pid: int) -> int:
    """Return when the kernel started `pid`, in clock ticks since boot; -1 when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return -1
    return -1 if fields[0] in "ZX" else int(fields[19])


#: The active runners of this process. A row whose process is alive may belong to a run that has ended in
#: it, as several runs in one notebook do.
_active: set[str] = set()


def enter(runner_id: str) -> None:
    """Note that a runner is active in this process."""
    _active.add(runner_id)


def leave(runner_id: str) -> None:
    """Note that a runner is no longer active in this process; its row may be alive for longer."""
    _active.discard(runner_id)


def has_ended(runner_id: str, identity: ProcessIdentity) -> bool:
    """Return whether a runner has provably ended: its process has, or is this one and it has left."""
    if identity.is_gone():
        return True
    return bool(identity.boot_id) and runner_id not in _active and identity == ProcessIdentity.own()
