"""Inspecting a function without running the user's code in this process.

A short-lived child process imports it and answers with its signature. Effects of the import, crashes
and endless loops included, stay in the child. It answers on a file of its own: whatever the user's code
prints or leaves running cannot corrupt or delay the answer.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.processes.exit_status import ExitStatus
from experiments.processes.fresh_process import command_of
from experiments.processes.process_tree import signal_group
from experiments.target.function import FunctionTarget
from experiments.target.signature import Signature, TargetError, describe

#: How long importing a target may take, in seconds.
TIME_LIMIT_S = 120.0

#: The path, time of change and size of a file: they change when it is written.
_Stamp = tuple[Path, int, int]
#: Modules are also searched for in the current folder, so it is part of the key.
_inspected: dict[tuple[FunctionTarget, str], tuple[_Stamp, Signature]] = {}


def inspect_function(target: FunctionTarget, *, time_limit_s: float = TIME_LIMIT_S) -> Signature:
    """Return the signature of a function; cached until its file changes.

    Parameters
    ----------
    target : FunctionTarget
    time_limit_s : float
        The child is killed after this time, in seconds.

    Raises
    ------
    TargetError
        It cannot be found, imported or called; the message contains the nearest name, or the end of
        the traceback.
    """
    key = target, os.getcwd()  # noqa: PTH109 - the bare text is enough
    known = _inspected.get(key)
    if known is not None and _stamp(known[0][0]) == known[0]:
        return known[1]
    answer = _ask_child(target, time_limit_s)
    if "error" in answer:
        raise TargetError(answer["error"])
    signature = Signature.from_data(answer["signature"])
    file = target.path or signature.file
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


def _ask_child(target: FunctionTarget, time_limit_s: float) -> dict[str, Any]:
    """Run the child and return its answer."""
    place = target.path or target.module
    # A file, not a pipe: a process that the user's code leaves running would keep a pipe open.
    with tempfile.TemporaryFile() as channel:
        request = {
            "text": str(target),
            "base_directory": str(target.base_directory),
            "channel": channel.fileno(),
        }
        child = subprocess.Popen(
            command_of("experiments.target.inspection", "answer", request),
            stdin=subprocess.DEVNULL,
            stdout=2,  # what the user's code prints must not mix with what our command prints
            pass_fds=[channel.fileno()],
            start_new_session=True,  # so that everything it starts can be ended with it
        )
        try:
            child.wait(time_limit_s)
        except subprocess.TimeoutExpired as error:
            message = f"importing {place} took longer than {time_limit_s:g} s"
            raise TargetError(f"{message}; move long work into the function") from error
        finally:
            signal_group(child.pid, signal.SIGKILL)
            child.wait()
        channel.seek(0)
        content = channel.read()
    if not content:
        raise TargetError(f"the process that imported {place} {ExitStatus.of(child.returncode)}")
    decoded: dict[str, Any] = json.loads(content)
    return decoded


def answer(text: str, base_directory: str, channel: int) -> None:
    """Inspect a target in the child, and write the answer, as JSON, to a file descriptor."""
    os.set_inheritable(channel, False)
    target = FunctionTarget.parse(text, base_directory)
    content: dict[str, Any]
    try:
        content = {"signature": asdict(describe(target.load().function, text))}
    except TargetError as error:
        content = {"error": str(error)}
    with os.fdopen(channel, "w", encoding="utf-8") as file:
        json.dump(content, file)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # without waiting for threads and exit handlers of the user's code
