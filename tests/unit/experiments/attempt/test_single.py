"""One attempt: calling the target and saying how it ended."""

from __future__ import annotations

import builtins
import random
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest
from freezegun import freeze_time

from database import clock
from database.claims.types import Claim, Finished
from database.models import Outcome, exact_json
from experiments.attempt.context import Run
from experiments.attempt.single import Task, attempt
from experiments.target.function import LoadedFunction
from experiments.target.loaded_code import LoadedCode
from experiments.target.module_search import ModuleSearch
from experiments.target.project_code import ImportedFiles, Project


def no_code() -> LoadedCode:
    return LoadedCode(ImportedFiles(Project((), ""), ModuleSearch(())))


def run_target(function: Callable[..., Any], tmp_path: Path, *wants: str, **parameters: Any) -> Finished:
    claim = Claim(1, 2, repetition=3, seed=7, parameters=parameters)
    task = Task(claim, tmp_path, tmp_path / "points")
    return attempt(LoadedFunction(function, frozenset(wants), no_code()), task)


def test_arguments(tmp_path: Path) -> None:
    """The target gets its parameters and, of seed, repetition and run, what it asks for."""

    def target(lr: float, seed: int, run: Run) -> dict[str, Any]:
        return {"lr": lr, "seed": seed, "same": run.seed}

    finished = run_target(target, tmp_path, "seed", "run", lr=0.5)
    assert finished.outcome is Outcome.COMPLETED
    assert exact_json.decode(finished.results or "") == {"lr": 0.5, "seed": 7, "same": 7}
    assert finished.duration_s is not None
    assert finished.started_at is not None
    assert finished.finished_at == finished.started_at + finished.duration_s
    assert (finished.cpu_s or 0) >= 0
    assert (finished.peak_memory_bytes or 0) > 2**20


def test_frozen_clock(tmp_path: Path) -> None:
    """A target that freezes the time, also for good, makes no time of its attempt wrong."""
    frozen = freeze_time("1970-01-02")

    def target(run: Run) -> None:
        frozen.start()
        run.log(loss=1.0)
        run.log(loss=0.5)

    begun = clock.since_1970()
    try:
        finished = run_target(target, tmp_path, "run")
    finally:
        frozen.stop()
    assert begun <= (finished.started_at or 0) <= (finished.finished_at or 0) <= clock.since_1970()
    seconds = array("d", finished.chunks[0].seconds)
    assert 0 <= seconds[0] <= seconds[1] <= (finished.duration_s or 0) + 0.01
    assert (finished.duration_s or 0) <= clock.since_1970() - begun


def test_builtins_are_restored(tmp_path: Path) -> None:
    """Built-in names that a target replaces or deletes do not break this program; added ones stay."""
    before = vars(builtins).copy()

    def target() -> dict[str, int]:
        names = vars(builtins)
        names.update({name: None for name in before if not name.startswith("_")}, added=1)
        del names["len"]
        return {"y": 1}

    try:
        finished = run_target(target, tmp_path)
        assert vars(builtins) == before | {"added": 1}
    finally:
        vars(builtins).pop("added", None)
        vars(builtins).update(before)
    assert exact_json.decode(finished.results or "") == {"y": 1}


def test_global_generators_are_seeded(tmp_path: Path) -> None:
    """Code that uses the global generators repeats itself, whatever ran before."""

    def target() -> dict[str, float]:
        return {"python": random.random(), "numpy": float(numpy.random.random())}

    first = run_target(target, tmp_path).results
    random.random()
    numpy.random.random()
    assert run_target(target, tmp_path).results == first


def test_logged_metrics_join_the_result(tmp_path: Path) -> None:
    """results.metrics.NAME has last, min, max and count."""

    def target(run: Run) -> None:
        run.log(step=0, loss=2.0)
        run.log(step=1, loss=1.0)

    finished = run_target(target, tmp_path, "run")
    expected = {"metrics": {"loss": {"last": 1.0, "min": 1.0, "max": 2.0, "count": 2}}}
    assert exact_json.decode(finished.results or "") == expected
    assert [chunk.count for chunk in finished.chunks] == [2]


class Odd(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("broken")

    def __iter__(self) -> Any:
        raise RuntimeError("broken")

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ([("a", 1)], "the experiment returned something of type list"),
        ({"a": object()}, "result['a'] is of type object, which cannot be stored"),
        ({"a": {"b": [1, {2}]}}, "result['a']['b'][1] is of type set"),
        ("text", "the experiment returned something of type str"),
        ({1.5: 2}, "result has the key 1.5 of type float"),
        ({"a": "\0"}, "result['a'] contains a NUL"),
        ({"a": "\ud800"}, "lone surrogate"),
        ({"metrics": 1}, "'metrics' in the result is reserved for logged metrics"),
        ({"a": "x" * (17 * 2**20)}, "more than the limit of 16 MiB"),
        ({"a": numpy.zeros(10_001)}, "result['a'] is an array of 10,001 values"),
        ({"a": 10**5000}, "more than 4300 digits"),
        (Odd(), "broken"),
    ],
)
def test_impossible_results(tmp_path: Path, returned: object, message: str) -> None:
    """What cannot be stored makes the attempt invalid, with a message that names the place."""
    finished = run_target(lambda: returned, tmp_path)
    assert finished.outcome is Outcome.INVALID_RESULT
    assert message in (finished.error_message or "")
    assert finished.results is None
    assert finished.partial is None


@pytest.mark.parametrize(
    ("returned", "number"),
    [
        (3, "3"),
        (3.5, "3.5"),
        (True, "true"),
        (numpy.float32(0.5), "0.5"),
        (numpy.array(2), "2"),
        (numpy.ma.masked, '{"$float":"nan"}'),
        (float("-inf"), '{"$float":"-inf"}'),
    ],
)
def test_a_bare_number(tmp_path: Path, returned: object, number: str) -> None:
    """A number is the result called `result`; a masked one is NaN."""
    assert run_target(lambda: returned, tmp_path).results == f'{{"result":{number}}}'


class Unsteady(dict[str, Any]):
    def __contains__(self, key: object) -> bool:
        raise RuntimeError("broken")


@pytest.mark.parametrize(
    ("returned", "partial", "named"),
    [
        (
            {"kept": 1.0, "v": object(), "w": {1, 2}},
            {"kept": 1.0},
            ["result['v'] is of type object", "result['w'] is"],
        ),
        ({"kept": 1.0, "v": Odd()}, {"kept": 1.0}, ["result['v'] could not be read (RuntimeError: broken)"]),
        ({"kept": 1.0, "metrics": 2}, {"kept": 1.0}, ["'metrics' in the result is reserved"]),
        (
            {"kept": 1.0, "v": "x" * (17 * 2**20)},
            {"kept": 1.0},
            ["result['v'] takes 18 MB", "limit of 16 MiB"],
        ),
        (Unsteady(kept=1.0), {"kept": 1.0}, ["the result could not be read (RuntimeError: broken)"]),
        ([1.0], {}, ["something of type list"]),
    ],
)
def test_what_is_valid_is_kept(
    tmp_path: Path, returned: object, partial: dict[str, Any], named: list[str]
) -> None:
    """One invalid value does not take the others, the summary of metrics and the curve with it."""

    def target(run: Run) -> object:
        run.log(step=0, loss=1.0)
        return returned

    finished = run_target(target, tmp_path, "run")

    assert finished.outcome is Outcome.INVALID_RESULT
    assert finished.results is None
    metrics = {"loss": {"last": 1.0, "min": 1.0, "max": 1.0, "count": 1}}
    assert exact_json.decode(finished.partial or "") == {**partial, "metrics": metrics}
    assert [chunk.count for chunk in finished.chunks] == [1]
    assert all(part in (finished.error_message or "") for part in named)


def test_cyclic_result(tmp_path: Path) -> None:
    """A result that contains itself is refused, not followed for ever."""
    cyclic: dict[str, Any] = {}
    cyclic["self"] = cyclic
    assert "contains itself" in (run_target(lambda: cyclic, tmp_path).error_message or "")


class SpitefulError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def raising(error: BaseException) -> Callable[[], None]:
    def target() -> None:
        raise error

    return target


def recursion() -> None:
    recursion()


@pytest.mark.parametrize(
    ("target", "kind", "message"),
    [
        (raising(ValueError("a\0b")), "ValueError", "a\ufffdb"),
        (raising(SystemExit(0)), "SystemExit", "called sys.exit(0)"),
        (raising(KeyboardInterrupt()), "KeyboardInterrupt", ""),
        (raising(GeneratorExit()), "GeneratorExit", ""),
        (raising(SpitefulError()), "SpitefulError", "its message is not available: RuntimeError"),
        (recursion, "RecursionError", "maximum recursion depth"),
        (raising(ExceptionGroup("many", [ValueError("x")])), "ExceptionGroup", "many"),
    ],
)
def test_whatever_is_raised(tmp_path: Path, target: Callable[[], None], kind: str, message: str) -> None:
    """Every exception is a failed attempt with type, message and traceback that can be stored."""
    finished = run_target(target, tmp_path)
    assert finished.outcome is Outcome.ERROR
    assert finished.error_type == kind
    assert message in (finished.error_message or "")
    assert finished.traceback
    assert "\0" not in finished.traceback
    assert len(finished.traceback) < 70_000


def test_interrupts_can_pass(tmp_path: Path) -> None:
    """In a person's own process Ctrl-C is not a failure of the experiment."""
    claim = Claim(1, 1, 0, 0, {})
    task = Task(claim, tmp_path, tmp_path / "points")
    with pytest.raises(KeyboardInterrupt):
        target = LoadedFunction(raising(KeyboardInterrupt()), frozenset(), no_code())
        attempt(target, task, pass_interrupts=True)


def test_notes_are_part_of_the_message(tmp_path: Path) -> None:
    """What was added to an exception is told with it."""
    error = ValueError("no")
    error.add_note("at step 3")
    assert run_target(raising(error), tmp_path).error_message == "no\nat step 3"


def even(number: int) -> None:
    if number == 0:
        raise ValueError("x" * 100_000)
    odd(number - 1)


def odd(number: int) -> None:
    even(number - 1)


def test_long_tracebacks(tmp_path: Path) -> None:
    """A long traceback loses whole frames of its middle, and a message of any length its end."""
    text = run_target(lambda: even(800), tmp_path).traceback or ""
    assert text.startswith("Traceback (most recent call last):\n  File")
    _, before, after = text.partition(" frames left out ...]\n")
    assert before
    assert after.startswith("  File ")
    assert len(text) < 65_000
