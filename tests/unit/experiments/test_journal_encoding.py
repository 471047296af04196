"""Attempts and metrics as bytes."""

from __future__ import annotations

import struct

from database.claims.types import Chunk, Finished
from database.models import Outcome
from experiments.journal_encoding import decode_finished, encode_finished

CHUNKS = (
    Chunk("loss", 0, 2, b"s" * 16, b"r" * 16, b"t" * 16),
    Chunk("ac/curacy é", 3, 1, b"S" * 8, b"R" * 8, b"T" * 8),
)


def test_attempts() -> None:
    """All fields and metric arrays survive the trip."""
    whole = Finished(
        5,
        9,
        Outcome.ERROR,
        1.0,
        2.0,
        1.0,
        None,
        "E",
        "m\u2028é",
        "tb",
        1,
        9,
        2**40,
        0.25,
        "tail",
        chunks=CHUNKS,
    )
    assert decode_finished(encode_finished(whole)) == whole
    assert decode_finished(encode_finished(Finished(1, 2, Outcome.LOST))) == Finished(1, 2, Outcome.LOST)


def test_attempts_of_earlier_programs() -> None:
    """The journal of a runner that died before an upgrade is read: its `failed` is an error."""
    body = encode_finished(Finished(5, 9, Outcome.ERROR)).replace(b'"error"', b'"failed"')
    length = struct.Struct("<I")  # of the head, which the longer word makes longer
    assert decode_finished(length.pack(length.unpack_from(body)[0] + 1) + body[4:]).outcome is Outcome.ERROR
