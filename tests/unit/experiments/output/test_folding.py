"""Lines that were written over, as a terminal shows them at last."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.output.folding import Folding, fold

UP = "\x1b[A"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\r 10%|#   |\r 20%|##  |\r100%|████|\nnext\n", "100%|████|\nnext\n"),
        ("10/10     \r9/10    \n", "9/10\n"),
        ("\r50%|██  |\r         \rdone\n", "done\n"),
        ("abc\rX\n", "Xbc\n"),
        ("10%\b\b\b20%\b\b\b30%\n", "30%\n"),
        ("-\b\\\b|\b/\bdone", "done"),
        ("\x1b[32m 10%\x1b[0m\r\x1b[32m100%\x1b[0m\n", "\x1b[32m100%\x1b[0m\n"),
        ("\x1b[32mlong\x1b[0m\rab\n", "abng\n"),
        ("日本語\ra\n", "a 本語\n"),
        ("e\u0301e\u0301\rxy\n", "xy\n"),
        ("a bar of 100 %\r\x1b[Kdone\n", "done\n"),
        ("a bar of 100 %\x1b[2K\x1b[1Gdone\n", "done\n"),
        (f"one\ntwo\n{UP}\x1b[2K{UP}\x1b[2Kdone\n", "done\n"),
        (f"outer 0%\n\rinner 0%{UP}\router 1%\n\rinner 9%{UP}\n\nend\n", "outer 1%\ninner 9%\nend\n"),
        ("a\x1b[3Cb\x1b[2DX\n", "a  Xb\n"),
        ("12345\x1b[3D\x1b[Kx\n", "12x\n"),
        ("12345\x1b[3D\x1b[1K\n", "   45\n"),
        ("one\ntwo\nthree\x1b[2A\r\x1b[Jdone", "done"),
        ("one\ntwo\x1b[Fnew\x1b[Eend\n", "new\nend\n"),
    ],
)
def test_last_state(written: str, shown: str) -> None:
    """Of each line the last state stays: after carriage returns, backspaces, erasing and moves up."""
    assert fold(written.encode()).decode() == shown


@pytest.mark.parametrize(
    "written",
    [
        b"one\ntwo\n\nno end",
        b"one\r\ntwo\r\n\r\n",
        b"\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07 \x1b[?25l\n",
        b"\xff\xfe\x00\x80 \xc3\n\xed\xa0\x80",
        b"trailing   \ntab\t|\n",
        b"x" * 3_000_000 + b"\n" + b"y\n" * 100_000,
    ],
    ids=["lines", "line ends of two", "sequences", "binary", "spaces", "long"],
)
def test_nothing_written_over(written: bytes) -> None:
    """What writes nothing over stays as it is, byte by byte."""
    folding = Folding()
    assert folding.feed(written) + folding.rest() == written
    assert not folding.has_folded


@given(
    st.lists(
        st.sampled_from([b"abc", b"\r", b"\n", b"\x08", b"\x1b[A", b"\x1b[K", "é日█".encode(), b"\xff"])
        | st.sampled_from([b"\x1b[2K", b"\x1b[3C", b"\x1b[J", b"\x1b[1B", b"x" * 50, b"\n" * 30, b"\r\n"]),
        max_size=60,
    ),
    st.integers(1, 7),
)
def test_reads_may_end_anywhere(pieces: list[bytes], size: int) -> None:
    """Frames, sequences and characters may be split between two reads."""
    written = b"".join(pieces)
    folding = Folding()
    read = [written[begin : begin + size] for begin in range(0, len(written), size)]
    assert b"".join(map(folding.feed, read)) + folding.rest() == fold(written)


def test_memory_is_bounded() -> None:
    """What is far above the cursor or far to its left is settled, whatever comes."""
    folding = Folding()
    for piece in (b"line\n" * 5000, b"\r" + b"x" * 5000, b"a\n\x1b[Ab\n" * 5000):
        for _ in range(20):
            folding.feed(piece)
    assert len("".join(folding._rows)) < 10_000


def test_line_of_the_cursor() -> None:
    """Who has read a part of an output finds the line that it ended in, whatever follows."""
    for before, after in ((b"one\ntwo\r5%", b"\rten\nend\n"), ("one\ntwo é".encode()[:-1], "é".encode()[1:])):
        folding = Folding()
        folding.feed(before)
        begin, shown = folding.line
        assert begin == 4
        assert shown == before[4:].split(b"\r")[-1] or shown == b"5%o"
        assert fold(before + after)[begin:].startswith((b"ten", "two é".encode()))


def test_no_text() -> None:
    """From a piece with a NUL on all stays as it is: a program that prints bytes delays nothing."""
    folding = Folding()
    shown = folding.feed(b"a\rb") + folding.feed(b"\0\rc\rd") + folding.feed(b"e\rf") + folding.rest()
    assert shown == b"b\0\rc\rde\rf"
    assert folding.settled == len(shown)
    noise = random.Random(1).randbytes(100_000)
    assert fold(noise) == noise
