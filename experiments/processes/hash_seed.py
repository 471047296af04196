"""The seed of the hashes of strings, on which the order of a set depends.

Each interpreter takes it from PYTHONHASHSEED when it starts, and a random one without that variable. Workers
get the same in every run. A process that runs experiments itself can only be started again.
"""

from __future__ import annotations

import functools
import logging
import os
import sys

logger = logging.getLogger(__name__)

VARIABLE = "PYTHONHASHSEED"
#: Where the user has not set the variable.
_DEFAULT = "0"
#: Modules that a debugger has loaded, also before it traces.
_DEBUGGERS = frozenset({"bdb", "debugpy", "pdb", "pydevd"})


def of_workers() -> dict[str, str]:
    """Return the variable for processes that run experiments: the user's, or the same in each run."""
    return {VARIABLE: os.environ.get(VARIABLE) or _DEFAULT}


def restart_with_hashes_of_workers() -> None:
    """Start this process's program again, with the hashes that workers have; it keeps its process id.

    Returns where that is not needed or not wanted: the user has set the variable, or lets Python ignore it,
    or debugs or profiles this process.
    """
    if not _is_random() or sys.flags.ignore_environment or _is_observed():
        return
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    environment = {**os.environ, **of_workers()}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606 - it is its own command


@functools.cache  # told once
def warn_of_random_hashes() -> None:
    """Tell that results of this process may depend on its hashes, where they are random."""
    if _is_random():
        logger.warning(
            "in this process strings have random hashes, so what depends on the order of a set is not "
            "repeated by another run; start it with %s=%s, which workers have",
            VARIABLE,
            _DEFAULT,
        )


def _is_random() -> bool:
    return bool(sys.flags.hash_randomization) and not os.environ.get(VARIABLE)


def _is_observed() -> bool:
    """Whether a debugger or profiler has been attached to this process."""
    if sys.gettrace() is not None or sys.getprofile() is not None or not _DEBUGGERS.isdisjoint(sys.modules):
        return True
    monitoring = getattr(sys, "monitoring", None)  # new in Python 3.12
    return monitoring is not None and any(monitoring.get_tool(number) is not None for number in range(6))
