"""The servers that worker processes are forked from.

Not multiprocessing's own one: the user's code may have started that, with an environment that workers must
not have, such as random hashes of strings. Runs in one process share a server that suits both.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import forkserver

from experiments.processes.fresh_process import ctrl_c_blocked

_PRELOADED = ["experiments.worker.forkserver_start"]


class WorkerServer:
    """A server, started with its first worker."""

    def __init__(self) -> None:
        self._users = 0
        self._server = forkserver.ForkServer()
        self._server.set_forkserver_preload(_PRELOADED)

    @property
    def pid(self) -> int | None:
        """Its process id, once it has been started."""
        pid: int | None = self._server._forkserver_pid  # type: ignore[attr-defined]  # private, and nowhere else
        return pid

    def start(self) -> None:
        """Start it, in this process's environment, and do not wait until it has imported what it needs.

        A terminal's Ctrl-C meanwhile is for this process: the server has it blocked until it ignores it.
        """
        with ctrl_c_blocked():
            self._server.ensure_running()

    @contextmanager
    def forks(self) -> Iterator[None]:
        """Let multiprocessing's context ``forkserver`` start processes from this server meanwhile."""
        connect = forkserver.connect_to_new_process
        forkserver.connect_to_new_process = self._server.connect_to_new_process
        try:
            yield
        finally:
            forkserver.connect_to_new_process = connect

    def release(self) -> None:
        """Note that a worker has ended, or was not started."""
        self._users -= 1

    def _stop(self) -> None:
        """End it; by itself it ends with this process."""
        with suppress(OSError):  # it was killed
            self._server._stop()  # type: ignore[attr-defined]  # as above

    @classmethod
    def acquire(cls, variables: Mapping[str, str]) -> WorkerServer:
        """Return the server whose environment has these variables, for one worker; end those without any."""
        key = frozenset(variables.items())
        with _LOCK:
            for other in [other for other, server in _servers.items() if other != key and not server._users]:
                _servers.pop(other)._stop()
            server = _servers.setdefault(key, cls())
            server._users += 1
        return server


#: By the variables of their environment.
_servers: dict[frozenset[tuple[str, str]], WorkerServer] = {}
_LOCK = threading.Lock()


def server_pids() -> set[int]:
    """Return the process ids of the servers of this process."""
    return {server.pid for server in _servers.values() if server.pid is not None}
