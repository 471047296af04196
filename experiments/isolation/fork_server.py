"""The template: a clean process with the target loaded, which forks a child for each experiment.

It is single-threaded and knows no database connection. It does one thing at a time, as the worker
tells it; a child that has ended stays a zombie until the worker has it reaped, so its process id and
group can be signalled safely until then.
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
from pathlib import Path
from typing import Any, NoReturn

from database.engine.registry import configure
from experiments.attempt.single import Call
from experiments.isolation.channel import Channel, ChannelClosedError, Kind, Message
from experiments.isolation.child import be_child
from experiments.isolation.parent_pipe import hold
from experiments.output.capture import open_stream
from experiments.processes.forks import fork_quietly, threads_that_survive_forks
from experiments.processes.subreaper import become_subreaper, end_descendants
from experiments.target.function import Target, TargetError, context_arguments

#: Makes a template of a new interpreter; takes the worker's search path before anything of ours.
BOOTSTRAP = (
    "import json, sys; request = json.loads(sys.argv[1]); sys.path[:] = request['search']; "
    "from experiments.isolation.fork_server import be_new_template; be_new_template(request)"
)


@dataclass(frozen=True)
class Load:
    """What a template is told to load.

    Attributes
    ----------
    target, base_directory : str
        As `Target.parse` takes them.
    output : str or None
        The file that stdout and stderr go to; None leaves them alone.
    database_url : str or None
        For an experiment that opens a session of its own.
    arguments : list of str
        The worker's `sys.argv`.
    """

    target: str
    base_directory: str
    output: str | None
    database_url: str | None
    arguments: list[str]

    def encode(self) -> bytes:
        """Return it as bytes."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True)
class Exit:
    """How a child ended, and what it and its reaped descendants used.

    Attributes
    ----------
    code : int
        The exit code, or minus the number of the signal that killed it.
    """

    code: int
    cpu_s: float
    peak_memory_bytes: int

    @classmethod
    def wait(cls, pid: int) -> Exit:
        """Wait for a child of this process and reap it."""
        _, status, usage = os.wait4(pid, 0)
        peak = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
        return cls(os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, peak)


def be_new_template(request: dict[str, Any]) -> NoReturn:
    """Be a template in a new interpreter; `request` names the descriptors that were passed on."""
    for descriptor in (request["channel"], request["leash"]):
        os.set_inheritable(descriptor, False)
    be_template(Channel(socket.socket(fileno=request["channel"])), request["leash"])


def be_template(channel: Channel, leash: int) -> NoReturn:
    """Serve the worker at the other end of `channel`, and exit with it."""
    try:
        with contextlib.suppress(PermissionError):  # a new interpreter leads its session already
            os.setsid()
        hold(leash)
        become_subreaper()
        # A batch system that ends a job sends it to all processes; the worker decides here.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _Template(channel, leash).serve()
    except ChannelClosedError:
        pass  # the worker is done
    except BaseException:  # noqa: BLE001 - told on stderr; nothing may run on as a copy of the worker
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    finally:
        end_descendants()
        os._exit(0)


class _Template:
    def __init__(self, channel: Channel, leash: int) -> None:
        self._channel = channel
        self._leash = leash
        self._call: Call | None = None
        self._child: int | None = None

    def serve(self) -> NoReturn:
        while True:
            message = self._channel.receive()
            assert message is not None
            if message.kind is Kind.LOAD:
                self._load(Load(**json.loads(message.body)))
            elif message.kind is Kind.FORK:
                self._fork(message)
            elif message.kind is Kind.REAP:
                self._reap()
            elif message.kind is Kind.BECOME:
                be_child(self._channel, self._leash, self._loaded())

    def _loaded(self) -> Call:
        assert self._call is not None
        return self._call

    def _load(self, load: Load) -> None:
        if load.output is not None:
            _redirect_output(load.output)
        faulthandler.enable()
        sys.argv[:] = load.arguments
        if load.database_url is not None:
            configure(load.database_url, protocol=True)
        try:
            function = Target.parse(load.target, load.base_directory).load()
            self._call = Call(function, context_arguments(function))
        except TargetError as error:
            self._channel.send(Kind.FAILED, str(error).encode("utf-8", "replace"))
            return
        gc.collect()
        gc.freeze()  # or each child's first collection would copy all of it
        self._channel.send(Kind.LOADED, str(threads_that_survive_forks()).encode())

    def _fork(self, message: Message) -> None:
        (descriptor,) = message.descriptors
        pid = fork_quietly()
        if pid == 0:
            with contextlib.suppress(Exception):
                self._channel.close()
            be_child(Channel(socket.socket(fileno=descriptor)), self._leash, self._loaded())
        os.close(descriptor)
        self._child = pid
        self._channel.send(Kind.FORKED, str(pid).encode())

    def _reap(self) -> None:
        assert self._child is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._child, signal.SIGKILL)  # it may not have come to setsid()
        ended = Exit.wait(self._child)
        self._child = None
        end_descendants()
        self._channel.send(Kind.REAPED, json.dumps(asdict(ended)).encode())


def _redirect_output(path: str) -> None:
    """Let descriptors 1 and 2, and what Python writes to, lead to the end of a file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    sys.stdout, sys.stderr = open_stream(1), open_stream(2)
