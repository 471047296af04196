"""Capture of stdout and stderr at the file descriptors, so of C code too.

A worker's descriptors 1 and 2 refer to a file of the worker. After each attempt its content is moved to the
attempt's log; an attempt that wrote nothing has no log. It is a file, not a pipe: a surviving grandchild
blocks nothing. Lines that were written over, such as progress bars, are folded on the way to the log, not
earlier: a killed process has left all that it wrote, and what moves a cursor is read in one piece.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from database.failure_text.shortening import without_runner
from experiments.output.folding import Folding
from experiments.output.log_tail import tail_of
from experiments.output.results_folder import write_atomically

#: Bytes of an attempt's folded output that are kept from its start, and from its end.
KEPT_BYTES = 1 << 20
#: Bytes that are read and folded from the start of a captured output, and from its end.
READ_BYTES = 8 << 20
_PIECE_BYTES = 1 << 20
#: A capture that takes more disk than this while its experiment runs loses its middle.
MOST_BYTES = 64 << 20
#: From <linux/falloc.h>: return a range to the file system and keep the file's size.
_PUNCH_HOLE = 0x02 | 0x01


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
        if os.fstat(self._file).st_size:
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
                return
        _redirect_descriptors(self._file)  # it may have closed or redirected them

    def _attach(self) -> None:
        self._streams = redirect_output(self._file)


def redirect_output(file: int) -> tuple[TextIO, TextIO]:
    """Redirect descriptors 1 and 2, and Python's streams, to a file; return these streams."""
    _redirect_descriptors(file)
    sys.stdout, sys.stderr = streams = open_stream(1), open_stream(2)
    return streams


def _redirect_descriptors(file: int) -> None:
    os.dup2(file, 1)
    os.dup2(file, 2)


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
    output = read_output(file)
    if not output:
        return None
    output = without_runner(output)
    write_atomically(log(), output, scratch=scratch)
    return tail_of(output)


def read_tail(capture: Path) -> str:
    """Return the tail of a worker's output outside of experiments, such as an error at its start."""
    try:
        with capture.open("rb") as file:
            return tail_of(read_output(file.fileno()))
    except FileNotFoundError:
        return ""


def trim_capture(capture: Path, most_bytes: int = MOST_BYTES) -> bool:
    """Bound the disk space of a running experiment's output; called by its supervisor at intervals.

    The middle is returned to the file system: the bytes that `read_output` does not read. Nothing that is
    written meanwhile is lost.

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
        if status.st_blocks * 512 <= most_bytes or status.st_size <= 2 * READ_BYTES:
            return False
        if not _punch_hole(file, READ_BYTES, status.st_size - 2 * READ_BYTES):
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
    end = os.pread(file, READ_BYTES, size - READ_BYTES)
    os.ftruncate(file, READ_BYTES)
    os.write(file, _note(size - 2 * READ_BYTES) + end)


def read_output(file: int) -> bytes:
    """Return a captured output, folded; of a long one without its middle."""
    size = os.fstat(file).st_size
    if size == 0:  # most experiments are silent, and short
        return b""
    if size <= 2 * READ_BYTES:
        output = _folded(file, 0, size)
        left_out = len(output) - 2 * KEPT_BYTES
        return output if left_out <= 0 else output[:KEPT_BYTES] + _note(left_out) + output[-KEPT_BYTES:]
    first, last = _folded(file, 0, READ_BYTES), _folded(file, size - READ_BYTES, size)
    left_out = size - 2 * READ_BYTES + sum(max(0, len(output) - KEPT_BYTES) for output in (first, last))
    return first[:KEPT_BYTES] + _note(left_out) + last[-KEPT_BYTES:]


def _folded(file: int, begin: int, end: int) -> bytes:
    folding = Folding()
    parts = []
    while begin < end and (piece := os.pread(file, min(_PIECE_BYTES, end - begin), begin)):
        begin += len(piece)
        parts.append(folding.feed(piece))
    return b"".join([*parts, folding.rest()])


def _note(left_out: int) -> bytes:
    return f"\n[... {left_out} bytes left out ...]\n".encode()
