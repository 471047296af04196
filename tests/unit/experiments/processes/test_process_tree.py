"""Ending processes with all that they have started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from database.process_identity import ProcessIdentity
from experiments.processes.process_tree import (
    TAG_VARIABLE,
    descendants_of,
    group_of,
    is_running,
    kill_tagged,
    kill_tree,
    send,
    tag_of,
)

ROOT = Path(__file__).parents[4]
#: A worker-like process: leader of its session and subreaper.
WORKER = """
import os, signal, subprocess, sys, time
os.setsid()
from experiments.processes.subreaper import become_subreaper, end_descendants
become_subreaper()
def daemon():  # forks twice, with a session of its own, then writes its pid
    reader, writer = os.pipe()
    first = os.fork()
    if first == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writer, str(os.getpid()).encode())
            signal.pause()
        os._exit(0)
    os.waitpid(first, 0)
    return int(os.read(reader, 20))
"""


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def worker() -> Iterator[Start]:
    """Return a function that starts a worker-like process; it ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, **environment: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", WORKER + textwrap.dedent(code)],
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdout=subprocess.PIPE,
                stdin=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            kill_tree(process.pid)
        process.communicate()


def pids_told(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout is not None
    return [int(word) for word in process.stdout.readline().split()]


def wait_for_end(pids: list[int]) -> None:
    for pid in pids:
        while is_running(pid):
            pass


def test_tree_dies(worker: Start) -> None:
    """Children, grandchildren and daemons in sessions of their own die with the process."""
    process = worker(
        """
        child = subprocess.Popen([sys.executable, "-c", '''
        import os, subprocess
        grandchild = subprocess.Popen(["sleep", "1000"], start_new_session=True)
        print(grandchild.pid, flush=True)
        grandchild.wait()
        '''.replace("        ", "")], stdout=subprocess.PIPE, text=True)
        print(child.pid, int(child.stdout.readline()), daemon(), flush=True)
        signal.pause()
        """
    )
    pids = pids_told(process)
    assert set(pids) <= set(descendants_of(process.pid))
    assert len({group_of(pid) for pid in pids}) == 3
    kill_tree(process.pid)
    assert process.wait() == -signal.SIGKILL
    wait_for_end(pids)


def test_other_signals_reach_each_process_once(worker: Start) -> None:
    """SIGTERM reaches a process and those below it that have left its group."""
    process = worker("print(daemon(), flush=True); signal.pause()")
    (daemon,) = pids_told(process)
    kill_tree(process.pid, signal.SIGTERM)
    assert process.wait() == -signal.SIGTERM
    wait_for_end([daemon])


def test_forking_without_end(worker: Start) -> None:
    """Processes that fork and leave their session all the time do not escape.

    They rest for a moment each time: what forks without any rest wins against a busy computer.
    """
    name = uuid.uuid4().hex  # others may run this test too
    process = worker(
        """
        print(0, flush=True)
        end = time.monotonic() + 30  # should they escape, the test fails instead of hanging
        for _ in range(4):
            if os.fork() == 0:
                while time.monotonic() < end:  # it goes on in the child, the parent ends
                    if os.fork():
                        os._exit(0)
                    time.sleep(0.002)
                    os.setsid() if os.getpid() != os.getpgrp() else None
                os._exit(0)
        signal.pause()
        """,
        CHAIN=name,
    )
    pids_told(process)
    below: set[int] = set()
    while len(below) < 20:  # it is well on its way
        below.update(descendants_of(process.pid))
    kill_tree(process.pid)
    process.wait()
    wait_for_end([pid for pid in psutil.pids() if _runs_the_chain(pid, name)])
    assert not any(_runs_the_chain(pid, name) for pid in psutil.pids())


def _runs_the_chain(pid: int, name: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return is_running(pid) and f"CHAIN={name}".encode() in environment


def test_end_descendants(worker: Start) -> None:
    """A worker ends what an experiment left: children, daemons, zombies; itself it goes on."""
    process = worker(
        """
        pids = [subprocess.Popen(["sleep", "1000"]).pid, daemon(), daemon()]
        if os.fork() == 0: os._exit(3)
        assert end_descendants() in {3, 4}  # the last may have exited already
        assert not any(os.path.exists(f"/proc/{pid}") for pid in pids), pids
        assert end_descendants() == 0
        try: os.wait()
        except ChildProcessError: print("nothing left", flush=True)
        """
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "nothing left\n"
    assert process.wait() == 0


def test_multiprocessing_after_the_end_of_its_processes(worker: Start) -> None:
    """Pools work again and again although what each leaves is killed."""
    process = worker(
        """
        import multiprocessing
        context = multiprocessing.get_context("fork")
        for _ in range(2):
            kept = context.Pool(2)
            assert kept.map(abs, [-1, -2]) == [1, 2]
            with context.Pool(1) as pool: assert pool.map(abs, [-3]) == [3]
            assert end_descendants() == 2
            kept.terminate()
        assert multiprocessing.active_children() == []
        for _ in range(2):  # what multiprocessing keeps for itself is ended too, but nobody's
            with multiprocessing.get_context("spawn").Pool(1) as pool: assert pool.map(abs, [-3]) == [3]
            assert end_descendants() == 0
        print("worked", flush=True)
        os._exit(0)
        """
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "worked\n"


def test_marked(worker: Start) -> None:
    """What a dead worker has left is killed by its tag; living workers and strangers are spared."""
    runner = ProcessIdentity.own()
    code = "print(daemon(), flush=True); signal.pause()"
    dead = worker(code, **{TAG_VARIABLE: tag_of(runner)})
    living = worker(code, **{TAG_VARIABLE: tag_of(runner)})
    stranger = worker(code, **{TAG_VARIABLE: "1-1"})
    (left,), (kept,), (other,) = pids_told(dead), pids_told(living), pids_told(stranger)
    os.kill(dead.pid, signal.SIGKILL)
    dead.wait()
    assert is_running(left)
    assert kill_tagged(runner, keep=[living.pid]) == [left]
    wait_for_end([left])
    assert kill_tagged(runner, keep=[living.pid]) == []
    assert all(is_running(pid) for pid in (kept, other, living.pid, stranger.pid))


def test_marks_of_other_hosts() -> None:
    """A runner of another host or boot has nothing to be killed here."""
    own = ProcessIdentity.own()
    assert kill_tagged(ProcessIdentity("elsewhere", own.boot_id, own.pid, own.pid_start)) == []
    assert kill_tagged(ProcessIdentity(own.host, "another boot", own.pid, own.pid_start)) == []


def test_ended_processes() -> None:
    """Processes that have ended are no error."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    send(gone.pid, signal.SIGTERM)
    assert descendants_of(gone.pid) == []
    assert group_of(gone.pid) is None
    assert not is_running(gone.pid)
