"""A worker's journal of started and finished attempts, read by its supervisor, also after its death.

One file per worker, one append per record. It shows which attempt a worker ran when it died, and serves
for timeouts and for finished results that are not yet in the database. What was appended survives
the death of the process (the kernel holds it); it is not meant to survive a power cut.

A record is a fixed head (magic, kind, experiment, attempt number, monotonic time, length and checksum of the
body) and a body, which only `FINISHED` and `CODE` have: see `experiments.journal_encoding`. The file is
replaced by a new one when all its records are in the database.

Experiments of `isolation: pool` run in the process that writes it, and may break whatever they like there. So
the reader takes nothing for granted: a finish counts only when it is read whole; behind bytes that are no
record it looks for the next one; and it knows when attempts may have begun of which it cannot tell.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Collection
from contextlib import suppress
from enum import IntEnum
from functools import partial
from os import write  # by a name of this module: an experiment may replace `os.write` and leave it so
from pathlib import Path
from typing import NamedTuple
from zlib import crc32  # as above

from database import clock
from database.claims.types import Finished, Token
from database.code_sets import RunningCode
from experiments import journal_encoding
from experiments.full_disk import DISK_FULL, until_there_is_space
from experiments.journal_encoding import UnreadableError

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
    CODE = 5  #: the body says which code attempts run from here on, the one that has started included


#: As plain numbers, which are compared in a third of the time.
_STARTED, _FINISHED, _RECORDED, _CLOSED, _CODE = map(int, RecordKind)


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
        self._code: RunningCode | None = None
        self._known_codes: set[int] = set()

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
        body = journal_encoding.encode_finished(finished)
        self._append(RecordKind.FINISHED, (finished.experiment_id, finished.attempt_number), body)

    def code(self, code: RunningCode) -> None:
        """Note which code attempts run from here on."""
        self._code = code
        body = journal_encoding.encode_code(code, with_files=code.id not in self._known_codes)
        self._append(RecordKind.CODE, (0, 0), body)
        self._known_codes.add(code.id)

    def recorded(self) -> None:
        """Note that all earlier records are in the database; the file may be replaced.

        Called before the first claim too: an empty file would not tell that nothing has begun.
        """
        if self._size > _ROTATE_BYTES:
            self._start_anew()
        self._append(RecordKind.RECORDED, (0, 0), b"")

    def close(self, *, orderly: bool) -> None:
        """Close the file, which the supervisor removes; if `orderly`, with a last record of a normal end."""
        if orderly:
            self._append(RecordKind.CLOSED, (0, 0), b"")
        os.close(self._file)

    def _start_anew(self) -> None:
        old = self._file
        try:
            self._file = self._create()
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            return  # continue with the old file
        os.close(old)
        self._size = 0
        self._known_codes.clear()
        if self._code is not None:
            self.code(self._code)

    def _create(self) -> int:
        # A new file under the old name: a reader that still has the old one open sees a complete file.
        temporary = self._path.with_suffix(".new")
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        temporary.replace(self._path)
        status = os.fstat(file)
        self._identity = (status.st_dev, status.st_ino)
        return file

    def _append(self, kind: RecordKind, token: Token, body: bytes) -> None:
        record = _HEAD.pack(_MAGIC, kind, *token, clock.monotonic(), len(body), crc32(body)) + body
        while record:  # a full disk may take a part only
            # What has finished must not be lost, and nothing more may start, while the disk is full.
            written = until_there_is_space(partial(write, self._file, record), self._path)
            self._size += written
            record = record[written:]


class _Record(NamedTuple):
    kind: int
    token: Token
    moment: float
    offset: int
    length: int


class Current(NamedTuple):
    """The experiment that a worker runs, and since when, by `database.clock.monotonic`."""

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
        self._begun: dict[Token, int | None] = {}
        self._unrecorded: dict[Token, _Record] = {}
        self._durations: list[float] = []
        self._codes: dict[int, RunningCode] = {}
        self._code_id: int | None = None
        self._has_records = False
        self._is_damaged = False
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

    def read_to_end(self) -> None:
        """Read all, after the worker's death: what seems to be cut short may have records behind it."""
        self.poll()
        while self._file is not None and self._skip_damage():
            self._is_damaged = True
            self._scan()

    def unrecorded(self) -> list[Finished]:
        """Return the finished attempts that are not known to be in the database, and can be read."""
        readable = []
        for token, record in tuple(self._unrecorded.items()):
            try:
                finished = journal_encoding.decode_finished(self._read(record.offset, record.length))
            except UnreadableError:
                finished = None
            if finished is not None and finished.token == token:
                readable.append(finished)
            else:  # as if it had not finished
                del self._unrecorded[token]
        return readable

    def unfinished(self) -> list[Token]:
        """Return the attempts that have begun and are not known to have ended, in the order they began."""
        ended = {finished.token for finished in self.unrecorded()}
        return [token for token in self._begun if token not in ended]

    def codes(self) -> tuple[RunningCode, ...]:
        """Return the sets of code that the worker has run, in the order in which it loaded them."""
        return tuple(self._codes.values())

    def code_of(self, token: Token) -> int | None:
        """Return the id of the set of code that an unfinished attempt runs; None when it is unknown."""
        return self._begun.get(token)

    def is_whole(self) -> bool:
        """Return whether no other attempt can have begun and not be in the database."""
        return self._has_records and not self._is_damaged

    def take_durations(self) -> list[float]:
        """Return the durations of the experiments that have finished since the last call, in seconds."""
        taken, self._durations = self._durations, []
        return taken

    def count_unrecorded(self) -> int:
        """Count the attempts that have finished and are not known to be in the database."""
        return len(self._unrecorded)

    def forget(self, recorded: Collection[Finished]) -> None:
        """Note that these are in the database now; the worker may have added others meanwhile."""
        for finished in recorded:
            self._begun.pop(finished.token, None)
            self._unrecorded.pop(finished.token, None)

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
            self._scan()  # for the durations
            os.close(self._file)
        self._forget_all()
        self._file, self._offset, self._inode = file, 0, os.fstat(file).st_ino
        return True

    def _scan(self) -> None:
        """Take all records up to one that is not complete yet."""
        assert self._file is not None
        if os.fstat(self._file).st_size < self._offset:  # an experiment has cut the file short
            self._offset, self._is_damaged = 0, True
        while True:
            data = os.pread(self._file, _READ_BYTES, self._offset)
            place, is_damaged = 0, False
            try:
                while (record := self._record_at(data, place)) is not None:
                    self._take(record)
                    place += _HEAD.size + record.length
            except UnreadableError:
                self._is_damaged = is_damaged = True
            self._offset += place
            if (is_damaged and not self._skip_damage()) or (place == 0 and not is_damaged):
                return

    def _record_at(self, data: bytes, place: int) -> _Record | None:
        """Return the record at this place of what was read at the offset; None when it is not complete.

        Raises
        ------
        UnreadableError
            There is something else.
        """
        assert self._file is not None
        if len(data) - place < _HEAD.size:
            if not _MAGIC.startswith(data[place : place + len(_MAGIC)]):
                raise UnreadableError("not a record")
            return None
        magic, kind, experiment, attempt, moment, length, checksum = _HEAD.unpack_from(data, place)
        if magic != _MAGIC or not _STARTED <= kind <= _CODE or (length and kind not in (_FINISHED, _CODE)):
            raise UnreadableError("not the head of a record")
        start = place + _HEAD.size
        body = data[start : start + length]
        if len(body) < length:
            body = self._read(self._offset + start, length)
            if len(body) < length:
                return None
        if crc32(body) != checksum:
            raise UnreadableError("not the body of a record")
        return _Record(kind, (experiment, attempt), moment, self._offset + start, length)

    def _read(self, offset: int, length: int) -> bytes:
        return b"" if self._file is None else os.pread(self._file, length, offset)

    def _skip_damage(self) -> bool:
        """Go on to the next complete record behind the offset; return whether there is one."""
        assert self._file is not None
        data = os.pread(self._file, max(0, os.fstat(self._file).st_size - self._offset), self._offset)
        place = data.find(_MAGIC, 1)
        while place > 0:
            with suppress(UnreadableError):
                if self._record_at(data, place) is not None:
                    self._offset += place
                    return True
            place = data.find(_MAGIC, place + 1)
        return False

    def _take(self, record: _Record) -> None:
        self._has_records = True
        self.last_event_at = record.moment
        if record.kind == _STARTED:
            self.current = Current(record.token, record.moment)
            self._begun[record.token] = self._code_id
            self.started_any = True
        elif record.kind == _FINISHED:
            if self.current is not None and self.current.token == record.token:
                self._durations.append(record.moment - self.current.started_at)
            self.current = None
            self._unrecorded[record.token] = record
        elif record.kind == _RECORDED:
            self._forget_all()
        elif record.kind == _CODE:
            self._take_code(record)
        else:
            self.is_closed = True

    def _take_code(self, record: _Record) -> None:
        self._code_id = None
        with suppress(UnreadableError):
            self._code_id, code = journal_encoding.decode_code(self._read(record.offset, record.length))
            if code is not None:
                self._codes[code.id] = code
        if self.current is not None:
            self._begun[self.current.token] = self._code_id

    def _forget_all(self) -> None:
        """Note that all attempts that have begun are in the database, also those whose end cannot be read."""
        self._begun.clear()
        self._unrecorded.clear()
        self._is_damaged = False
        self.current = None
