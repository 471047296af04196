"""The memory that processes use, and whether the kernel killed one for lack of it."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

import psutil

from database import clock
from database.files.file_systems import Mount, read_mounts
from experiments.processes.process_tree import descendants_of

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
#: An exact measurement may cost milliseconds per gigabyte: at most this share of the time goes into it.
_MAX_SHARE = 0.05
#: How long after a kill by the kernel a death is attributed to it, in seconds.
_EXPLAINS_S = 2.0


class MemoryMeter:
    """Measures the memory of a process and all of its descendants.

    The sum of the resident sizes is cheap, but counts a page that forked processes share once for
    each. So when that sum exceeds the limit, and the true size need not, the kernel is
    asked for the proportional size, which counts each shared page once.

    Parameters
    ----------
    limit_bytes : int or None
        Above it the exact size is measured.

    Attributes
    ----------
    peak_bytes : int or None
        The highest measurement.
    """

    def __init__(self, limit_bytes: int | None = None) -> None:
        self.peak_bytes: int | None = None
        self._limit_bytes = limit_bytes
        self._exact_again_at = 0.0

    def read(self, pid: int) -> int | None:
        """Return the memory in bytes; above the limit only when that is certain.

        Returns
        -------
        int or None
            None when the process has ended, or elsewhere than on Linux.
        """
        pids = [pid, *descendants_of(pid)]
        sizes = [size for size in map(_resident, pids) if size is not None]
        if not sizes:
            return None
        taken = sum(sizes)
        if self._limit_bytes is not None and len(sizes) > 1 and taken > self._limit_bytes:
            taken = self._exact(pids, at_least=max(sizes), unknown=self._limit_bytes)
        self.peak_bytes = max(self.peak_bytes or 0, taken)
        return taken

    def _exact(self, pids: list[int], *, at_least: int, unknown: int) -> int:
        begun = clock.monotonic()
        if begun < self._exact_again_at:
            return max(at_least, unknown)
        taken = sum(_proportional(pid) or 0 for pid in pids)
        now = clock.monotonic()
        self._exact_again_at = now + (now - begun) / _MAX_SHARE
        return max(taken, at_least)


def memory_message(taken_bytes: int, limit_bytes: int) -> str:
    """Return the message of an exceeded limit."""
    return f"it took {_size(taken_bytes)}, more than execute.memory = {_size(limit_bytes)}"


class KernelKills:
    """Counts the processes of this control group that the kernel killed for lack of memory.

    Parameters
    ----------
    events : Path or None
        The file with the line ``oom_kill N``; by default that of this process's control group.
    """

    def __init__(self, events: Path | None = None) -> None:
        self._events = events if events is not None else events_file()
        self._count = self._read()
        self._rose_at: float | None = None

    def update(self) -> None:
        """Read the count; only a rise shortly before a death explains it."""
        count = self._read()
        if count > self._count:
            self._rose_at = clock.monotonic()
        self._count = count

    def was_oom_kill(self) -> bool:
        """Whether a process that just died of a foreign SIGKILL was killed for lack of memory."""
        self.update()
        return self._rose_at is not None and clock.monotonic() - self._rose_at < _EXPLAINS_S

    def _read(self) -> int:
        if self._events is None:
            return 0
        try:
            line = re.search(r"^oom_kill (\d+)$", self._events.read_text(), re.MULTILINE)
        except OSError:
            return 0
        return int(line[1]) if line else 0


def events_file(proc: Path = Path("/proc/self")) -> Path | None:
    """Return the file that counts the kernel's kills in this process's control group, or None.

    Parameters
    ----------
    proc : Path
        The folder with ``cgroup`` and ``mountinfo``; see cgroups(7) and proc(5).
    """
    try:
        groups = (proc / "cgroup").read_text().splitlines()
        mounts = list(read_mounts((proc / "mountinfo").read_text()))
    except OSError:
        return None
    for line in groups:
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            name, chosen = "memory.events", [mount for mount in mounts if mount.kind == "cgroup2"]
        elif "memory" in controllers.split(","):
            name, chosen = "memory.oom_control", [mount for mount in mounts if "memory" in mount.options]
        else:
            continue
        for folder in (folder for mount in chosen for folder in _folders_of(group, mount)):
            if (folder / name).is_file():
                return folder / name
    return None


def _folders_of(group: str, mount: Mount) -> tuple[Path, Path]:
    """Return where the files of a control group may be."""
    try:
        below = PurePosixPath(group).relative_to(mount.root)
    except ValueError:  # a container sees its own group at the mount point
        below = PurePosixPath()
    return mount.point / below, mount.point


def _resident(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - called often; Path costs as much as the read
            return int(file.read().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return None


def _proportional(pid: int) -> int | None:
    """Return the size with each shared page divided by the number of processes that share it."""
    try:
        return int(psutil.Process(pid).memory_full_info().pss)
    except (psutil.Error, AttributeError):  # it has ended, or the kernel has no smaps
        return _resident(pid)


def _size(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            value = count / size
            return f"{value:.0f} {unit}" if value >= 100 or value == int(value) else f"{value:.1f} {unit}"
    return f"{count} bytes"
