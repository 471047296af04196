"""The parent-death pipe: a process is killed when its parent ends.

The parent makes a pipe, ``reader, writer = multiprocessing.Pipe(duplex=False)``, hands the reader to each
process and keeps the writer. When it dies, also by SIGKILL, the kernel closes that end. On Linux the reading
end raises SIGKILL in the process by itself (O_ASYNC with F_SETSIG), so that even one that holds the
interpreter lock dies. PR_SET_PDEATHSIG is unsuitable: under forkserver the parent is another process.
Elsewhere a thread waits for the pipe's end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import signal
import threading
from multiprocessing.connection import Connection
from typing import Any

_F_SETSIG = 10  # from <fcntl.h>; Python's fcntl does not name it


def die_with_parent(pipe: Connection[Any, Any]) -> None:
    """Make this process lead its own session, and be killed with its group when its parent ends.

    In a session of its own a terminal's Ctrl-C does not reach it, and the group is its alone: what it starts
    dies with it, while its parent's group survives.

    Parameters
    ----------
    pipe : Connection
        The reading end of a pipe whose writing end only the parent has; nothing is ever written to it. It may
        be closed afterwards.
    """
    if platform.system() != "Linux":
        _lead_session()
        threading.Thread(target=_wait_for_end, args=(os.dup(pipe.fileno()),), daemon=True).start()
        return
    # The process to kill is a property of the open file, which all that inherited it share: opened
    # anew, it is this process's own.
    own = os.open(f"/proc/self/fd/{pipe.fileno()}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    fcntl.fcntl(own, _F_SETSIG, int(signal.SIGKILL))
    fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(own, fcntl.F_SETFL, fcntl.fcntl(own, fcntl.F_GETFL) | os.O_ASYNC)
    # Only now: until then the signal of the group that it was started in reaches it. Without either it would
    # stay for ever if, at the same moment, it is stopped by a process that is killed before it kills.
    _lead_session()
    fcntl.fcntl(own, fcntl.F_SETOWN, -os.getpgrp())
    _die_if_orphaned(own)


def _lead_session() -> None:
    with contextlib.suppress(PermissionError):  # it leads one already
        os.setsid()


def _die_if_orphaned(pipe: int) -> None:
    """End at once if the parent died before the signal was set up: then the pipe is at its end."""
    try:
        if os.read(pipe, 1) == b"":
            os.kill(os.getpid(), signal.SIGKILL)
    except BlockingIOError:
        pass  # it is open, and empty


def _wait_for_end(pipe: int) -> None:
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGKILL)
