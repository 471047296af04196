"""The user that this process runs as, and the processes of runners: their identity, and which are alive."""

from __future__ import annotations

import getpass
import os
import socket
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from database import clock
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

    def is_before_reboot(self) -> bool:
        """Return whether this computer was started again since: what was not synced to disk may be lost."""
        boot, own = self.boot_id.partition("/")[0], _boot_id().partition("/")[0]
        return self.host == _host() and bool(boot) and bool(own) and boot != own


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


def process_began() -> float:
    """Return when this process began, by `database.clock.monotonic`; now, where the kernel does not tell."""
    now, boot_clock = clock.monotonic(), getattr(time, "CLOCK_BOOTTIME", None)
    ticks = _start_ticks(os.getpid())
    if boot_clock is None or ticks <= 0:
        return now
    age_s = time.clock_gettime(boot_clock) - ticks / os.sysconf("SC_CLK_TCK")
    return now - age_s if age_s >= 0 else now


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


@dataclass(frozen=True)
class RunnerLiveness:
    """The heartbeat and process of a runner that is alive as far as the database knows.

    Attributes
    ----------
    runner_id : str
    identity : ProcessIdentity
        Its process.
    beat : int
        How many heartbeats it has sent.
    age_s : float
        The age of the last one, in seconds by the database's clock.
    journal_directory : Path or None
        Where its workers' journals lie on its host.
    """

    runner_id: str
    identity: ProcessIdentity
    beat: int
    age_s: float
    journal_directory: Path | None

    def has_ended(self) -> bool:
        """Return whether it has provably ended; see `has_ended`."""
        return has_ended(self.runner_id, self.identity)


def others_alive(session: Session, runner_id: str) -> list[RunnerLiveness]:
    """Return all other runners that the database shows as alive."""
    age = (
        "(julianday('now') - julianday(beat_at)) * 86400.0"
        if session.get_bind().dialect.name == "sqlite"
        else "extract(epoch FROM clock_timestamp() - beat_at)"
    )
    rows = session.execute(
        text(
            f"SELECT id, host, boot_id, pid, pid_start, beat, {age}, journal_directory FROM runner "
            "WHERE state = 'alive' AND id <> :runner"
        ),
        {"runner": runner_id},
    )
    return [
        RunnerLiveness(
            row[0], ProcessIdentity(*row[1:5]), row[5], float(row[6]), Path(row[7]) if row[7] else None
        )
        for row in rows
    ]
