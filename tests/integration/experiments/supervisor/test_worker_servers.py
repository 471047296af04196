"""The servers that workers are forked from."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from experiments.processes.fresh_process import ctrl_c_blocked, fresh_interpreters
from experiments.supervisor.worker_servers import WorkerServer


def test_terminal_interrupts_a_server_that_starts(capfd: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C reaches all processes of a terminal: a server that starts prints nothing, and goes on."""
    server = WorkerServer.acquire({"TEST_OF": "interrupts"})
    with fresh_interpreters():
        server.start()
        assert server.pid is not None
        pid = server.pid
        os.kill(pid, signal.SIGINT)
        with server.forks():
            process = multiprocessing.get_context("forkserver").Process(target=os._exit, args=(7,))
            process.start()
    process.join()
    os.kill(pid, signal.SIGINT)
    assert (process.exitcode, server.pid) == (7, pid)
    server.release()
    server._stop()
    assert capfd.readouterr().err == ""


def test_terminal_interrupts_an_interpreter_that_starts() -> None:
    """So does a spawned one, until what it runs unblocks the signal."""
    with ctrl_c_blocked():
        process = multiprocessing.get_context("spawn").Process(target=os._exit, args=(7,))
        process.start()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode == 7
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
