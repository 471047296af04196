"""Starting interpreters that do not import the program that starts them."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from subprocess import _args_from_interpreter_flags  # type: ignore[attr-defined]  # as multiprocessing does
from types import MappingProxyType, ModuleType
from typing import Any

#: Keeps a folder of the user's called like one of our packages from taking the place of that.
SAFE_PATH = "PYTHONSAFEPATH"
#: What is changed here meanwhile is all threads'.
_LOCK = threading.Lock()


@contextmanager
def fresh_interpreters(variables: Mapping[str, str] = MappingProxyType({})) -> Iterator[None]:
    """Let interpreters that start meanwhile import neither the main module nor from the current folder.

    Without this, a user's script without the ``if __name__ == "__main__"`` guard would start itself again
    and again.

    Parameters
    ----------
    variables : mapping
        Further variables of their environment.
    """
    wanted = {SAFE_PATH: "1", **variables}
    with _LOCK:
        before = {name: os.environ.get(name) for name in wanted}
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        os.environ.update(wanted)
        try:
            yield
        finally:
            sys.modules["__main__"] = main
            set_variables(before)


@contextmanager
def ctrl_c_blocked() -> Iterator[None]:
    """Start interpreters meanwhile that have SIGINT blocked: a terminal's Ctrl-C is for this process only.

    What they run has to unblock it.
    """
    from multiprocessing import resource_tracker  # noqa: PLC0415 - a process that looks at a target needs none

    resource_tracker.ensure_running()  # otherwise it is started meanwhile, which unblocks signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def set_variables(variables: Mapping[str, str | None]) -> None:
    """Set variables of this process's environment; None removes one."""
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def command_of(module: str, function: str, arguments: Mapping[str, Any]) -> list[str]:
    """Return the command of an interpreter that calls a function of ours, with this process's search path.

    Parameters
    ----------
    arguments : mapping
        The function's keyword arguments, which JSON can express; `sys.argv` does not show them.
    """
    # The search path is set before the first import of ours.
    code = (
        "import json, sys; sys.path[:], arguments = json.loads(sys.argv.pop()); "
        f"from {module} import {function}; {function}(**arguments)"
    )
    request = json.dumps([search_path(), arguments])
    return [sys.executable, *_args_from_interpreter_flags(), "-P", "-c", code, request]


def search_path() -> list[str]:
    """Return this process's search path for another process."""
    return [entry for entry in sys.path if isinstance(entry, str)]
