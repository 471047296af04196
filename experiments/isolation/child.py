"""The child: one process for one attempt."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from database.claims.types import Claim
from experiments.attempt.single import Task, attempt
from experiments.isolation.channel import Channel, ChannelClosedError, MessageKind
from experiments.journal_encoding import encode_files, encode_finished
from experiments.processes.exit_status import LOST_DESCRIPTORS_EXIT_CODE
from experiments.processes.parent_death import die_with_parent
from experiments.processes.subreaper import become_subreaper
from experiments.target.base import LoadedTarget
from experiments.target.loaded_code import LoadedCode


def job_of(task: Task) -> bytes:
    """Return the part of a task that crosses the process border."""
    return json.dumps([task.claim._asdict(), os.fspath(task.files), os.fspath(task.points)]).encode()


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
    claim, files, points = json.loads(message.body)
    loaded = target.code.files
    target.code.on_edit = _CodeMessage(channel, target.code)
    finished = attempt(target, Task(Claim(**claim), Path(files), Path(points)))
    _flush()
    if not channel.is_lost():
        if target.code.files is not loaded:
            target.code.on_edit()
        channel.send(MessageKind.FINISHED, encode_finished(finished))


class _CodeMessage:
    """Says which code the child has loaded."""

    def __init__(self, channel: Channel, code: LoadedCode) -> None:
        self._channel = channel
        self._code = code
        self._owner = os.getpid(), threading.get_ident()

    def __call__(self) -> None:
        # Not from other threads or processes of the experiment: what they say would mix with ours.
        if self._owner == (os.getpid(), threading.get_ident()) and not self._channel.is_lost():
            self._channel.send(MessageKind.CODE, encode_files(self._code.files))


def _flush() -> None:
    """Flush the buffers of Python and the C library."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the experiment may have replaced them by anything
            stream.flush()
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).fflush(None)
