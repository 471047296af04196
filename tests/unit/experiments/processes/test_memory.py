"""The memory that processes use, and kills by the kernel for lack of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from experiments.processes.forks import fork_quietly
from experiments.processes.memory import KernelKills, MemoryMeter, events_file, memory_message

MB = 10**6


@contextmanager
def child() -> Iterator[int]:
    """Fork a process that waits, and end it."""
    pid = fork_quietly()
    if pid == 0:
        signal.pause()
        os._exit(0)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_of_this_process() -> None:
    """What a process allocates and touches is seen."""
    before = MemoryMeter().read(os.getpid())
    assert before is not None
    hog = bytearray(50 * MB)
    after = MemoryMeter().read(os.getpid())
    assert after is not None
    assert after - before > 40 * MB
    assert after > resident() - 20 * MB  # more, when other tests have left something below this process
    del hog


def test_descendants_count() -> None:
    """The memory of what a process has started is its own too."""
    alone = MemoryMeter().read(os.getpid())
    with child():
        together = MemoryMeter().read(os.getpid())
    assert alone is not None
    assert together is not None
    assert together > alone + MB


def test_no_such_process() -> None:
    """The memory of a process that has ended is not known."""
    with child() as pid:
        pass
    assert MemoryMeter().read(pid) is None
    assert MemoryMeter(1).read(pid) is None


def test_shared_pages_break_no_limit() -> None:
    """Pages that a process shares with those it forked are not counted twice when it matters."""
    hog = bytearray(100 * MB)
    alone = MemoryMeter().read(os.getpid())  # with what other tests have left below this process
    assert alone is not None
    limit = alone + 50 * MB
    with child(), child():
        plain = MemoryMeter().read(os.getpid())
        assert plain is not None
        assert plain > limit  # the sum of the sizes would break it
        meter = MemoryMeter(limit)
        exact = meter.read(os.getpid())
        assert exact is not None
        assert exact <= limit
        again = meter.read(os.getpid())  # too early for another exact look
        assert again is not None
        assert again <= limit
        assert meter.peak_bytes is not None
        assert meter.peak_bytes <= limit
    del hog


def test_broken_limit() -> None:
    """A process alone that takes more than the limit is reported at once, and the peak is kept."""
    meter = MemoryMeter(10 * MB)
    taken = meter.read(os.getpid())
    assert taken is not None
    assert taken > 10 * MB
    assert meter.peak_bytes == taken


def test_message() -> None:
    """Sizes are printed in megabytes."""
    assert memory_message(812_345_678, 500 * MB) == "it took 812 MB, more than execute.memory = 500 MB"
    assert memory_message(8_590_000_000, 8 * 10**9) == "it took 8.6 GB, more than execute.memory = 8 GB"
    assert memory_message(2048, 512) == "it took 2.0 kB, more than execute.memory = 512 bytes"


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "memory.events"
    path.write_text("low 0\nhigh 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 0\n")
    return path


def test_kernel_kills(events: Path) -> None:
    """A count that rises is a kill; what was there before is none of ours."""
    kills = KernelKills(events)
    assert not kills.was_oom_kill()
    events.write_text(events.read_text().replace("oom_kill 3", "oom_kill 4"))
    assert kills.was_oom_kill()
    assert kills.was_oom_kill()  # two deaths are seen at once


def test_old_kernel_kill_explains_nothing(events: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill of a while ago is not taken for the cause of a death now."""
    kills = KernelKills(events)
    events.write_text(events.read_text().replace("oom_kill 3", "oom_kill 4"))
    kills.update()
    now = time.monotonic()
    monkeypatch.setattr("database.clock.monotonic", lambda: now + 60)
    assert not kills.was_oom_kill()


def test_count_that_vanishes(events: Path) -> None:
    """Where nothing can be read, nothing is claimed."""
    kills = KernelKills(events)
    events.unlink()
    assert not kills.was_oom_kill()
    assert not KernelKills(events).was_oom_kill()


def proc_folder(tmp_path: Path, cgroup: str, mount: str, kind: str) -> Path:
    folder = tmp_path / "proc"
    folder.mkdir()
    (folder / "cgroup").write_text(cgroup)
    mounts = ["22 27 0:21 / /proc rw,relatime - proc proc rw", f"31 23 0:28 {mount} rw - {kind}"]
    (folder / "mountinfo").write_text("\n".join(mounts) + "\n")
    return folder


@pytest.mark.parametrize(
    ("cgroup", "kind", "name"),
    [
        ("0::/my group/job\n", "cgroup2 cgroup2 rw,nsdelegate", "memory.events"),
        (
            "9:name=systemd:/\n4:cpu,memory:/my group/job\n0::/\n",
            "cgroup cgroup rw,memory",
            "memory.oom_control",
        ),
    ],
)
def test_events_of_own_group(tmp_path: Path, cgroup: str, kind: str, name: str) -> None:
    """The file of this process's own control group is known, in versions 1 and 2."""
    group = tmp_path / "fs é" / "my group" / "job"
    group.mkdir(parents=True)
    (group / name).write_text("oom_kill 0\n")
    mounted_at = str(tmp_path / "fs é").replace(" ", "\\040")
    assert events_file(proc_folder(tmp_path, cgroup, f"/ {mounted_at}", kind)) == group / name


def test_events_in_a_container(tmp_path: Path) -> None:
    """A container that has its own group mounted, under a path it cannot see, is understood."""
    (tmp_path / "fs").mkdir()
    (tmp_path / "fs" / "memory.events").write_text("oom_kill 0\n")
    folder = proc_folder(
        tmp_path, "0::/docker/1234\n", f"/docker/1234 {tmp_path / 'fs'}", "cgroup2 cgroup2 rw"
    )
    assert events_file(folder) == tmp_path / "fs" / "memory.events"


def test_no_events(tmp_path: Path) -> None:
    """Without control groups there is no file, and no error."""
    assert events_file(tmp_path / "nowhere") is None
    assert events_file(proc_folder(tmp_path, "0::/x\n", f"/ {tmp_path}", "tmpfs tmpfs rw")) is None
