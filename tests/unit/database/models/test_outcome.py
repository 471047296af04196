"""The table of outcomes, which is the only list of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from database.claims.types import RetryPolicy
from database.models import ExperimentStatus, Outcome
from database.models.outcome import DEFAULT_RETRIES, EARLIER_WORDS, UNSUCCESSFUL, Fault
from experiments.series_file.sections.execute import recorded_policy

ROOT = Path(__file__).parents[4]
#: Words that mean nothing but an outcome.
WORDS = {one.value for one in Outcome} - {one.value for one in ExperimentStatus}
#: Where outcomes are listed: the table, and what the tables of each revision were made of.
ALLOWED = ("database/models/outcome.py", "database/migrations/versions/")


def outcomes_in(tree: ast.AST) -> set[str]:
    """Return the outcomes that one list, mapping, call or class of a module names, if there are three."""
    for node in ast.walk(tree):
        match node:
            case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts) | ast.Dict(keys=parts):
                named = {_outcome(part) for part in parts}
            case ast.Call(keywords=keywords):
                named = {keyword.arg for keyword in keywords if keyword.arg in WORDS}
            case ast.ClassDef(body=body):
                targets = [line.target for line in body if isinstance(line, ast.AnnAssign)]
                named = {one.id for one in targets if isinstance(one, ast.Name) and one.id in WORDS}
            case _:
                continue
        if len(found := {one for one in named if one is not None}) >= 3:
            return found
    return set()


def _outcome(node: ast.expr | None) -> str | None:
    """Return the outcome that an expression is: ``Outcome.LOST``, ``Outcome.LOST.value`` or ``"lost"``."""
    if isinstance(node, ast.Attribute) and node.attr == "value":
        node = node.value
    if isinstance(node, ast.Constant) and node.value in WORDS:
        return str(node.value)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Outcome":
        return node.attr.lower()
    return None


def test_nothing_else_lists_outcomes() -> None:
    """Whoever needs some outcomes asks the table for them, so that a new one is not forgotten anywhere."""
    paths = [
        path for package in ("database", "experiments", "meta") for path in (ROOT / package).rglob("*.py")
    ]
    names = {path.relative_to(ROOT).as_posix(): path for path in paths}
    others = {name: path for name, path in names.items() if not name.startswith(ALLOWED)}
    assert len(others) > 300
    listing = {name: outcomes_in(ast.parse(path.read_text("utf-8"))) for name, path in others.items()}
    assert {name: found for name, found in listing.items() if found} == {}
    for path in (ROOT / "meta").rglob("*.html"):
        text = path.read_text("utf-8")
        assert [word for word in WORDS - {"error"} if word in text or word.replace("_", "-") in text] == []


@pytest.mark.parametrize(
    "text",
    [
        "BAD = (Outcome.LOST, Outcome.ERROR, Outcome.CRASHED)",
        "LOOKS = {Outcome.LOST.value: 1, 'error': 2, Outcome.CRASHED: 3}",
        "click.Choice(['timed_out', 'lost', 'error'])",
        "dict(lost=10, crashed=2, error=0)",
        "class Retries:\n    lost: int = 10\n    crashed: int = 2\n    error: int = 0",
    ],
)
def test_lists_are_seen(text: str) -> None:
    """The test above notices each form in which a list was once written."""
    assert len(outcomes_in(ast.parse(text))) == 3
    assert outcomes_in(ast.parse("two = (Outcome.LOST, Outcome.ERROR)")) == set()


def test_every_outcome_has_rules() -> None:
    """Each has a record, and each that is no success a severity of its own."""
    no_failure = (Outcome.COMPLETED, Outcome.REPLACED, Outcome.RELEASED)
    severities = [one.rules.severity for one in Outcome if one not in no_failure]
    assert len(set(severities)) == len(severities) == len(UNSUCCESSFUL)
    assert min(severities) > 0
    assert set(DEFAULT_RETRIES) == set(UNSUCCESSFUL) - {Outcome.CANCELLED}


def test_what_is_said_of_it() -> None:
    """A sentence tells how long it took where that matters; the word is what is printed."""
    assert (
        Outcome.TIMED_OUT.sentence(1.25) == "it was stopped after 1.2 s, which is longer than execute.timeout"
    )
    assert Outcome.CANCELLED.sentence(1.25) == "it was cancelled while it ran"
    assert Outcome.OUT_OF_MEMORY.word == "out of memory"


def test_words_of_earlier_programs() -> None:
    """What was recorded as `failed` is an error; no other word changed, and others are refused."""
    assert {word: Outcome.recorded(word) for word in EARLIER_WORDS} == {"failed": Outcome.ERROR}
    assert [Outcome.recorded(one.value) for one in Outcome] == list(Outcome)
    with pytest.raises(ValueError, match="nonsense"):
        Outcome.recorded("nonsense")


def test_retries_of_a_series_that_does_not_name_an_outcome() -> None:
    """A series that was recorded before there was an outcome has its default limit."""
    policy = recorded_policy({"execute": {"retries": {"crashed": 0}}})
    assert (policy.limit(Outcome.CRASHED), policy.limit(Outcome.LOST)) == (0, 10)
    assert recorded_policy({}) == RetryPolicy()


def test_only_the_experiments_own_fault_delays_its_retry() -> None:
    """Bad luck, and what a user asked for, is tried again at once."""
    policy = RetryPolicy(delay_s=2.0)
    delays = {one: policy.delay_after(one, 1) for one in Outcome}
    assert {one for one, delay in delays.items() if delay} == {
        one for one in Outcome if one.rules.fault is Fault.EXPERIMENT
    }
    assert delays[Outcome.ERROR] == 4.0
