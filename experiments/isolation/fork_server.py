"""The fork server: a clean process with the target loaded, which forks a child for each experiment.

It is single-threaded and has no database connection. It serves one request of its worker at a time; a
child that has ended stays a zombie until the worker requests to reap it, so its process id and group can be
signalled safely until then. The fork server of `multiprocessing` reaps at once, does not report what a child
used, and reaches 0.77 of this rate: see docs/design.md.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import json
import os
import signal
import socket
import sys
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from database.engine.registry import configure
from experiments.isolation.channel import Channel, ChannelClosedError, Message, MessageKind
from experiments.isolation.child import run_child
from experiments.output.capture import redirect_output
from experiments.processes.forks import fork_quietly, threads_that_survive_forks
from experiments.processes.parent_death import die_with_parent
from experiments.processes.process_tree import kill_group
from experiments.processes.subreaper import become_subreaper, end_descendants
from experiments.processes.thread_limits import threads_in_force
from experiments.target.base import LoadedTarget, TargetError
from experiments.target.parsing import parse_target


@dataclass(frozen=True)
class LoadRequest:
    """The target that a fork server has to load, and its environment.

    Attributes
    ----------
    target, base_directory : str
        As `parse_target` takes them.
    output : str
        The worker's file, which stdout and stderr are redirected to.
    database_url : str or None
        For experiments that open a session.
    modules : str
        The folder of the run that `Target.load` takes.
    """

    target: str
    base_directory: str
    output: str
    database_url: str | None
    modules: str

    def encode(self) -> bytes:
        """Return the request as bytes."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True)
class ChildExit:
    """How a child ended, and the resources that it and its reaped descendants used.

    Attributes
    ----------
    code : int
        The exit code, or minus the number of the signal that killed it.
    """

    code: int
    cpu_s: float
    peak_memory_bytes: int

    @classmethod
    def wait(cls, pid: int) -> ChildExit:
        """Wait for a child of this process and reap it."""
        _, status, usage = os.wait4(pid, 0)
        peak = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
        return cls(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, peak)


def main(channel: int, parent_pipe: int) -> NoReturn:
    """Serve in a new interpreter, which has inherited these descriptors."""
    for descriptor in (channel, parent_pipe):
        os.set_inheritable(descriptor, False)
    serve(Channel(socket.socket(fileno=channel)), Connection(parent_pipe, writable=False))


def serve(channel: Channel, parent_pipe: Connection[Any, Any]) -> NoReturn:
    """Serve the worker at the other end of `channel`, and exit with it."""
    try:
        die_with_parent(parent_pipe)
        become_subreaper()
        # A batch system that ends a job signals all of its processes; here the worker decides.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _ForkServer(channel, parent_pipe).serve()
    except ChannelClosedError:
        pass  # the worker has ended
    except BaseException:  # noqa: BLE001 - printed to stderr; no copy of the worker may continue
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    finally:
        end_descendants()
        os._exit(0)


class _ForkServer:
    def __init__(self, channel: Channel, parent_pipe: Connection[Any, Any]) -> None:
        self._channel = channel
        self._parent_pipe = parent_pipe
        self._target: LoadedTarget | None = None
        self._child: int | None = None

    def serve(self) -> NoReturn:
        while True:
            message = self._channel.receive()
            assert message is not None
            if message.kind is MessageKind.LOAD:
                self._load(LoadRequest(**json.loads(message.body)))
            elif message.kind is MessageKind.FORK:
                self._fork(message)
            elif message.kind is MessageKind.REAP:
                self._reap()
            elif message.kind is MessageKind.EXEC:
                run_child(self._channel, self._parent_pipe, self._loaded())

    def _loaded(self) -> LoadedTarget:
        assert self._target is not None
        return self._target

    def _load(self, request: LoadRequest) -> None:
        _redirect_output(request.output)
        faulthandler.enable()
        if request.database_url is not None:
            configure(request.database_url, protocol=True, program="worker")
        try:
            self._target = parse_target(request.target, request.base_directory).load(Path(request.modules))
        except TargetError as error:
            self._channel.send(MessageKind.FAILED, str(error).encode("utf-8", "replace"))
            return
        threads_in_force()  # finds the libraries: a child searches again only when it has imported more
        gc.collect()
        gc.freeze()  # otherwise each child's first collection would copy all pages
        answer = {"threads": threads_that_survive_forks(), "code": dict(self._target.code.files)}
        self._channel.send(MessageKind.LOADED, json.dumps(answer).encode())

    def _fork(self, message: Message) -> None:
        (descriptor,) = message.descriptors
        pid = fork_quietly()
        if pid == 0:
            with contextlib.suppress(Exception):
                self._channel.close()
            run_child(Channel(socket.socket(fileno=descriptor)), self._parent_pipe, self._loaded())
        os.close(descriptor)
        self._child = pid
        self._channel.send(MessageKind.FORKED, str(pid).encode())

    def _reap(self) -> None:
        assert self._child is not None
        kill_group(self._child)
        child_exit = ChildExit.wait(self._child)
        self._child = None
        end_descendants()
        self._channel.send(MessageKind.REAPED, json.dumps(asdict(child_exit)).encode())


def _redirect_output(path: str) -> None:
    """Append to the worker's file what is written to descriptors 1 and 2, and to Python's streams."""
    with Path(path).open("ab") as file, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        redirect_output(file.fileno())
