"""Signatures: description, the trip across processes, and the check of parameters."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from typing import Any

import pytest

from experiments.target.signature import Argument, Signature, TargetError, check_signature, describe


def train(lr: float, depth: int = 3, *, seed: int, run: Any, **more: Any) -> None: ...


class Callable:
    async def __call__(self) -> None: ...


async def coroutine() -> None: ...
async def stream() -> AsyncIterator[int]:
    yield 1


def generator() -> Iterator[int]:
    yield 1


@functools.wraps(train)
def wrapper(*args: Any, **kwargs: Any) -> None: ...


def messages(
    names: list[str], *arguments: Argument, accepts_any: bool = False
) -> list[tuple[str | None, str]]:
    mismatches = check_signature(Signature(arguments, accepts_any, "t.py", 7), names)
    return [(mismatch.parameter, mismatch.message) for mismatch in mismatches]


def test_a_function_is_described() -> None:
    """Names, which are required, whether anything is accepted, and where it is."""
    signature = describe(train, "t")
    assert signature.arguments == (
        Argument("lr", True),
        Argument("depth", False),
        Argument("seed", True),
        Argument("run", True),
    )
    assert signature.accepts_any
    assert signature.file == __file__
    assert signature.line == train.__code__.co_firstlineno


def test_the_description_crosses_processes_as_json() -> None:
    """A signature is plain data and comes back equal."""
    signature = describe(functools.partial(train, 0.1), "t")
    assert Signature.from_data(json.loads(json.dumps(asdict(signature)))) == signature


def test_wrappers_and_silent_functions() -> None:
    """functools.wraps shows the wrapped signature; a function that does not tell accepts anything."""
    assert describe(wrapper, "t").arguments == describe(train, "t").arguments
    assert describe(min, "t") == Signature((), True)


def test_what_a_function_asks_for_besides_its_parameters() -> None:
    """`seed`, `repetition` and `run` are asked for by name; **kwargs asks for nothing."""

    def asks(lr: float, seed: int, *, run: Any = None, **rest: Any) -> None: ...
    def everything(**rest: Any) -> None: ...

    assert describe(asks, "t").wants == {"seed", "run"}
    assert describe(functools.partial(asks, 0.1), "t").wants == {"seed", "run"}
    assert describe(everything, "t").wants == frozenset()
    assert describe(min, "t").wants == frozenset()


@pytest.mark.parametrize("function", [coroutine, stream, generator, functools.partial(coroutine), Callable()])
def test_what_would_not_run_when_called_is_refused(function: Any) -> None:
    """Coroutines and generators are refused, with what to do instead."""
    with pytest.raises(
        TargetError, match=r"^t is (a coroutine function|an asynchronous generator|a generator)[,;] "
    ):
        describe(function, "t")


def test_parameters_that_fit() -> None:
    """Dotted names are given by their first part; reserved names and defaults need no parameter."""
    arguments = Argument("model", True), Argument("lr", False), Argument("seed", True), Argument("run", True)
    assert messages(["model.depth", "model.width"], *arguments) == []
    assert messages(["model.depth", "anything"], *arguments, accepts_any=True) == []


def test_a_parameter_that_is_not_taken() -> None:
    """It is named by its dotted name, with the nearest argument; reserved ones are not suggested."""
    assert messages(["modle.depth", "modle.width"], Argument("model", False), Argument("seed", False)) == [
        ("modle.depth", "the function (t.py:7) does not take 'modle'; did you mean 'model'? it takes: model")
    ]


def test_an_argument_that_is_not_given() -> None:
    """All missing ones are named at once, also when anything is accepted."""
    assert messages(
        ["lr"], Argument("a", True), Argument("b", True), Argument("c", False), accepts_any=True
    ) == [(None, "the function (t.py:7) needs 'a', 'b', which the series does not give")]


def test_a_positional_only_argument() -> None:
    """Parameters are given by name, so that such an argument cannot be filled."""
    problems = messages(["a"], Argument("a", True, positional_only=True), accepts_any=True)
    assert [parameter for parameter, _ in problems] == [None]
    assert "the argument 'a' of the function (t.py:7) is positional-only" in problems[0][1]
