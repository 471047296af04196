"""Inspecting a function without running the user's code in this process.

A short-lived child process imports it and answers with its signature. Effects of the import, crashes
and endless loops included, stay in the child.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.processes.exit_status import ExitStatus
from experiments.target.base import TargetError
from experiments.target.signature import Signature

#: How long importing a target may take, in seconds.
TIME_LIMIT_S = 120.0
#: Runs the child; sets this process's search path before the first import of ours.
_BOOTSTRAP = (
    "import json, sys; request = json.load(sys.stdin); sys.path[:] = request['search']; "
    "from experiments.target.inspection_child import answer; answer(request)"
)


@dataclass(frozen=True)
class _Stamp:
    """The properties of a file that change when it is written."""

    path: Path
    modified_ns: int
    size: int


#: Modules are also searched for in the current folder, so it is part of the key.
_inspected: dict[tuple[str, Path, str], tuple[_Stamp, Signature]] = {}


def inspect_function(target: str, base_directory: Path, *, time_limit_s: float = TIME_LIMIT_S) -> Signature:
    """Return the signature of a function; cached until its file changes.

    Parameters
    ----------
    target : str
        Its canonical text.
    base_directory : Path
        The project.
    time_limit_s : float
        The child is killed after this time, in seconds.

    Raises
    ------
    TargetError
        It cannot be found, imported or called; the message contains the nearest name, or the end of
        the traceback.
    """
    key = target, base_directory, os.getcwd()  # noqa: PTH109 - the bare text is enough
    known = _inspected.get(key)
    if known is not None and _stamp(known[0].path) == known[0]:
        return known[1]
    place = target.rpartition(":")[0]
    answer = _ask_child(target, place, base_directory, time_limit_s)
    if "error" in answer:
        raise TargetError(answer["error"])
    signature = Signature.from_data(answer["signature"])
    file = Path(place) if place.endswith(".py") else Path(signature.file) if signature.file else None
    stamp = _stamp(file) if file else None
    if stamp is not None:
        _inspected[key] = stamp, signature
    return signature


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return _Stamp(path, status.st_mtime_ns, status.st_size)


def _ask_child(target: str, place: str, base_directory: Path, time_limit_s: float) -> dict[str, Any]:
    """Run the child and return its answer."""
    # Files, not pipes: a process that the user's code leaves running would keep a pipe open.
    with tempfile.TemporaryFile() as request, tempfile.TemporaryFile() as channel:
        content = {
            "search": [entry for entry in sys.path if isinstance(entry, str)],
            "target": target,
            "base_directory": str(base_directory),
            "channel": channel.fileno(),
        }
        request.write(json.dumps(content).encode())
        request.seek(0)
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOTSTRAP],
            stdin=request,
            pass_fds=[channel.fileno()],
            start_new_session=True,  # so that everything it starts can be ended with it
        )
        try:
            child.wait(time_limit_s)
        except subprocess.TimeoutExpired as error:
            message = f"importing {place} took longer than {time_limit_s:g} s"
            raise TargetError(f"{message}; move long work into the function") from error
        finally:
            _end(child)
        channel.seek(0)
        answer = channel.read()
    if not answer:
        raise TargetError(f"the process that imported {place} {ExitStatus.of(child.returncode)}")
    decoded: dict[str, Any] = json.loads(answer)
    return decoded


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child's process group, as far as it still runs."""
    with contextlib.suppress(ProcessLookupError):  # no process is left
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
