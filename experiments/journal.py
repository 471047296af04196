"""A worker's journal of started and finished attempts, read by its supervisor, also after its death.

One file per worker, one append per record. It shows which attempt a worker ran when it died, and serves
for timeouts and for finished results that are not yet in the database. What was appended survives
the death of the process (the kernel holds it); it is not meant to survive a power cut.

A record is a fixed head (magic, kind, experiment, attempt number, monotonic time, length and
checksum of the body) and a body, which only `FINISHED` has: see `experiments.journal_encoding`. The file is
replaced by an empty one when all its records are in the database.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from pathlib import Path

from database import clock
from database.claims.types import Finished, Token
from experiments.full_disk import DISK_FULL, until_there_is_space
from experiments.journal_encoding import decode_finished, encode_finished

_HEAD = struct.Struct("<4sBqIdII")
_MAGIC = b"XJ1\n"
#: A journal larger than this is replaced at the next opportunity.
_ROTATE_BYTES = 1 << 20
#: The number of bytes per read.
_READ_BYTES = 1 << 16


class RecordKind(IntEnum):
    """The kind of a record."""

    STARTED = 1  #: the experiment begins now
    FINISHED = 2  #: it has ended; the body contains everything to be recorded
    RECORDED = 3  #: everything before this is in the database
    CLOSED = 4  #: the worker ended normally, with nothing more to do


class JournalWriter:
    """Writes a worker's journal.

    Parameters
    ----------
    path : Path
        Created; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._create()
        self._size = 0

    @property
    def descriptor(self) -> int:
        """The file's descriptor."""
        return self._file

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode of the file that the descriptor refers to."""
        return self._identity

    def started(self, token: Token) -> None:
        """Note that an experiment begins."""
        self._append(RecordKind.STARTED, token, b"")

    def finished(self, finished: Finished) -> None:
        """Note how an attempt ended."""
        body = encode_finished(finished)
        self._append(RecordKind.FINISHED, (finished.experiment_id, finished.attempt_number), body)

    def recorded(self) -> None:
        """Note that all earlier records are in the database; the file may be replaced."""
        if self._size <= _ROTATE_BYTES or not self._start_anew():
            self._append(RecordKind.RECORDED, (0, 0), b"")

    def close(self, *, orderly: bool) -> None:
        """Close the file, which the supervisor removes; if `orderly`, with a last record of a normal end."""
        if orderly:
            self._append(RecordKind.CLOSED, (0, 0), b"")
        os.close(self._file)

    def _start_anew(self) -> bool:
        old = self._file
        try:
            self._file = self._create()
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            return False  # continue with the old file
        os.close(old)
        self._size = 0
        return True

    def _create(self) -> int:
        # A new file under the old name: a reader that still has the old one open sees a complete file.
        temporary = self._path.with_suffix(".new")
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        temporary.replace(self._path)
        status = os.fstat(file)
        self._identity = (status.st_dev, status.st_ino)
        return file

    def _append(self, kind: RecordKind, token: Token, body: bytes) -> None:
        head = _HEAD.pack(
            _MAGIC, kind, token[0], token[1], clock.monotonic(), len(body), zlib.crc32(body) if body else 0
        )
        record = memoryview(head + body)
        while record:  # a full disk may take a part only
            # What has finished must not be lost, and nothing more may start, while the disk is full.
            written = until_there_is_space(partial(os.write, self._file, record), self._path)
            self._size += written
            record = record[written:]


@dataclass(frozen=True, slots=True)
class Entry:
    """The location of the record of a finished attempt: the file's inode, and the position of the body."""

    inode: int
    offset: int
    length: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Current:
    """The experiment that a worker runs.

    Attributes
    ----------
    started_at : float
        By `database.clock.monotonic`, which all processes of a host share.
    """

    token: Token
    started_at: float


class JournalReader:
    """Reads a worker's journal while it is written, and after the worker's death.

    Parameters
    ----------
    path : Path
        Need not exist yet.

    Attributes
    ----------
    current : Current or None
        The experiment that has started and not finished.
    last_event_at : float or None
        When the last record was written, by `database.clock.monotonic`.
    started_any : bool
        Whether the worker ever started an experiment.
    is_closed : bool
        Whether the worker ended normally.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._inode = 0
        self._offset = 0
        self._unrecorded: list[Entry] = []
        self._durations: list[float] = []
        self.current: Current | None = None
        self.last_event_at: float | None = None
        self.started_any = False
        self.is_closed = False

    def poll(self) -> None:
        """Read what was appended since the last call."""
        while self._follow_replacement() and self._file is not None:
            self._scan()
            if not self._is_replaced():
                return

    def entries(self) -> tuple[Entry, ...]:
        """Return the locations of finished attempts that are not known to be in the database."""
        return tuple(self._unrecorded)

    def unrecorded(self) -> list[Finished]:
        """Return the finished attempts that are not known to be in the database."""
        if self._file is None:
            return []
        attempts = []
        for entry in self._unrecorded:
            body = os.pread(self._file, entry.length, entry.offset)
            if len(body) == entry.length and zlib.crc32(body) == entry.checksum:
                attempts.append(decode_finished(body))
        return attempts

    def take_durations(self) -> list[float]:
        """Return the durations of the experiments that have finished since the last call, in seconds."""
        taken, self._durations = self._durations, []
        return taken

    @property
    def has_unrecorded(self) -> bool:
        """Whether `unrecorded` would return anything."""
        return bool(self._unrecorded)

    def forget(self, entries: Collection[Entry]) -> None:
        """Note that these are in the database now; the worker may have added others meanwhile."""
        known = set(entries)
        self._unrecorded = [entry for entry in self._unrecorded if entry not in known]

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def remove(self) -> None:
        """Delete the file, all of whose records are in the database."""
        self._path.unlink(missing_ok=True)

    def _is_replaced(self) -> bool:
        try:
            return self._path.stat().st_ino != self._inode
        except FileNotFoundError:
            return False

    def _follow_replacement(self) -> bool:
        """Open the file, or the file that replaced it: all of the old one is recorded."""
        if self._file is not None and not self._is_replaced():
            return True
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return self._file is not None
        if self._file is not None:
            self._scan()  # the last record of the old file may be a start
            os.close(self._file)
        self._unrecorded.clear()
        self._file, self._offset, self._inode = file, 0, os.fstat(file).st_ino
        return True

    def _scan(self) -> None:
        assert self._file is not None
        while True:
            data = os.pread(self._file, _READ_BYTES, self._offset)
            place = 0
            while len(data) - place >= _HEAD.size:
                magic, kind, experiment, attempt, moment, length, checksum = _HEAD.unpack_from(data, place)
                if magic != _MAGIC:
                    self._offset += place
                    return  # a record cut short by the writer's death
                body_at = self._offset + place + _HEAD.size
                if (
                    place + _HEAD.size + length > len(data)
                    and body_at + length > os.fstat(self._file).st_size
                ):
                    self._offset += place
                    return  # its body is not complete yet
                entry = Entry(self._inode, body_at, length, checksum)
                self._take(kind, (experiment, attempt), moment, entry)
                place += _HEAD.size + length
            if place == 0:
                return
            self._offset += place

    def _take(self, kind: int, token: Token, moment: float, entry: Entry) -> None:
        self.last_event_at = moment
        if kind == RecordKind.STARTED:
            self.current = Current(token, moment)
            self.started_any = True
        elif kind == RecordKind.FINISHED:
            if self.current is not None:
                self._durations.append(moment - self.current.started_at)
            self.current = None
            self._unrecorded.append(entry)
        elif kind == RecordKind.RECORDED:
            self._unrecorded.clear()
        else:
            self.is_closed = True
