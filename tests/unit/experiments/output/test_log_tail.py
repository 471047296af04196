"""The end of an output, as it is recorded."""

from __future__ import annotations

from database.claims.types import Finished
from database.models import Outcome
from experiments.output.log_tail import tail_of, with_log_tail

DUMP = b"""Fatal Python error: Aborted

Current thread 0x00007f6507465b80 (most recent call first):
  File "/home/ada/train.py", line 19 in inner
  File "/srv/experiments/target/function.py", line 74 in call
  File "/srv/experiments/attempt/single.py", line 92 in attempt
  File "<string>", line 1 in <module>

Extension modules: numpy._core._multiarray_umath (total: 1)
"""
CUT = """Fatal Python error: Aborted

Current thread (most recent call first):
  File "/home/ada/train.py", line 19 in inner
"""


def test_tail() -> None:
    """The tail has at most 50 lines and nothing a database cannot store."""
    output = b"".join(b"line %d\n" % number for number in range(100)) + b"nul \0 bad \xff"
    lines = tail_of(output).splitlines()
    assert len(lines) == 50
    assert lines[-1] == "nul \ufffd bad \ufffd"
    assert len(tail_of(b"x" * 100_000)) == len(tail_of("é\n".encode() * 100_000 + b"x" * 8192)) == 8192
    assert tail_of((b"y" * 99 + b"\n") * 100).count("y" * 99) == 50
    assert tail_of((b"y" * 999 + b"\n") * 100).count("y" * 999) == 8
    assert tail_of(b"") == ""


def test_a_tail_begins_at_a_whole_frame() -> None:
    """Where the tail begins within a traceback, its heading is there too."""
    frames = "".join(f'  File "/a.py", line {n}, in f\n    g()\n' for n in range(40))
    text = tail_of(f"Traceback (most recent call last):\n{frames}ValueError: no\n".encode())
    assert text.startswith("Traceback (most recent call last):\n  [... 16 frames left out ...]\n  File")


def test_log_tail() -> None:
    """The end of the output is recorded of attempts that did not complete."""
    failed, completed = Finished(1, 1, Outcome.ERROR), Finished(1, 1, Outcome.COMPLETED)
    assert with_log_tail(failed, "end").log_tail == "end"
    assert with_log_tail(failed, None).log_tail is None
    assert with_log_tail(completed, "end").log_tail is None


def test_a_dump_is_the_traceback() -> None:
    """The dump of a crash is its traceback, the same for all that crash there, and not what it wrote."""
    crashed = Finished(1, 1, Outcome.CRASHED)
    ended = with_log_tail(crashed, tail_of(b"x\n" * 100 + DUMP))
    assert ended.traceback == CUT
    assert ended.log_tail == "\n".join(["x"] * 50)
    silent = with_log_tail(crashed, tail_of(DUMP.replace(b"5b80", b"5b90")))
    assert (silent.traceback, silent.log_tail) == (CUT, None)
