"""Why an attempt did not complete: the message, its place in the user's code, the end of its output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from database.failure_text.shortening import last_lines, split_dump
from database.failure_text.tracebacks import others, place
from database.models import Outcome

#: So many exceptions that the last one was raised from, or members of a group, are told.
_MAX_OTHERS = 5
#: A longer line of them is cut.
_LINE_CHARACTERS = 200
#: How a dump begins for a signal, which the message tells already.
_OF_SIGNALS = (
    *("Segmentation fault", "Aborted", "Bus error", "Floating point exception", "Floating-point exception"),
    *("Illegal instruction", "Fatal Python error"),
)


class Ended(Protocol):
    """What is recorded of an attempt that ended: `database.models.Attempt`, or a row with these columns."""

    @property
    def outcome(self) -> str: ...  # noqa: D102 - the columns are explained where they are defined
    @property
    def error_type(self) -> str | None: ...  # noqa: D102 - as above
    @property
    def error_message(self) -> str | None: ...  # noqa: D102 - as above
    @property
    def traceback(self) -> str | None: ...  # noqa: D102 - as above
    @property
    def log_tail(self) -> str | None: ...  # noqa: D102 - as above


@dataclass(frozen=True)
class Reason:
    """Why an attempt did not complete, in the order that explains it.

    Attributes
    ----------
    message : str
        What was raised (``ValueError: no``), or what ended it. It may have several lines; empty when nothing
        is known but the outcome.
    place : str
        ``file:line in function`` of the last frame in the user's code; empty when that is not known.
    others : sequence of str
        The exceptions it was raised from, the members of a group, what Python said of a fatal error.
    output : str
        The last lines it wrote, without the dump of a fatal error.
    traceback : str
        In full, or the dump of a fatal error; without the runner's frames.
    """

    message: str
    place: str
    others: Sequence[str]
    output: str = field(repr=False)
    traceback: str = field(repr=False)

    @property
    def line(self) -> str:
        """The message and the place in one line."""
        first = self.message.strip().partition("\n")[0]
        return ", at ".join(filter(None, [first, self.place]))

    def last_output(self, lines: int) -> str:
        """Return about so many of the last lines it wrote."""
        return last_lines(self.output, lines)


def reason_of(attempt: Ended, target: str = "") -> Reason:
    """Return why an attempt did not complete, whichever version recorded it.

    Parameters
    ----------
    attempt : Ended
    target : str
        The target of the series, as for `place`.
    """
    output, dump = split_dump(attempt.log_tail or "")
    traceback = attempt.traceback or dump
    message = (attempt.error_message or "").lstrip()  # a first line that is empty would be its heading
    if attempt.outcome == Outcome.ERROR:
        message = ": ".join(filter(None, [attempt.error_type, message]))
    found = others(traceback, target)
    told = [_shortened(str(raised)) for raised in found[:_MAX_OTHERS]]
    if rest := sum(raised.count for raised in found[_MAX_OTHERS:]):
        told.append(f"and {rest} more")
    fatal = traceback.partition("\n")[0].removeprefix("Fatal Python error: ")
    if traceback.startswith("Fatal Python error: ") and not fatal.startswith(_OF_SIGNALS):
        told.append(f"Python ended it: {_shortened(fatal)}")
    return Reason(message, place(_frames(traceback, attempt.error_message), target), told, output, traceback)


def _frames(traceback: str, message: str | None) -> str:
    """Return a traceback without the message at its end, which may contain other frames."""
    return traceback.removesuffix(f"{message}\n") if message else traceback


def _shortened(line: str) -> str:
    return line if len(line) <= _LINE_CHARACTERS else f"{line[:_LINE_CHARACTERS]}..."
