"""Attempts as bytes, for journals and for pipes between processes.

A small head of JSON, then the raw bytes of the metric arrays. Plain data only: reading it runs
no code of an experiment.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from database.claims.types import Chunk, Finished
from database.models import Outcome

_LENGTH = struct.Struct("<I")
_PLAIN_FIELDS = [field.name for field in fields(Finished) if field.name not in {"outcome", "chunks"}]


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
    head = json.dumps(plain, separators=(",", ":")).encode()
    return b"".join([_LENGTH.pack(len(head)), head, *blobs])


def decode_finished(body: bytes) -> Finished:
    """Return the attempt that `encode_finished` turned into bytes."""
    (length,) = _LENGTH.unpack_from(body)
    place = _LENGTH.size + length
    plain: dict[str, Any] = json.loads(body[_LENGTH.size : place])
    chunks = tuple(_chunks(body, place, plain.pop("chunks", ())))
    return Finished(**{**plain, "outcome": Outcome.recorded(plain["outcome"]), "chunks": chunks})


def _chunks(body: bytes, place: int, heads: Iterable[tuple[str, int, int]]) -> Iterable[Chunk]:
    for metric, number, count in heads:
        size = 8 * count
        arrays = [body[place + size * index : place + size * (index + 1)] for index in range(3)]
        yield Chunk(metric, number, count, *arrays)
        place += 3 * size
