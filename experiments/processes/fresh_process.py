"""Starting processes of multiprocessing that do not import the program that starts them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType, ModuleType

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
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
