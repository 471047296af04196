"""Which points of an attempt are not known to be recorded."""

from __future__ import annotations

import logging
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from database.claims.types import Chunk, Token
from experiments.points.slots import FIRST_SLOT, chunks_in, read_slots

logger = logging.getLogger(__name__)

COUNT = struct.Struct("=Q")  # as a memoryview stores it
TOKEN = struct.Struct("<QQ")
_RECORDED = struct.Struct("<QQ")
#: In slot 0 the attempt follows the number of slots. Slot 1 repeats it, so that what was recorded of one
#: attempt is never taken for that of another.
COUNT_AT, TOKEN_AT, _RECORDED_OF_AT, _RECORDED_AT = 0, 8, 32, 48
#: More is read at a time, if a chunk is longer than that.
_MORE_SLOTS = 1 << 17


@dataclass(frozen=True)
class UnrecordedPoints:
    """Points that are not known to be recorded.

    Attributes
    ----------
    chunks : tuple of Chunk
        The last one of each metric may get more points.
    resume_at, recorded : int
        The slot at which the last chunk begins, and that up to which the points reach.
    is_all : bool
        Whether there were no more.
    """

    chunks: tuple[Chunk, ...] = ()
    resume_at: int = FIRST_SLOT
    recorded: int = FIRST_SLOT
    is_all: bool = True


def has_unrecorded(path: Path, token: Token) -> bool:
    """Return whether an attempt has logged points that are not known to be recorded."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        used, _, recorded = _extent(file, token)
    finally:
        os.close(file)
    return recorded < used


def read_unrecorded(path: Path, token: Token, *, most: int | None = None) -> UnrecordedPoints:
    """Return the points of an attempt that are not known to be recorded.

    Parameters
    ----------
    path : Path
        The file of its worker; need not exist.
    token : Token
        The attempt; of another one nothing is read.
    most : int, optional
        Read whole chunks of about so many slots together; by default all.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return UnrecordedPoints()
    try:
        return unrecorded_in(file, token, path, most=most)
    finally:
        os.close(file)


def note_recorded(path: Path, token: Token, points: UnrecordedPoints) -> None:
    """Note that these points are in the database, so that they are not recorded again."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # another runner has taken over from this one, and removed its files
    try:
        # In this order, so that a note about one attempt is never taken for one about another.
        os.pwrite(file, TOKEN.pack(0, 0), _RECORDED_OF_AT)
        os.pwrite(file, _RECORDED.pack(points.resume_at, points.recorded), _RECORDED_AT)
        os.pwrite(file, TOKEN.pack(*token), _RECORDED_OF_AT)
    finally:
        os.close(file)


def unrecorded_in(file: int, token: Token, path: Path, *, most: int | None = None) -> UnrecordedPoints:
    """Return what `read_unrecorded` does, from the open file."""
    used, begin, recorded = _extent(file, token)
    if recorded >= used:
        return UnrecordedPoints((), begin, recorded)
    end = used if most is None else min(used, begin + most)
    while True:
        data = read_slots(file, begin, end)
        if _token_of(file) != token:
            return UnrecordedPoints()  # the worker runs another attempt by now, and has recorded this one
        try:
            chunks, last, last_begin = chunks_in(data, begin)
        except (ValueError, LookupError, struct.error) as error:
            logger.warning("%s: points of experiment %d are lost: %s", path, token[0], error)
            return UnrecordedPoints((), used, used)
        if end == used:
            return UnrecordedPoints(tuple(chunks), last_begin, used)
        if last_begin > begin:
            whole = tuple(chunk for chunk in chunks if chunk.number < last)
            return UnrecordedPoints(whole, last_begin, last_begin, is_all=False)
        end = min(used, end + _MORE_SLOTS)


def _extent(file: int, token: Token) -> tuple[int, int, int]:
    """Return how many slots are in use, where the last chunk begins that is recorded, and up to where."""
    if _token_of(file) != token:
        return FIRST_SLOT, FIRST_SLOT, FIRST_SLOT
    # After the token, which the writer writes last.
    (used,) = COUNT.unpack(os.pread(file, COUNT.size, COUNT_AT))
    note = os.pread(file, TOKEN.size + _RECORDED.size, _RECORDED_OF_AT)
    if TOKEN.unpack_from(note) != token:
        return used, FIRST_SLOT, FIRST_SLOT
    begin, recorded = _RECORDED.unpack_from(note, TOKEN.size)
    return used, begin, recorded


def _token_of(file: int) -> tuple[int, ...]:
    found = os.pread(file, TOKEN.size, TOKEN_AT)
    return TOKEN.unpack(found) if len(found) == TOKEN.size else ()
