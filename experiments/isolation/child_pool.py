"""The pool of a worker's children: forked by a fork server, or new interpreters when forks are not safe."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from database.errors import ExperimentsError
from experiments.isolation.channel import Channel, ChannelClosedError, Message, MessageKind
from experiments.isolation.child_process import ChildProcess
from experiments.isolation.fork_server import ChildExit, LoadRequest, serve
from experiments.processes.exit_status import ExitStatus
from experiments.processes.forks import fork_quietly
from experiments.processes.fresh_process import command_of
from experiments.processes.process_tree import kill_group, send
from experiments.processes.subreaper import become_subreaper, end_descendants
from experiments.target.base import TargetError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

#: After this many fork servers in a row have died before they started a child, no more are started.
MAX_FAILED_STARTS = 5


class ForkServerError(ExperimentsError):
    """The process that imports the target dies of the import."""

    exit_code = 4


class ForkServerProcess:
    """The worker's handle of a fork server.

    Parameters
    ----------
    pid : int
        A child of this process.
    channel : Channel
        To the fork server.
    """

    def __init__(self, pid: int, channel: Channel) -> None:
        self.pid = pid
        self.channel = channel

    @classmethod
    def fork(
        cls, parent_pipe: Connection[Any, Any], unwanted: Sequence[Connection[Any, Any]] = ()
    ) -> ForkServerProcess:
        """Fork a server from this process, which must be clean: one thread, no database connection.

        Parameters
        ----------
        parent_pipe : Connection
            The reading end of the parent-death pipe.
        unwanted : sequence of Connection
            Connections that only the worker may have, such as the writing end of that pipe.
        """
        channel, theirs = Channel.pair()
        pid = fork_quietly()
        if pid == 0:
            channel.close()
            for connection in unwanted:
                connection.close()
            serve(Channel(theirs), parent_pipe)
        theirs.close()
        return cls(pid, channel)

    @classmethod
    def spawn(cls, parent_pipe: Connection[Any, Any]) -> ForkServerProcess:
        """Start a server as a new interpreter."""
        channel, theirs = Channel.pair()
        inherited = {"channel": theirs.fileno(), "parent_pipe": parent_pipe.fileno()}
        started = subprocess.Popen(
            command_of("experiments.isolation.fork_server", "main", inherited),
            stdin=subprocess.DEVNULL,
            pass_fds=inherited.values(),
        )
        started.returncode = 0  # this class waits for it, not the Popen object
        theirs.close()
        return cls(started.pid, channel)

    def request(self, kind: MessageKind, body: bytes = b"", descriptors: tuple[int, ...] = ()) -> Message:
        """Send a message and wait for the answer.

        Raises
        ------
        ChannelClosedError
            The process has died, or is dying.
        """
        self.channel.send(kind, body, descriptors)
        answer = self.channel.receive()
        assert answer is not None
        return answer

    def stop(self) -> ChildExit:
        """Kill the process, unless it has died, and reap it."""
        self.channel.close()
        send(self.pid, signal.SIGKILL)
        return ChildExit.wait(self.pid)


class ChildPool:
    """Starts children with the target loaded, each for one attempt, and reaps them.

    Parameters
    ----------
    parent_pipe : Connection
        The reading end of the parent-death pipe, by which all of them die with this process.
    load : LoadRequest
        What they have to load.
    server : ForkServerProcess or None
        A fork server that was started while this process was still clean; owned by the pool.

    Attributes
    ----------
    code : mapping
        The digests of the files that the fork server has loaded; another object for each server.
    """

    def __init__(
        self, parent_pipe: Connection[Any, Any], load: LoadRequest, server: ForkServerProcess | None = None
    ) -> None:
        self._parent_pipe = parent_pipe
        self._load = load
        self._server = server
        self._is_loaded = False
        self._must_spawn = False
        self._has_started_any = False
        self.code: Mapping[str, str] = {}
        become_subreaper()

    def prepare(self) -> None:
        """Load the target, so that `start_child` is fast.

        Raises
        ------
        TargetError
            It cannot be loaded.
        ForkServerError
            Several processes in a row died while they loaded it.
        """
        self._repeated(self._load_target)

    def start_child(self) -> ChildProcess:
        """Return a new child, which waits for its job.

        Raises
        ------
        TargetError, ForkServerError
            As `prepare`.
        """
        child = self._repeated(self._start)
        self._has_started_any = True
        return child

    def reap(self, child: ChildProcess) -> ChildExit | None:
        """Kill a child and all that it has started, as far as they still run; return how it ended.

        Returns
        -------
        ChildExit or None
            None when it is unknown because the fork server died with it.
        """
        if child.is_own:
            kill_group(child.pid)
            child_exit: ChildExit | None = ChildExit.wait(child.pid)
            end_descendants()
        else:
            child_exit = self._reap_forked(child)
        child.close()
        return child_exit

    def close(self) -> None:
        """Stop the fork server."""
        if self._server is not None:
            self._stop_server()

    def _repeated(self, action: Callable[[], Result]) -> Result:
        """Return what `action` returns, repeated with another fork server whenever that dies of it."""
        failures = 0
        while True:
            try:
                return action()
            except ChannelClosedError as error:
                failures += 1
                self._check_failures(failures, self._stop_server(), error)

    def _load_target(self) -> None:
        if self._is_loaded:
            return
        if self._server is None:
            self._server = ForkServerProcess.spawn(self._parent_pipe)
        answer = self._server.request(MessageKind.LOAD, self._load.encode())
        if answer.kind is MessageKind.FAILED:
            raise TargetError(answer.body.decode())
        self._is_loaded = True
        content = json.loads(answer.body)
        self.code, threads = content["code"], content["threads"]
        if threads and not self._must_spawn:
            self._must_spawn = True
            logger.warning(
                "importing %s starts %d thread(s), which forked processes would not have: each experiment "
                "gets a new interpreter, which imports it again",
                self._load.target,
                threads,
            )

    def _start(self) -> ChildProcess:
        self._load_target()
        return self._convert_server() if self._must_spawn else self._fork()

    def _fork(self) -> ChildProcess:
        ours, theirs = Channel.pair()
        try:
            answer = self._running_server().request(MessageKind.FORK, descriptors=(theirs.fileno(),))
        except ChannelClosedError:
            ours.close()
            raise
        finally:
            theirs.close()
        return ChildProcess(int(answer.body), ours, is_own=False)

    def _convert_server(self) -> ChildProcess:
        """Make the fork server itself the child."""
        server = self._running_server()
        self._server, self._is_loaded = None, False
        with contextlib.suppress(ChannelClosedError):  # it has died, which sending its job will show
            server.channel.send(MessageKind.EXEC)
        return ChildProcess(server.pid, server.channel, is_own=True)

    def _reap_forked(self, child: ChildProcess) -> ChildExit | None:
        try:
            return ChildExit(**json.loads(self._running_server().request(MessageKind.REAP).body))
        except ChannelClosedError:
            pass
        # The server has died. Only then does its child become this process's, with all descendants.
        self._stop_server(end_children=False)
        kill_group(child.pid)
        try:
            return ChildExit.wait(child.pid)
        except ChildProcessError:
            return None
        finally:
            end_descendants()

    def _running_server(self) -> ForkServerProcess:
        assert self._server is not None
        return self._server

    def _stop_server(self, *, end_children: bool = True) -> ChildExit:
        """Stop the fork server, if it has not died by itself; the next `prepare` starts another."""
        server = self._running_server()
        self._server, self._is_loaded = None, False
        server_exit = server.stop()
        if end_children:
            end_descendants()
        return server_exit

    def _check_failures(self, failures: int, last: ChildExit, cause: Exception) -> None:
        # Before the first child the worker fails at once: its supervisor starts another worker.
        if self._has_started_any and failures < MAX_FAILED_STARTS:
            return
        repeated = "" if failures == 1 else f" ({failures} times in a row)"
        raise ForkServerError(
            f"the process that imported {self._load.target} {ExitStatus.of(last.code)}{repeated}"
        ) from cause
