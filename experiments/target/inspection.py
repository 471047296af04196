"""Inspecting a function without running the user's code in this process.

A short-lived child process imports it and answers with its signature. Effects of the import, crashes
and endless loops included, stay in the child. It answers on a file of its own: whatever the user's code
prints or leaves running cannot corrupt or delay the answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiments.processes.exit_status import ExitStatus
from experiments.processes.fresh_process import command_of
from experiments.target.base import TargetError
from experiments.target.signature import Signature

#: How long importing a target may take, in seconds.
TIME_LIMIT_S = 120.0

#: The path, time of change and size of a file: they change when it is written.
_Stamp = tuple[Path, int, int]
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
    if known is not None and _stamp(known[0][0]) == known[0]:
        return known[1]
    place = target.rpartition(":")[0]
    answer = _ask_child(target, place, base_directory, time_limit_s)
    if "error" in answer:
        raise TargetError(answer["error"])
    signature = Signature.from_data(answer["signature"])
    file = place if place.endswith(".py") else signature.file
    stamp = _stamp(Path(file)) if file else None
    if stamp is not None:
        _inspected[key] = stamp, signature
    return signature


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return path, status.st_mtime_ns, status.st_size


def _ask_child(target: str, place: str, base_directory: Path, time_limit_s: float) -> dict[str, Any]:
    """Run the child and return its answer."""
    # A file, not a pipe: a process that the user's code leaves running would keep a pipe open.
    with tempfile.TemporaryFile() as channel, _parent_pipe() as parent_pipe:
        inherited = {"channel": channel.fileno(), "parent_pipe": parent_pipe}
        request = {"text": target, "base_directory": str(base_directory), **inherited}
        child = subprocess.Popen(
            command_of("experiments.target.function", "answer_inspection", request),
            stdin=subprocess.DEVNULL,
            stdout=2,  # what the user's code prints must not mix with what our command prints
            pass_fds=inherited.values(),
            start_new_session=True,  # so that everything it starts can be ended with it
        )
        try:
            child.wait(time_limit_s)
        except subprocess.TimeoutExpired as error:
            message = f"importing {place} took longer than {time_limit_s:g} s"
            raise TargetError(f"{message}; move long work into the function") from error
        finally:
            with contextlib.suppress(ProcessLookupError):  # no process is left
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        channel.seek(0)
        content = channel.read()
    if not content:
        raise TargetError(f"the process that imported {place} {ExitStatus.of(child.returncode)}")
    decoded: dict[str, Any] = json.loads(content)
    return decoded


@contextlib.contextmanager
def _parent_pipe() -> Iterator[int]:
    """Yield the reading end of a pipe by which the child ends when this process is killed."""
    reader, writer = os.pipe()
    try:
        yield reader
    finally:
        os.close(reader)
        os.close(writer)
