"""Writing the points of an attempt."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from database.claims.types import Chunk, Token
from database.errors import ExperimentsError
from experiments.full_disk import until_there_is_space
from experiments.points.metric_summary import MetricSummary
from experiments.points.slots import (
    FIRST_SLOT,
    NAME,
    NAME_MARK,
    POINT,
    SLOT_BYTES,
    chunks_in,
    read_slots,
)
from experiments.points.unrecorded import COUNT, COUNT_AT, TOKEN, TOKEN_AT, unrecorded_in
from experiments.processes.exit_status import LOST_DESCRIPTORS_EXIT_CODE
from experiments.processes.open_files import identity_of

MAX_NAME_LENGTH = 200
#: What is mapped first and stays mapped, in slots: enough for a short attempt.
_FIRST_SLOTS = (64 << 10) // SLOT_BYTES
#: The rest is mapped part by part, so that a long attempt does not keep in memory what it has logged.
_PART_SLOTS = (4 << 20) // SLOT_BYTES
#: A chunk ends after this time, in seconds, if it has so many points of each metric; or with so many slots.
_CHUNK_S = 2.0
_CHUNK_POINTS = 64
_CHUNK_SLOTS = 100_000


class PointsFileError(ExperimentsError):
    """The results folder is on a file system that cannot map files."""


class PointsWriter:
    """Writes the points of an attempt; for one thread at a time.

    Parameters
    ----------
    path : Path
        The worker's file; made, or emptied of what an earlier attempt has logged.
    token : Token
        The attempt.

    Attributes
    ----------
    summaries : dict
        By metric; of the chunks that have ended, and of all points after `close`.
    """

    def __init__(self, path: Path, token: Token) -> None:
        self._path = path
        self._token = token
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._file = until_there_is_space(lambda: os.open(path, flags, 0o600), path)
        self._identity = identity_of(self._file)
        if os.fstat(self._file).st_size > (_FIRST_SLOTS + _PART_SLOTS) * SLOT_BYTES:
            os.ftruncate(self._file, _FIRST_SLOTS * SLOT_BYTES)
        self._first = self._part = self._map(0, _FIRST_SLOTS)
        self._begin, self._end = 0, _FIRST_SLOTS
        # In this order, so that a reader never takes the points of one attempt for those of another.
        os.pwrite(self._file, TOKEN.pack(0, 0), TOKEN_AT)
        os.pwrite(self._file, COUNT.pack(FIRST_SLOT), COUNT_AT)
        os.pwrite(self._file, TOKEN.pack(*token), TOKEN_AT)
        # A view stores a number at once, `struct` byte by byte.
        self._counts = memoryview(self._first).cast("Q")
        self.summaries: dict[str, MetricSummary] = {}
        self._names: dict[str, int] = {}
        self._slot = FIRST_SLOT
        self._chunk = 0
        self._chunk_begin = FIRST_SLOT
        self._cut_slot = FIRST_SLOT + _CHUNK_SLOTS
        self._cut_at = 0.0

    def append(self, step: int, readings: Mapping[str, float], second: float) -> None:
        """Add a point of each metric; none, if anything is raised meanwhile.

        Raises
        ------
        TypeError, ValueError, OverflowError, struct.error
            The step is no 64-bit integer, a reading no number, or a name no text, too long or not printable.
        """
        slot = self._slot
        if second >= self._cut_at or slot >= self._cut_slot:
            self._cut(slot, second)
        new: dict[str, int] | None = None
        for name, reading in readings.items():
            metric = self._names.get(name)
            if metric is None:
                new = new or {}
                metric = new[name] = slot
                slot = self._write_name(slot, name)
            if not self._begin <= slot < self._end:
                self._move_to(slot)
            place = (slot - self._begin) * SLOT_BYTES
            POINT.pack_into(self._part, place, metric, step, float(reading), second)
            slot += 1
        self._counts[0] = self._slot = slot  # in one line: nothing comes between
        if new:
            self._names.update(new)

    def close(self) -> tuple[Chunk, ...]:
        """Unmap the file; return the points that are not known to be recorded."""
        file = self._own_file()
        points = unrecorded_in(file, self._token, self._path)
        if points.chunks and points.resume_at == self._chunk_begin:  # nearly always: it is read already
            last = points.chunks[-1].number
            self.summaries = self._followed_by(chunk for chunk in points.chunks if chunk.number == last)
        else:
            self.summaries = self._summed_up(self._slot)
        self._counts.release()
        if self._part is not self._first:
            self._part.close()
        self._first.close()
        os.close(file)
        return points.chunks

    def _cut(self, slot: int, second: float) -> None:
        """End the chunk, if it is time to."""
        if slot >= self._cut_slot or slot - self._chunk_begin > _CHUNK_POINTS * len(self._names) > 0:
            summaries = self._summed_up(slot)
            # No call, and so no exception of a signal handler, comes between these.
            self.summaries, self._chunk_begin, self._cut_slot = summaries, slot, slot + _CHUNK_SLOTS
            self._names, self._chunk = {}, self._chunk + 1
        self._cut_at = second + _CHUNK_S

    def _summed_up(self, slot: int) -> dict[str, MetricSummary]:
        """Return the summaries with the points of this chunk, up to a slot."""
        begin = self._chunk_begin
        chunks, _, _ = chunks_in(read_slots(self._own_file(), begin, slot), begin)
        return self._followed_by(chunks)

    def _followed_by(self, chunks: Iterable[Chunk]) -> dict[str, MetricSummary]:
        summaries = dict(self.summaries)
        for chunk in chunks:
            summaries[chunk.metric] = summaries.get(chunk.metric, MetricSummary()).followed_by(chunk)
        return summaries

    def _write_name(self, slot: int, name: str) -> int:
        """Write a name at a slot; return the slot that follows it."""
        if not isinstance(name, str):  # of a mapping
            raise TypeError(f"the name {name!r} is no text")
        if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable():
            raise ValueError("a name is not valid")
        text = name.encode()
        record = NAME.pack(NAME_MARK, self._chunk, len(text)) + text
        for start in range(0, len(record), SLOT_BYTES):
            if not self._begin <= slot < self._end:
                self._move_to(slot)
            place = (slot - self._begin) * SLOT_BYTES
            piece = record[start : start + SLOT_BYTES].ljust(SLOT_BYTES, b"\0")
            self._part[place : place + SLOT_BYTES] = piece
            slot += 1
        return slot

    def _move_to(self, slot: int) -> None:
        """Map the part that has this slot: the next one, or an earlier one when an exception came between."""
        before = self._part
        if slot < _FIRST_SLOTS:
            part, begin, end = self._first, 0, _FIRST_SLOTS
        else:
            begin = slot - (slot - _FIRST_SLOTS) % _PART_SLOTS
            end = begin + _PART_SLOTS
            part = self._map(begin, _PART_SLOTS)
        self._part, self._begin, self._end = part, begin, end
        if before is not self._first:
            before.close()

    def _map(self, begin: int, slots: int) -> mmap.mmap:
        """Map a part of the file.

        The disk has space for it first: a store into a hole of a file on a full disk kills the process.
        """
        file, size = self._own_file(), (begin + slots) * SLOT_BYTES
        while (has := os.fstat(file).st_size) < size:
            until_there_is_space(partial(os.pwrite, file, bytes(size - has), has), self._path)
        try:
            return mmap.mmap(file, slots * SLOT_BYTES, offset=begin * SLOT_BYTES)
        except OSError as error:
            raise PointsFileError(
                f"{self._path} cannot be mapped ({error.strerror}), which run.log needs: let "
                "EXPERIMENTS_RESULTS name a folder on another file system"
            ) from error

    def _own_file(self) -> int:
        """Return the descriptor; end the process if the experiment has closed it: see `open_files`."""
        if identity_of(self._file) != self._identity:
            os._exit(LOST_DESCRIPTORS_EXIT_CODE)
        return self._file
