"""Why an attempt did not complete, as text."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass
from pathlib import Path

import pytest

from database.failure_text.reason import reason_of
from database.models import Outcome


@dataclass(frozen=True)
class Recorded:
    outcome: str = Outcome.ERROR
    error_type: str | None = "ValueError"
    error_message: str | None = None
    traceback: str | None = None
    log_tail: str | None = None


def raised(error: BaseException) -> Recorded:
    """Return what is recorded of an attempt that raised."""
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - groups of any kind
        text = "".join(traceback.format_exception(caught))
    return Recorded(error_type=type(error).__qualname__, error_message=str(error), traceback=text)


def here(line_of: str) -> str:
    """Return the place of a line of this file, which is the user's code here."""
    with Path(__file__).open(encoding="utf-8") as file:
        number = next(
            number for number, line in enumerate(file, 1) if line_of in line and "here(" not in line
        )
    return f"{__file__}:{number} in "


def test_the_message_then_the_place_then_the_output() -> None:
    """What a program prints does not take the place of what it raised."""
    one = Recorded(
        error_message="no\nluck", traceback=raised(ValueError("no\nluck")).traceback, log_tail="x\ny"
    )
    reason = reason_of(one)
    assert (reason.message, reason.place) == ("ValueError: no\nluck", here("raise error") + "raised")
    assert reason.line == f"ValueError: no, at {reason.place}"
    assert reason.last_output(1) == "y"
    assert reason_of(raised(ValueError("\n\n no\nluck"))).message == "ValueError: no\nluck"


def test_frames_in_a_message() -> None:
    """A message that has a traceback in it, as of another process, does not move the place."""
    message = 'it failed:\nTraceback (most recent call last):\n  File "/far.py", line 3, in f\nKeyError'
    assert reason_of(raised(RuntimeError(message))).place == here("raise error") + "raised"
    long = raised(RuntimeError(message + "x" * 5000))
    cut = Recorded("error", "RuntimeError", (long.error_message or "")[:4000], long.traceback)
    assert reason_of(cut).place == here("raise error") + "raised"


def deep() -> None:
    json.loads("{no")


def test_exceptions_that_it_was_raised_from() -> None:
    """The cause of a chain is told with its own place, also where it was raised in a library."""
    try:
        try:
            deep()
        except ValueError as error:
            raise RuntimeError("cannot be read") from error
    except RuntimeError as error:
        reason = reason_of(raised(error))
    assert reason.message == "RuntimeError: cannot be read"
    [told] = reason.others
    assert told.startswith("caused by json.decoder.JSONDecodeError: Expecting property name")
    assert told.endswith(f", at {here('json.loads(')}deep")
    try:
        try:
            deep()
        except ValueError:
            {}["x"]
    except KeyError as error:
        reason = reason_of(raised(error))
    assert reason.others[0].startswith("while handling json.decoder.JSONDecodeError: ")


def test_a_cause_that_was_never_raised() -> None:
    """It has no traceback, and is told as the others are, wherever in the chain it is."""
    error = KeyError("x")
    error.__cause__ = ValueError("one\ntwo")
    assert list(reason_of(raised(error)).others) == ["caused by ValueError: one"]
    outer = RuntimeError("outer")
    outer.__cause__ = error.with_traceback(None)
    assert list(reason_of(raised(outer)).others) == ["caused by ValueError: one", "caused by KeyError: 'x'"]
    caught = reason_of(raised(ExceptionGroup("g", [error])))
    assert "with KeyError: 'x'" in caught.others


def test_members_of_a_group() -> None:
    """The members of an exception group are the reason: each is told, of many the first ones."""
    inner = ExceptionGroup("inner", [KeyError("k")])
    reason = reason_of(raised(ExceptionGroup("several", [ValueError("one"), inner])))
    assert reason.message == "ExceptionGroup: several (2 sub-exceptions)"
    assert list(reason.others) == [
        "with ValueError: one",
        "with ExceptionGroup: inner (1 sub-exception)",
        "with KeyError: 'k'",
    ]
    for count in (6, 9, 16, 40):  # of more than 15 Python writes how many it leaves out
        many = reason_of(raised(ExceptionGroup("many", [ValueError(str(n)) for n in range(count)])))
        assert many.others[-2:] == ["with ValueError: 4", f"and {count - 5} more"]


DUMP = """Fatal Python error: Segmentation fault

Thread 0x00007f6507465b81 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 320 in wait

Current thread 0x00007f6507465b80 (most recent call first):
  File "/v/lib/python3.11/site-packages/torch/x.py", line 5 in deep
  File "/home/ada/Projekt \\xe9/train.py", line 19 in inner
  File "/home/ada/Projekt \\xe9/train.py", line 44 in main
  File "/srv/experiments/target/function.py", line 74 in call
  File "/srv/experiments/attempt/single.py", line 92 in attempt
  File "/srv/experiments/worker/loop.py", line 166 in _attempt
  File "<string>", line 1 in <module>

Extension modules: numpy._core._multiarray_umath (total: 1)"""
KILLED = "its process was killed by SIGSEGV"


@pytest.mark.parametrize("output", ["step 1\nstep 2\n", "50%|###", ""])
def test_a_dump_of_an_earlier_version(output: str) -> None:
    """A dump at the end of an output tells the place; neither our frames nor other threads are shown."""
    reason = reason_of(Recorded(Outcome.CRASHED, "WorkerDied", KILLED, None, output + DUMP))
    assert (reason.message, reason.output) == (KILLED, output.rstrip())
    assert reason.place == "/home/ada/Projekt é/train.py:19 in inner"
    assert reason.others == []
    assert reason.traceback == (
        "Fatal Python error: Segmentation fault\n\nCurrent thread (most recent call first):\n"
        '  File "/v/lib/python3.11/site-packages/torch/x.py", line 5 in deep\n'
        '  File "/home/ada/Projekt é/train.py", line 19 in inner\n'
        '  File "/home/ada/Projekt é/train.py", line 44 in main\n'
    )


def test_what_python_said_of_its_end() -> None:
    """A fatal error that is no signal's is told."""
    dump = DUMP.replace("Segmentation fault", "f: the stack overflowed")
    reason = reason_of(Recorded(Outcome.CRASHED, None, "its process was killed by SIGABRT", None, dump))
    assert reason.others == ["Python ended it: f: the stack overflowed"]


@pytest.mark.parametrize(
    ("recorded", "message"),
    [
        (Recorded(), "ValueError"),
        (Recorded(Outcome.TIMED_OUT, None, "it was stopped after 3.0 s"), "it was stopped after 3.0 s"),
        (Recorded(Outcome.INVALID_RESULT, "InvalidResult", "result['a'] is"), "result['a'] is"),
        (Recorded(Outcome.LOST, None, None), ""),
    ],
)
def test_what_ended_it(recorded: Recorded, message: str) -> None:
    """Only what was raised has a type; the words that end an attempt are sentences of our own."""
    reason = reason_of(recorded)
    assert (reason.message, reason.place, reason.line, reason.last_output(5)) == (message, "", message, "")
