"""Attempts and sets of code as bytes, for journals and for pipes between processes.

A small head of JSON, then the raw bytes of the metric arrays. Plain data only: reading it runs
no code of an experiment. What is read may be anything: an experiment may have replaced functions that its
process writes with, or have written itself.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any, get_args, get_type_hints

from database.claims.types import Chunk, Finished
from database.code_sets import RunningCode
from database.errors import ExperimentsError
from database.models import Outcome

_LENGTH = struct.Struct("<I")
#: The types of the fields that are written as JSON, in which a float may be an integer.
_PLAIN_FIELDS: dict[str, Any] = {
    name: int | float if float in get_args(hint) else hint
    for name, hint in get_type_hints(Finished).items()
    if name not in {"outcome", "chunks"}
}
#: Made here, because an experiment may replace `json.dumps` and leave it so.
_to_json = json.JSONEncoder(separators=(",", ":")).encode


class UnreadableError(ExperimentsError):
    """Bytes are not what this program writes."""


def encode_finished(finished: Finished) -> bytes:
    """Return an attempt as bytes."""
    plain: dict[str, Any] = {
        name: value for name, value in zip(Finished._fields, finished, strict=True) if value is not None
    }
    plain["outcome"] = finished.outcome.value
    plain["chunks"] = [(chunk.metric, chunk.number, chunk.count) for chunk in finished.chunks]
    blobs = [part for chunk in finished.chunks for part in (chunk.steps, chunk.readings, chunk.seconds)]
    head = _to_json(plain).encode()
    return b"".join([_LENGTH.pack(len(head)), head, *blobs])


def decode_finished(body: bytes) -> Finished:
    """Return the attempt that `encode_finished` turned into bytes.

    Raises
    ------
    UnreadableError
        The bytes are no attempt.
    """
    try:
        (length,) = _LENGTH.unpack_from(body)
        place = _LENGTH.size + length
        plain: dict[str, Any] = json.loads(body[_LENGTH.size : place], parse_constant=_refuse)
        chunks = tuple(_chunks(body, place, plain.pop("chunks", ())))
        outcome = Outcome.recorded(plain.pop("outcome"))
        if not all(isinstance(value, _PLAIN_FIELDS[name]) for name, value in plain.items()):
            raise UnreadableError("a field has the wrong type")
        return Finished(**plain, outcome=outcome, chunks=chunks)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, struct.error) as error:
        raise UnreadableError(f"not written by this program: {error}") from error


def encode_code(code: RunningCode, *, with_files: bool) -> bytes:
    """Return a set of code as bytes; without its files, where these are known to the reader."""
    plain: dict[str, Any] = {"id": code.id}
    if with_files:
        plain |= {"series": code.series_id, "commit": code.git_commit, "files": dict(code.files)}
    return _to_json(plain).encode()


def decode_code(body: bytes) -> tuple[int, RunningCode | None]:
    """Return the id of a set of code, and the set if it was written with its files.

    Raises
    ------
    UnreadableError
        The bytes are no set of code.
    """
    try:
        plain = json.loads(body)
        number, files, commit = plain["id"], plain.get("files"), plain.get("commit")
        if files is None:
            return int(number), None
        code = RunningCode(int(plain["series"]), _files(files), None if commit is None else str(commit))
        if code.id != number:
            raise UnreadableError("the id of a set of code is not that of its files")
        return code.id, code
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnreadableError(f"not written by this program: {error}") from error


def encode_files(files: Mapping[str, str]) -> bytes:
    """Return the digests of files, by path, as bytes."""
    return _to_json(dict(files)).encode()


def decode_files(body: bytes) -> dict[str, str]:
    """Return the digests of files.

    Raises
    ------
    UnreadableError
        The bytes are none.
    """
    try:
        return _files(json.loads(body))
    except (ValueError, TypeError, RecursionError) as error:
        raise UnreadableError(f"not written by this program: {error}") from error


def _files(plain: Any) -> dict[str, str]:
    if not isinstance(plain, dict) or not all(isinstance(digest, str) for digest in plain.values()):
        raise UnreadableError("digests of files are missing")
    return plain


def _chunks(body: bytes, place: int, heads: Iterable[tuple[str, int, int]]) -> Iterable[Chunk]:
    for metric, number, count in heads:
        size = 8 * count
        arrays = [body[place + size * index : place + size * (index + 1)] for index in range(3)]
        if not isinstance(metric, str) or not isinstance(number, int):
            raise TypeError("a metric has no name or number")
        yield Chunk(metric, number, count, *arrays)
        place += 3 * size
    if place != len(body):
        raise ValueError("bytes of metrics are missing")


def _refuse(constant: str) -> float:
    """Refuse NaN and infinities, which no field of an attempt can be."""
    raise ValueError(f"{constant} is no number")
