"""The system's limits of processes (``ulimit``): what a run needs of them, and errors that come from one."""

from __future__ import annotations

import errno
import re
import resource

from database.errors import ExperimentsError

#: What a runner has open besides its workers, at most, with the files that it opens for moments.
_OPEN_FILES = 24
#: For each worker a runner has three pipes open, its journal and its end.
_OPEN_FILES_OF_WORKER = 5
#: Python's own message for a thread, which has no errno.
_NO_THREAD = "can't start new thread"
#: The loader's messages for a library that found no room; they reach us as an ImportError.
_NO_ROOM = re.compile("failed to map segment|cannot allocate memory", re.IGNORECASE)


class SystemLimitError(ExperimentsError):
    """A limit of the system is too low; the message names it, its value, and what is needed."""


def check_open_files(workers: int) -> None:
    """Check that a runner may open as many files as its workers need.

    Raises
    ------
    SystemLimitError
        It may not; the message has the limit that suffices, and the number of workers that it suffices for.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _OPEN_FILES + workers * _OPEN_FILES_OF_WORKER
    if limit == resource.RLIM_INFINITY or needed <= limit:
        return
    most = (limit - _OPEN_FILES) // _OPEN_FILES_OF_WORKER
    fewer = f", or run with --workers {most}" if most > 0 else ""
    who = "1 worker needs" if workers == 1 else f"{workers} workers need"
    raise SystemLimitError(
        f"{who} up to {needed} open files, and this process may have {limit} (ulimit -n); "
        f"raise the limit with `ulimit -n {needed}`{fewer}"
    )


def limit_reached(error: BaseException) -> str | None:
    """Return which limit an error comes from, its value and what to do; None for an error of another kind."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EMFILE:
        return (
            "this process has too many open files: it may have "
            f"{_shown(resource.RLIMIT_NOFILE)} (ulimit -n); raise the limit, or run with fewer --workers"
        )
    if number == errno.EAGAIN or (isinstance(error, RuntimeError) and _NO_THREAD in str(error)):
        return (
            "the system refuses another process or thread: this user may have "
            f"{_shown(resource.RLIMIT_NPROC)} (ulimit -u; a container may have a limit of its own); "
            "end others, raise the limit, or run with fewer --workers"
        )
    no_room = isinstance(error, ImportError) and _NO_ROOM.search(str(error))
    if number == errno.ENOMEM or isinstance(error, MemoryError) or no_room:
        return (
            f"there is not enough memory: this process may have {_shown(resource.RLIMIT_AS, 1024)} KiB "
            "(ulimit -v); raise the limit, free memory, or run with fewer --workers"
        )
    return None


def _shown(which: int, unit: int = 1) -> str:
    limit, _ = resource.getrlimit(which)
    return "unlimited" if limit == resource.RLIM_INFINITY else f"{limit // unit}"
