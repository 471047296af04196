"""Capture of stdout and stderr at the file descriptors, so of C code too.

A worker's descriptors 1 and 2 refer to a file of the worker. After each attempt its content is moved to the
attempt's log; an attempt that wrote nothing has no log. It is a file, not a pipe: a surviving grandchild
blocks nothing.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from database.models.exact_json import storable_text
from experiments.output.results_folder import write_atomically

#: Bytes of an attempt's output that are kept from its start, and from its end.
KEPT_BYTES = 1 << 20
#: A capture that takes more disk than this while its experiment runs loses its middle.
MOST_BYTES = 64 << 20
#: From <linux/falloc.h>: return a range to the file system and keep the file's size.
_PUNCH_HOLE = 0x02 | 0x01
#: The size of the tail that is recorded in the database for attempts that did not complete.
TAIL_BYTES = 8 << 10
TAIL_LINES = 50


class OutputCapture:
    """Redirects this process's stdout and stderr to a file.

    Parameters
    ----------
    path : Path
        Created; read by the supervisor when the process dies.
    """

    def __init__(self, path: Path) -> None:
        self._scratch = path.parent.absolute()  # experiments may change the working directory
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._attach()

    def collect(self, log: Callable[[], Path]) -> str | None:
        """Move the output to `log()` and empty the capture; return its tail, or None when it was empty."""
        self._flush()
        tail = _write_log(self._file, log, self._scratch)
        if tail is not None:
            os.ftruncate(self._file, 0)
        return tail

    def _flush(self) -> None:
        if sys.stdout is not self._streams[0] or sys.stderr is not self._streams[1]:
            self._attach()  # the experiment replaced them
            return
        for stream in self._streams:
            try:
                stream.flush()
            except (ValueError, OSError):  # it closed them
                self._attach()

    def _attach(self) -> None:
        self._streams = redirect_output(self._file)


def redirect_output(file: int) -> tuple[TextIO, TextIO]:
    """Redirect descriptors 1 and 2, and Python's streams, to a file; return these streams."""
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout, sys.stderr = streams = open_stream(1), open_stream(2)
    return streams


def open_stream(descriptor: int) -> TextIO:
    """Return a text stream on a descriptor."""
    # Line by line, so that little is lost when the process is killed.
    return open(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def rescue_output(capture: Path, log: Path) -> str | None:
    """Move the output of a dead worker's last experiment to its log; return its tail, or None."""
    if not capture.exists():
        return None
    with capture.open("rb") as file:
        return _write_log(file.fileno(), lambda: log, capture.parent)


def _write_log(file: int, log: Callable[[], Path], scratch: Path) -> str | None:
    """Write a captured output to `log()`; return its tail, or None when it is empty."""
    size = os.fstat(file).st_size
    if size == 0:
        return None
    output = read_ends(file, size)
    write_atomically(log(), output, scratch=scratch)
    return tail_of(output)


def read_tail(capture: Path) -> str:
    """Return the tail of a worker's output outside of experiments, such as an error at its start."""
    try:
        with capture.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return tail_of(os.pread(file.fileno(), TAIL_BYTES, max(0, size - TAIL_BYTES)))
    except FileNotFoundError:
        return ""


def trim_capture(capture: Path, most_bytes: int = MOST_BYTES) -> bool:
    """Bound the disk space of a running experiment's output; called by its supervisor at intervals.

    The middle is returned to the file system: the bytes that `read_ends` leaves out. Nothing that is written
    meanwhile is lost.

    Parameters
    ----------
    capture : Path
        A worker's captured output; need not exist.
    most_bytes : int
        Smaller files are not cut.

    Returns
    -------
    bool
        Whether something was returned.
    """
    try:
        file = os.open(capture, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        status = os.fstat(file)
        if status.st_blocks * 512 <= most_bytes or status.st_size <= 2 * KEPT_BYTES:
            return False
        if not _punch_hole(file, KEPT_BYTES, status.st_size - 2 * KEPT_BYTES):
            _cut_middle(file, status.st_size)
        return True
    finally:
        os.close(file)


def _punch_hole(file: int, offset: int, length: int) -> bool:
    """Return a range to the file system; False where this is not supported."""
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)  # Linux only
    if fallocate is None:
        return False
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    while fallocate(file, _PUNCH_HOLE, offset, length) != 0:
        if ctypes.get_errno() != errno.EINTR:
            return False
    return True


def _cut_middle(file: int, size: int) -> None:
    """Move the end to the start; output written meanwhile may be lost."""
    end = os.pread(file, KEPT_BYTES, size - KEPT_BYTES)
    os.ftruncate(file, KEPT_BYTES)
    os.write(file, f"\n[... {size - 2 * KEPT_BYTES} bytes left out ...]\n".encode() + end)


def read_ends(file: int, size: int) -> bytes:
    """Return a file's bytes; of a very long file without its middle."""
    if size <= 2 * KEPT_BYTES:
        return os.pread(file, size, 0)
    cut = f"\n[... {size - 2 * KEPT_BYTES} bytes left out ...]\n".encode()
    return os.pread(file, KEPT_BYTES, 0) + cut + os.pread(file, KEPT_BYTES, size - KEPT_BYTES)


def tail_of(output: bytes) -> str:
    """Return the last lines of an output as text that databases store."""
    lines = output[-TAIL_BYTES:].decode("utf-8", "replace").splitlines()[-TAIL_LINES:]
    return storable_text("\n".join(lines))
