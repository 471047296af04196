"""Attempts and metrics as bytes."""

from __future__ import annotations

from database.claims.types import Chunk, Finished
from database.models import Outcome
from experiments.journal_encoding import decode_chunks, decode_finished, encode_chunks, encode_finished

CHUNKS = (
    Chunk("loss", 0, 2, b"s" * 16, b"r" * 16, b"t" * 16),
    Chunk("ac/curacy é", 3, 1, b"S" * 8, b"R" * 8, b"T" * 8),
)


def test_attempts() -> None:
    """All fields and metric arrays survive the trip."""
    whole = Finished(
        5, 9, Outcome.FAILED, 1.0, 2.0, 1.0, None, "E", "m\u2028é", "tb", 1, 9, 2**40, 0.25, "tail", CHUNKS
    )
    assert decode_finished(encode_finished(whole)) == whole
    assert decode_finished(encode_finished(Finished(1, 2, Outcome.LOST))) == Finished(1, 2, Outcome.LOST)


def test_chunks() -> None:
    """Chunks of metrics survive the trip alone too."""
    assert decode_chunks(encode_chunks(CHUNKS)) == CHUNKS
    assert decode_chunks(encode_chunks([])) == ()
