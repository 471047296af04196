"""The words that `status` and `outcome` are compared with."""

from __future__ import annotations

import pytest

from database.expressions import ExpressionError, parse
from database.expressions.names import KnownNames

NAMES = KnownNames([("lr",), ("status",), ("outcome", "kind")])


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        (
            'status == "faild"',
            10,
            "status is never 'faild'; did you mean 'failed'? status: pending, running, ",
        ),
        ('"Running" != status', 0, "did you mean 'running'?"),
        ('status == "claimed"', 10, "status: pending, running, completed, failed, cancelled"),
        ('status == "timed_out"', 10, "status is never 'timed_out'; status: "),
        ('outcome == "timedout"', 11, "did you mean 'timed_out'? outcome: completed, error, "),
        ('outcome != "failed"', 11, "outcome is never 'failed'; did you mean 'error'?"),
        ('outcome == "released"', 11, "outcome is never 'released'"),
        ('lr > 1 or not (outcome in ["lost", "crash"])', 35, "did you mean 'crashed'?"),
        ('outcome not in ["crash"]', 16, "did you mean 'crashed'?"),
        ('"pendin" in [status, lr]', 0, "did you mean 'pending'?"),
        ('lr == "x" == status', 6, "status is never 'x'"),
    ],
)
def test_no_other_words(text: str, place: int, told: str) -> None:
    """A text that `status` or `outcome` never is, wherever it stands, is an error that names the words."""
    with pytest.raises(ExpressionError) as caught:
        parse(text, NAMES)
    assert told in caught.value.problem
    assert caught.value.place == place


@pytest.mark.parametrize(
    "text",
    [
        'status in ["pending", "running", "completed", "failed", "cancelled"]',
        'outcome == "error" or outcome == None',
        'parameters.status == "anything"',
        'outcome.kind == "failed"',
        'lr == "failed"',
        '"x" in ["y"]',
        'status < "x"',
    ],
)
def test_words_that_are_right_and_what_is_no_word(text: str) -> None:
    """Their own words, parameters of such names, and texts that are only put in order are fine."""
    parse(text, NAMES)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "val/loss < 1",
            """named val; 'val/loss' is written in brackets: metrics["val/loss"].last; names: """,
        ),
        ("metrics.val/loss.last < 1", """'val/loss' is written in brackets: metrics["val/loss"].last"""),
        ("size-x < 1", """'size-x' is written in brackets: parameters["size-x"]"""),
        ("test-f1 < 1", """'test-f1' is written in brackets: results["test-f1"]"""),
    ],
)
def test_names_that_need_brackets(text: str, told: str) -> None:
    """Where a name was cut at an operator, the message says how it is written, and that can be read."""
    names = KnownNames([("size-x",)], [("metrics", "val/loss", "last"), ("test-f1",)])
    with pytest.raises(ExpressionError) as caught:
        parse(text, names)
    assert told in caught.value.problem
    parse(told.split("brackets: ")[1].split(";", maxsplit=1)[0] + " < 1", names)
    with pytest.raises(ExpressionError, match="nothing named"):
        parse('results["test"]["f"] < 1', names)


def test_unknown_recorded_words_are_never_true() -> None:
    """What an earlier program took is still taken, with the answer it had."""
    own = {"status": "failed", "outcome": "error"}
    assert not parse('status == "done"', NAMES, is_recorded=True).holds({}, None, own)
    assert parse('outcome == "failed"', NAMES, is_recorded=True).holds({}, None, own)
    assert not parse('status == "error"', NAMES, is_recorded=True).holds({}, None, own)
