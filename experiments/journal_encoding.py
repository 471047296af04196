"""Attempts as bytes, for journals and for pipes between processes.

A small head of JSON, then the raw bytes of the metric arrays. Plain data only: reading it runs
no code of an experiment. What is read may be anything: an experiment may have replaced functions that its
process writes with, or have written itself.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from database.claims.types import Chunk, Finished
from database.errors import ExperimentsError
from database.models import Outcome

_LENGTH = struct.Struct("<I")
_TYPES: dict[str, type | tuple[type, ...]] = {"int": int, "float": (int, float), "str": str}
#: The types of the fields that are written as JSON.
_PLAIN_FIELDS = {
    field.name: _TYPES[str(field.type).removesuffix(" | None")]
    for field in fields(Finished)
    if field.name not in {"outcome", "chunks"}
}
#: Made here, because an experiment may replace `json.dumps` and leave it so.
_to_json = json.JSONEncoder(separators=(",", ":")).encode


class UnreadableError(ExperimentsError):
    """Bytes are not what this program writes."""


def encode_finished(finished: Finished) -> bytes:
    """Return an attempt as bytes."""
    plain: dict[str, Any] = {}
    for name in _PLAIN_FIELDS:
        value = getattr(finished, name)
        if value is not None:
            plain[name] = value
    plain["outcome"] = finished.outcome.value
    blobs: list[bytes] = []
    if finished.chunks:
        plain["chunks"] = [(chunk.metric, chunk.number, chunk.count) for chunk in finished.chunks]
        for chunk in finished.chunks:
            blobs += [chunk.steps, chunk.readings, chunk.seconds]
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
