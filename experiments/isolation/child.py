"""The child: one process for one attempt."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from database.claims.types import Chunk, Claim
from experiments.attempt.context import Run
from experiments.attempt.single import attempt
from experiments.isolation.channel import Channel, ChannelClosedError, MessageKind
from experiments.journal_encoding import encode_chunks, encode_finished
from experiments.processes.exit_status import LOST_DESCRIPTORS_EXIT_CODE
from experiments.processes.parent_death import die_with_parent
from experiments.processes.subreaper import become_subreaper
from experiments.target.function import LoadedFunction


@dataclass(frozen=True)
class Job:
    """What a child has to run: the part of a `Task` that crosses the process border."""

    claim: Claim
    directory: Path

    def encode(self) -> bytes:
        """Return the job as bytes."""
        return json.dumps([asdict(self.claim), os.fspath(self.directory)]).encode()

    @classmethod
    def decode(cls, body: bytes) -> Job:
        """Return the job that `encode` turned into bytes."""
        plain, directory = json.loads(body)
        return cls(Claim(**plain), Path(directory))


def run_child(channel: Channel, parent_pipe: Connection[Any, Any], target: LoadedFunction) -> NoReturn:
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


def _run(channel: Channel, target: LoadedFunction) -> None:
    message = channel.receive()
    assert message is not None
    job = Job.decode(message.body)
    run = Run(job.claim, directory=job.directory, write=_Writer(channel))
    finished = attempt(target, job.claim, run)
    _flush()
    if not channel.is_lost():
        channel.send(MessageKind.FINISHED, encode_finished(finished))


class _Writer:
    """Sends metrics to the worker, which writes them."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._owner = os.getpid()

    def __call__(self, chunks: Sequence[Chunk]) -> bool:
        if os.getpid() != self._owner:  # in a process that the experiment forked: the channel is not its own
            return False
        if self._channel.is_lost():
            os._exit(LOST_DESCRIPTORS_EXIT_CODE)
        self._channel.send(MessageKind.CHUNKS, encode_chunks(chunks))
        answer = self._channel.receive()
        return answer is not None and answer.body == b"\x01"


def _flush() -> None:
    """Flush the buffers of Python and the C library."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the experiment may have replaced them by anything
            stream.flush()
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).fflush(None)
