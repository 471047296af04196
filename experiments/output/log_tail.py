"""The end of an attempt's output, which is recorded in the database when it did not complete."""

from __future__ import annotations

from database.claims.types import Finished
from database.failure_text.shortening import last_lines, split_dump, without_runner
from database.models import Outcome
from database.models.exact_json import storable_text

#: Its size; a traceback begins at a whole frame, so that it may have a few more lines.
_TAIL_BYTES = 8 << 10
_TAIL_LINES = 50
#: So much of the output is examined: where a traceback begins, and the dump of a fatal error.
_EXAMINED_BYTES = 64 << 10


def tail_of(output: bytes) -> str:
    """Return the last lines of an output as text that databases store; a dump at its end is whole."""
    text = without_runner(output[-_EXAMINED_BYTES:]).decode("utf-8", "replace")
    text, dump = split_dump(text)
    return storable_text("\n".join(filter(None, [_end(text), dump])))


def _end(text: str) -> str:
    lines = text.splitlines()[-_TAIL_LINES:]
    count, size = 0, 0
    while count < len(lines) and size < _TAIL_BYTES:
        count += 1
        size += len(lines[-count].encode("utf-8", "replace")) + 1
    if size > _TAIL_BYTES and count > 1:
        count -= 1
    return last_lines(text, count)[-_TAIL_BYTES:] if count == 1 else last_lines(text, count)


def with_log_tail(finished: Finished, tail: str | None) -> Finished:
    """Return an attempt that did not complete with the end of what it wrote; a dump is its traceback."""
    if tail is None or finished.outcome is Outcome.COMPLETED:
        return finished
    output, dump = split_dump(tail)
    return finished._replace(log_tail=output or None, traceback=finished.traceback or dump or None)
