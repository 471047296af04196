"""The child: one process for one attempt."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import traceback
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from database.claims.types import Claim
from experiments.attempt.single import Task, attempt
from experiments.isolation.channel import Channel, ChannelClosedError, MessageKind
from experiments.journal_encoding import encode_finished
from experiments.processes.exit_status import LOST_DESCRIPTORS_EXIT_CODE
from experiments.processes.parent_death import die_with_parent
from experiments.processes.subreaper import become_subreaper
from experiments.target.base import LoadedTarget


def job_of(task: Task) -> bytes:
    """Return the part of a task that crosses the process border."""
    return json.dumps([asdict(task.claim), os.fspath(task.directory), os.fspath(task.points)]).encode()


def run_child(channel: Channel, parent_pipe: Connection[Any, Any], target: LoadedTarget) -> NoReturn:
    """Run one attempt in this process, report how it ended, and exit."""
    code = 1
    try:
        die_with_parent(parent_pipe)
        become_subreaper()
        if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:  # the fork server ignores it
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _run(channel, target)
        code = 0
    except ChannelClosedError:
        pass  # the worker has ended
    except BaseException:  # noqa: BLE001 - printed to stderr, which becomes the attempt's log
        traceback.print_exc()
    finally:
        if channel.is_lost():
            code = LOST_DESCRIPTORS_EXIT_CODE
        # Without the fork server's finally clauses and exit handlers.
        os._exit(code)


def _run(channel: Channel, target: LoadedTarget) -> None:
    message = channel.receive()
    assert message is not None
    claim, directory, points = json.loads(message.body)
    finished = attempt(target, Task(Claim(**claim), Path(directory), Path(points)))
    _flush()
    if not channel.is_lost():
        channel.send(MessageKind.FINISHED, encode_finished(finished))


def _flush() -> None:
    """Flush the buffers of Python and the C library."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the experiment may have replaced them by anything
            stream.flush()
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).fflush(None)
