"""Processes that end with their parent."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

PATIENCE_S = 30.0

PARENT = """
import multiprocessing, os, signal, subprocess, sys, time
from experiments.processes.parent_death import die_with_parent

def child(pipe, started):
    die_with_parent(pipe)
    pipe.close()
    below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    started.send((os.getpid(), os.getsid(0), below.pid))
    time.sleep(600)

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    reader, writer = context.Pipe(duplex=False)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pids = []
    for _ in range(2):
        answer, started = context.Pipe(duplex=False)
        context.Process(target=child, args=(reader, started)).start()
        pid, session, below = answer.recv()
        assert pid == session
        pids += [pid, below]
    print(bystander.pid, *pids, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("start_method", ["spawn", "forkserver"])
def test_death_of_the_parent(tmp_path: Path, start_method: str) -> None:
    """Several processes on one pipe die with their parent, each with what it started; nobody else does."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, script, start_method], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        bystander, *others = map(int, parent.stdout.readline().split())
    try:
        wait_for_end(others)
        assert psutil.pid_exists(bystander)
    finally:
        os.kill(bystander, signal.SIGKILL)
        wait_for_end([bystander])


#: A process that is stopped while it sets this up, as by one that is about to kill it but dies before.
STOPPED = """
import multiprocessing, os, signal, sys
from experiments.processes.parent_death import die_with_parent

reader, writer = multiprocessing.Pipe(duplex=False)
if os.fork() == 0:
    writer.close()
    die_with_parent(reader)
    child = os.fork()
    if child == 0:
        lead_session = os.setsid
        def stop():
            if sys.argv[1] == "before":
                os.kill(os.getpid(), signal.SIGSTOP)
            lead_session()
            os.kill(os.getpid(), signal.SIGSTOP)
        os.setsid = stop
        die_with_parent(reader)
    os.waitpid(child, os.WUNTRACED)
    print(os.getpid(), child, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_stopped_meanwhile(moment: str) -> None:
    """Also a process dies that is stopped before or after it has left its parent's group."""
    with subprocess.Popen([sys.executable, "-c", STOPPED, moment], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert psutil.Process(pids[-1]).status() == psutil.STATUS_STOPPED
        parent.kill()
    wait_for_end(pids)


def wait_for_end(pids: list[int]) -> None:
    """Wait until processes, which may have ended by now, are gone."""
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).wait(PATIENCE_S)
