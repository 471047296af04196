"""Shortened outputs and tracebacks: what is left begins at a whole frame, and says what is left out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from database.failure_text.tracebacks import FRAME, HEADER, LINK, THREAD

#: In a dump of faulthandler: the frame of the call of the target, or of its import, and what called that.
_RUNNER = re.compile(
    rb'^  File "(?P<root>[^"\n]*)/experiments/target[/\w]*\.py", line \d+ in \w+\n'
    rb'  File "(?P=root)/experiments/(?:attempt|isolation|target|worker)[/\w]*\.py", line \d+ in \w+\n'
    rb"(?:  (?:File |\.\.\.)[^\n]*\n?)*",
    re.MULTILINE,
)
#: It may follow the state of a progress bar on the same line.
_DUMP = re.compile(
    r"Fatal Python error: .*\n(?:Python runtime state: .*\n)?\n*(?=(?:Current thread|Thread) )"
    r"(?:\n|(?:Current thread|Thread) .*(?:\n|\Z)|  .*(?:\n|\Z)|Extension modules: .*(?:\n|\Z))*",
    re.MULTILINE,
)
_CURRENT = re.compile(r"^Current thread .*(?:\n|\Z)(?:  .*(?:\n|\Z))*", re.MULTILINE)
#: What faulthandler writes for characters other than ASCII in the names of files and functions.
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})|\\U([0-9a-f]{8})")


def without_runner(output: bytes) -> bytes:
    """Return an output whose dumps of faulthandler end with the user's frames, without the runner's."""
    if b"(most recent call first)" not in output:
        return output
    return _RUNNER.sub(b"", output)


def split_dump(output: str) -> tuple[str, str]:
    """Return an output without the dump of a fatal error in it, and that dump.

    Returns
    -------
    tuple of str
        The dump has the thread that was running only, if it is known, and no address, which differs from
        process to process. Empty when there is none.
    """
    found = list(_DUMP.finditer(output))
    if not found:
        return output, ""
    last = found[-1]
    rest = output[: last.start()] + output[last.end() :]
    dump = without_runner(last[0].encode()).decode()
    current = _CURRENT.search(dump)
    if current is not None:
        dump = f"{dump.splitlines()[0]}\n\n{current[0]}"
    dump = re.sub(r"^((?:Current thread|Thread)) 0x[0-9a-f]+", r"\1", dump, flags=re.MULTILINE)
    dump = re.sub(r"^Extension modules: .*\n?", "", dump, flags=re.MULTILINE)
    return rest.rstrip("\n"), _ESCAPED.sub(_unescaped, dump).strip("\n") + "\n"


def _unescaped(match: re.Match[str]) -> str:
    number = int(match[1] or match[2] or match[3], 16)
    return chr(number) if number < 0xD800 or 0xDFFF < number < 0x110000 else match[0]


def last_lines(text: str, count: int) -> str:
    """Return about the last `count` lines of a text.

    Where they begin in the middle of a traceback, it begins at a whole frame, with its heading and how many
    frames are left out; of a dump, which has the deepest frame first, the last frames are left out.
    """
    lines = text.splitlines()
    start = max(0, len(lines) - count)
    first = _heading_before(lines, start)
    if first is None:
        return "\n".join(lines[start:])
    if first >= 0 and THREAD.match(lines[first]):
        return "\n".join(_shortened_dump(lines, first, start))
    return "\n".join(_shortened_block(lines, first, start))


def shortened_traceback(traceback: str, count: int) -> str:
    """Return a traceback in about `count` lines: its last frames, and the beginning of its message.

    Of a dump, the first frames are left.
    """
    lines = traceback.splitlines()
    if THREAD.search(traceback):
        return "\n".join(_cut(lines, count, "frame", "  "))
    ends = [number for number, line in enumerate(lines) if HEADER.match(line)]
    if ends:
        end = _end_of_block(lines, ends[-1])
        lines[end:] = _cut(lines[end:], max(1, count // 2), "line")
    shown = last_lines("\n".join(lines), count)
    head, link, rest = shown.partition("\n\n")
    if LINK.match(head.strip()) and link:  # it belongs to the exception before
        return f"[... the exception before is left out ...]\n\n{rest}"
    return shown


def joined_within(parts: Sequence[str], characters: int) -> str:
    """Return the parts that `traceback.TracebackException.format` gives as a text of a limited length.

    Whole frames in the middle are left out, and the end of whatever is still too long.
    """
    short = [_cut_text(part, characters // 16) for part in parts]
    is_frame = [bool(FRAME.match(part.partition("\n")[0])) for part in short]
    # How much is needed from each part on without the frames: of very many exceptions the last ones stay.
    needed = [0 if frame else len(part) for part, frame in zip(short, is_frame, strict=True)]
    needed = list(itertools.accumulate(needed[::-1]))[::-1]
    headings = [number for number, part in enumerate(short) if HEADER.match(part.rstrip())]
    fitting = [number for number in headings if needed[number] <= characters * 3 // 4]
    begin = fitting[0] if fitting and fitting[0] != headings[0] else 0
    short[:begin] = [""] * begin
    if begin:
        short[0] = f"{_left_out(headings.index(begin), 'exception')}\n\n"
    frames = [number for number in range(begin, len(short)) if is_frame[number]]
    room = characters - needed[begin]
    kept = _fitting(short, frames, room // 2) | _fitting(short, frames[::-1], room // 2)
    left_out = [number for number in frames if number not in kept]
    for number in left_out:
        short[number] = f"  {_left_out(len(left_out), 'frame')}\n" if number == left_out[0] else ""
    return "".join(short)


def _fitting(parts: Sequence[str], numbers: Sequence[int], characters: int) -> set[int]:
    """Return the first of the numbered parts that fit in so many characters."""
    sizes = itertools.accumulate(len(parts[number]) for number in numbers)
    return {number for number, size in zip(numbers, sizes, strict=True) if size <= characters}


def _cut_text(part: str, characters: int) -> str:
    count = len(part) - characters
    return part if count <= 0 else f"{part[:characters]} {_left_out(count, 'character')}\n"


def _cut(lines: list[str], count: int, what: str, margin: str = "") -> list[str]:
    if len(lines) <= count:
        return lines
    return [*lines[:count], margin + _left_out(len(lines) - count, what)]


def _left_out(count: int, what: str) -> str:
    return f"[... {count} {what}{'' if count == 1 else 's'} left out ...]"


def _heading_before(lines: list[str], start: int) -> int | None:
    """Return the place of the heading of the traceback that line `start` is in the middle of.

    None: it is in none. -1: the text begins in the middle of that traceback.
    """
    number = start
    if number and number < len(lines) and not lines[number][:1].isspace() and not _is_heading(lines[number]):
        number -= 1  # the line of the message
    while number >= 0 and lines[number : number + 1] and lines[number][:1].isspace():
        if HEADER.match(lines[number]):  # of a group
            break
        number -= 1
    if number >= 0:
        return number if number < start and _is_heading(lines[number]) else None
    frames = [frame for frame in map(FRAME.match, lines[: _end_of_block(lines, -1)]) if frame]
    return -1 if frames and frames[0]["function"] else None


def _is_heading(line: str) -> bool:
    return bool(HEADER.match(line) or THREAD.match(line))


def _end_of_block(lines: list[str], first: int) -> int:
    """Return the place of the line after the frames of a traceback, which is that of its message."""
    end = first + 1
    while end < len(lines) and lines[end][:1].isspace():
        end += 1
    return end


def _shortened_block(lines: list[str], first: int, start: int) -> list[str]:
    frames = {
        number: frame["margin"]
        for number in range(first + 1, _end_of_block(lines, first))
        if (frame := FRAME.match(lines[number]))
    }
    kept = next((number for number in frames if number >= start), max(frames, default=start))
    margin = frames.get(kept, "")
    if first < 0:
        return [f"{margin}[... the frames before are left out ...]", *lines[kept:]]
    count = sum(number < kept for number in frames)
    note = [margin + _left_out(count, "frame")] if count else []
    return [lines[first], *note, *lines[kept:]]


def _shortened_dump(lines: list[str], first: int, start: int) -> list[str]:
    end = _end_of_block(lines, first)
    kept = max(1, end - start)
    return [lines[first], *_cut(lines[first + 1 : end], kept, "frame", "  "), *lines[end:]]
