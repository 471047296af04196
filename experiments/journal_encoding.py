"""Attempts and metrics as bytes, for journals and for pipes between processes.

A small head of JSON, then the raw bytes of the metric arrays. Plain data only: reading it runs
no code of an experiment.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
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
    return _with_chunks(plain, finished.chunks)


def decode_finished(body: bytes) -> Finished:
    """Return the attempt that `encode_finished` turned into bytes."""
    plain, chunks = _without_chunks(body)
    return Finished(**{**plain, "outcome": Outcome.recorded(plain["outcome"]), "chunks": chunks})


def encode_chunks(chunks: Sequence[Chunk]) -> bytes:
    """Return chunks of metrics as bytes."""
    return _with_chunks({}, chunks)


def decode_chunks(body: bytes) -> tuple[Chunk, ...]:
    """Return the chunks that `encode_chunks` turned into bytes."""
    return _without_chunks(body)[1]


def _with_chunks(plain: dict[str, Any], chunks: Sequence[Chunk]) -> bytes:
    blobs: list[bytes] = []
    if chunks:
        plain["chunks"] = [(chunk.metric, chunk.number, chunk.count) for chunk in chunks]
        for chunk in chunks:
            blobs += [chunk.steps, chunk.readings, chunk.seconds]
    head = json.dumps(plain, separators=(",", ":")).encode()
    return b"".join([_LENGTH.pack(len(head)), head, *blobs])


def _without_chunks(body: bytes) -> tuple[dict[str, Any], tuple[Chunk, ...]]:
    (length,) = _LENGTH.unpack_from(body)
    place = _LENGTH.size + length
    plain: dict[str, Any] = json.loads(body[_LENGTH.size : place])
    return plain, tuple(_chunks(body, place, plain.pop("chunks", ())))


def _chunks(body: bytes, place: int, heads: Iterable[tuple[str, int, int]]) -> Iterable[Chunk]:
    for metric, number, count in heads:
        size = 8 * count
        arrays = [body[place + size * index : place + size * (index + 1)] for index in range(3)]
        yield Chunk(metric, number, count, *arrays)
        place += 3 * size
