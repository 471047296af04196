"""Shortened outputs and tracebacks."""

from __future__ import annotations

import traceback

import pytest

from database.failure_text.shortening import joined_within, last_lines, shortened_traceback, without_runner
from database.failure_text.tracebacks import FRAME


def frames(count: int, margin: str = "  ") -> str:
    return "".join(f'{margin}File "/a.py", line {n}, in f{n}\n{margin}  g()\n' for n in range(count))


HEADING = "Traceback (most recent call last):\n"


@pytest.mark.parametrize("count", range(1, 22))
def test_a_traceback_begins_at_a_whole_frame(count: int) -> None:
    """Wherever the last lines begin, a traceback has its heading, and says how many frames it lacks."""
    lines = last_lines(f"before\n{HEADING}{frames(8)}ValueError: no\nafter", count).splitlines()
    if count == 1:
        assert lines == ["after"]
        return
    if count > 19:
        assert lines[0] == "before"
        lines = lines[1:]
    assert lines[0] == HEADING.strip()
    shown = sum(line.startswith("  File") for line in lines)
    note = [] if shown == 8 else [f"  [... {8 - shown} frame{'s' if shown < 7 else ''} left out ...]"]
    assert lines[1 : 1 + len(note)] == note
    assert lines[1 + len(note)].startswith("  File")
    assert lines[-2:] == ["ValueError: no", "after"]


def test_where_the_beginning_is_not_known() -> None:
    """The tail of an output that was recorded from the middle of a traceback on begins at a whole frame."""
    text = f"    g()\n{frames(2)}ValueError: no"
    lines = ["  [... the frames before are left out ...]", *text.splitlines()[1:]]
    assert last_lines(text, 50).splitlines() == lines
    assert last_lines("  indented\n  text\nend", 50) == "  indented\n  text\nend"
    syntax = '  File "/a.py", line 7\n    x x\nSyntaxError: invalid syntax'
    assert last_lines(syntax, 50) == syntax


def test_members_of_groups_begin_at_a_whole_frame() -> None:
    """The margin of a group stays."""
    inner = f"    | {HEADING}{frames(4, '    |   ')}    | ValueError: no\n    +-----"
    text = f"  + Exception Group {HEADING}  | ExceptionGroup: x\n  +-+---- 1 ----\n{inner}"
    lines = shortened_traceback(text, 6).splitlines()
    assert lines[:2] == [f"    | {HEADING.strip()}", "    |   [... 2 frames left out ...]"]
    assert lines[2] == '    |   File "/a.py", line 2, in f2'


def test_long_messages_and_chains() -> None:
    """Of a long message the beginning is left; a link without the exception before it says so."""
    text = f"{HEADING}{frames(1)}ValueError: 0\n" + "".join(f"{n}\n" for n in range(1, 40))
    lines = shortened_traceback(text, 10).splitlines()
    assert (lines[0], lines[3], lines[-1]) == (
        HEADING.strip(),
        "ValueError: 0",
        "[... 35 lines left out ...]",
    )
    link = "\nThe above exception was the direct cause of the following exception:\n\n"
    shown = shortened_traceback(f"{HEADING}{frames(3)}KeyError\n{link}{HEADING}{frames(1)}ValueError: no", 7)
    assert shown.splitlines()[:3] == ["[... the exception before is left out ...]", "", HEADING.strip()]


def dumped(count: int) -> str:
    lines = "".join(f'  File "/a.py", line {n} in f{n}\n' for n in range(count))
    return f"Current thread 0x1 (most recent call first):\n{lines}"


def test_dumps_keep_their_first_frames() -> None:
    """A dump has the deepest frame first: the last ones are left out."""
    text = f"before\n{dumped(9)}\nafter"
    lines = last_lines(text, 5).splitlines()
    assert lines[0].startswith("Current thread")
    assert lines[1] == '  File "/a.py", line 0 in f0'
    assert lines[-3:] == ["  [... 6 frames left out ...]", "", "after"]
    assert shortened_traceback(dumped(9), 4).splitlines()[-1] == "  [... 6 frames left out ...]"


def test_our_frames_are_cut_from_dumps() -> None:
    """From the call of the target on, a dump's frames are the runner's; a user's own folders stay."""
    users = b'  File "/home/ada/experiments/target/function.py", line 3 in call\n'
    ours = (
        b'  File "/srv/experiments/target/function.py", line 74 in call\n'
        b'  File "/srv/experiments/attempt/single.py", line 92 in attempt\n'
        b'  File "/srv/experiments/worker/loop.py", line 166 in run\n  ...\n'
    )
    heading = b"Thread 0x1 (most recent call first):\n"
    output = b"a\n" + heading + users + ours + b"\n" + heading + users + b"z"
    assert without_runner(output) == b"a\n" + heading + users + b"\n" + heading + users + b"z"


def test_our_frames_of_an_import_are_cut_too() -> None:
    """A crash while the target is imported is shown from the user's line on."""
    users = b'  File "/home/ada/train.py", line 1 in <module>\n'
    ours = (
        b'  File "/srv/experiments/target/function.py", line 320 in _import\n'
        b'  File "/srv/experiments/target/function.py", line 200 in load\n'
    )
    heading = b"Current thread 0x1 (most recent call first):\n"
    assert without_runner(heading + users + ours) == heading + users


def even(number: int) -> None:
    if number == 0:
        raise ValueError("x" * 100_000)
    odd(number - 1)


def odd(number: int) -> None:
    even(number - 1)


def test_long_tracebacks_lose_whole_frames() -> None:
    """A traceback that does not fit loses frames of its middle, and each message its end."""
    try:
        even(300)
    except ValueError as error:
        parts = list(traceback.TracebackException.from_exception(error).format())
    text = joined_within(parts, 16_000)
    assert len(text) < 16_100
    lines = text.splitlines()
    [note] = [number for number, line in enumerate(lines) if "left out" in line][:-1]
    assert lines[0] == HEADING.strip()
    assert FRAME.match(lines[note + 1])
    assert "frames left out" in lines[note]
    assert lines[-1].endswith("characters left out ...]")
    assert joined_within(parts[:3], 16_000) == "".join(parts[:3])


def test_very_long_chains() -> None:
    """Of very many exceptions in a chain the last ones are left."""
    parts = [part for n in range(100) for part in (HEADING, frames(1), f"ValueError: {n}{'x' * 900}\n", "\n")]
    text = joined_within(parts, 16_000)
    assert text.splitlines()[:3] == ["[... 88 exceptions left out ...]", "", HEADING.strip()]
    assert text.count(HEADING) == 12
    assert "ValueError: 99" in text
    assert len(text) < 16_100
