"""Scripts run in forks of one interpreter that has imported sessions already, which takes most of a second.

A script finds what it would find in a process of its own: nothing is configured, no thread runs, and what it
prints, warns and registers for its exit is its own.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path

#: What nearly every script imports. Nothing of it opens a connection or starts a thread when it is imported.
_IMPORTED = ("sqlite3", "psycopg2", "sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql.psycopg2")


class WarmPython:
    """An interpreter that forks for each script."""

    def __init__(self, *modules: str) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-c", "from tests.warm_python import serve; serve()", *_IMPORTED, *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )

    def run(self, script: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a script in its own folder, and return its exit code and what it printed."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        out, err = script.with_suffix(".out"), script.with_suffix(".err")
        job = {"script": str(script), "environment": dict(environment), "out": str(out), "err": str(err)}
        print(json.dumps(job), file=self._server.stdin, flush=True)
        code = int(self._server.stdout.readline())
        return subprocess.CompletedProcess([str(script)], code, out.read_text(), err.read_text())

    def close(self) -> None:
        with self._server:  # closes its pipes, which ends it, and waits
            pass


def serve() -> None:
    """Fork for each job on stdin, one after another, and answer with its exit code."""
    for module in sys.argv[1:]:
        importlib.import_module(module)
    assert threading.active_count() == 1
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            os._exit(_execute(**json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _execute(script: str, environment: dict[str, str], out: str, err: str) -> int:
    for descriptor, path in ((0, os.devnull), (1, out), (2, err)):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(Path(script).parent)
    sys.argv, sys.path[0] = [script], str(Path(script).parent)
    code = 0
    try:
        runpy.run_path(Path(script).name, run_name="__main__")
    except BaseException:  # noqa: BLE001 - what the interpreter would print at its end
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    return code
