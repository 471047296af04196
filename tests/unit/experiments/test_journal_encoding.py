"""Attempts and metrics as bytes."""

from __future__ import annotations

import struct

import pytest

from database.claims.types import Chunk, Finished
from database.models import Outcome
from experiments.journal_encoding import UnreadableError, decode_finished, encode_finished

CHUNKS = (
    Chunk("loss", 0, 2, b"s" * 16, b"r" * 16, b"t" * 16),
    Chunk("ac/curacy é", 3, 1, b"S" * 8, b"R" * 8, b"T" * 8),
)


def test_attempts() -> None:
    """All fields and metric arrays survive the trip."""
    whole = Finished(
        *(5, 9, Outcome.ERROR, 1.0, 2.0, 1.0, None, "E", "m\u2028é", "tb", 1, 9, 2**40, 0.25, "tail"),
        code=2**60 - 1,
        threads=2,
        chunks=CHUNKS,
    )
    assert decode_finished(encode_finished(whole)) == whole
    assert decode_finished(encode_finished(Finished(1, 2, Outcome.LOST))) == Finished(1, 2, Outcome.LOST)


def test_attempts_of_earlier_programs() -> None:
    """The journal of a runner that died before an upgrade is read: its `failed` is an error."""
    body = encode_finished(Finished(5, 9, Outcome.ERROR)).replace(b'"error"', b'"failed"')
    length = struct.Struct("<I")  # of the head, which the longer word makes longer
    assert decode_finished(length.pack(length.unpack_from(body)[0] + 1) + body[4:]).outcome is Outcome.ERROR


def with_head(head: bytes) -> bytes:
    return struct.pack("<I", len(head)) + head


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0",
        with_head(b"[]"),
        with_head(b"x"),
        with_head(b"\xff"),
        with_head(b"[" * 100_000),
        with_head(b"{}"),
        with_head(b'{"outcome":"completed"}'),
        with_head(b'{"experiment_id":1,"attempt_number":1,"outcome":"odd"}'),
        with_head(b'{"experiment_id":1,"attempt_number":"1","outcome":"error"}'),
        with_head(b'{"experiment_id":1,"attempt_number":1,"outcome":"error","odd":1}'),
        with_head(b'{"experiment_id":1,"attempt_number":1,"outcome":"error","duration_s":NaN}'),
        with_head(b'{"experiment_id":1,"attempt_number":1,"outcome":"error","chunks":[["m",0,1]]}'),
        with_head(b'{"experiment_id":1,"attempt_number":1,"outcome":"error","chunks":[["m",0,1]]}')
        + b"0" * 23,
        with_head(b'{"experiment_id":1,"attempt_number":1,"outcome":"error","chunks":[[0,0,0]]}'),
        encode_finished(Finished(1, 1, Outcome.ERROR, chunks=CHUNKS)) + b"0",
    ],
)
def test_bytes_that_are_no_attempt(body: bytes) -> None:
    """Whatever an experiment writes in place of its attempt has one error."""
    with pytest.raises(UnreadableError):
        decode_finished(body)
