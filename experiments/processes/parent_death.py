"""Workers die with their runner, whatever they are doing.

The runner holds the writing end of a pipe. When it dies, also by SIGKILL, the kernel closes that
end. On Linux the reading end raises SIGKILL in the worker by itself (O_ASYNC with F_SETSIG), so
that even a worker that holds the interpreter lock dies. PR_SET_PDEATHSIG does not do: under
forkserver the parent is another process. Elsewhere a thread waits for the pipe's end.
"""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import threading

_F_SETSIG = 10  # from <fcntl.h>; Python's fcntl does not name it


def die_with_runner(pipe: int) -> None:
    """Let this process and its group be killed when the last writer of `pipe` is gone.

    Parameters
    ----------
    pipe : int
        The reading end's file descriptor; nothing is ever written to it.
    """
    if platform.system() != "Linux":
        threading.Thread(target=_wait_for_end, args=(pipe,), daemon=True).start()
        return
    fcntl.fcntl(pipe, _F_SETSIG, int(signal.SIGKILL))
    # The whole group: what the experiment started dies too.
    fcntl.fcntl(pipe, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    _die_if_already_gone(pipe)


def _die_if_already_gone(pipe: int) -> None:
    """End at once if the runner died before the signal was armed: then the pipe is at its end."""
    os.set_blocking(pipe, False)
    try:
        if os.read(pipe, 1) == b"":
            os.kill(os.getpid(), signal.SIGKILL)
    except BlockingIOError:
        pass  # it is open, and empty


def _wait_for_end(pipe: int) -> None:
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGKILL)
