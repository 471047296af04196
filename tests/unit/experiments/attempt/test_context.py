"""The context that experiments get."""

from __future__ import annotations

import os
import pickle
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy
import pytest

from database.claims.types import Claim
from experiments.attempt.context import MetricError, Run
from experiments.points.unrecorded import read_unrecorded


def make(tmp_path: Path) -> Run:
    return Run(Claim(3, 1, 2, 42, {"x": 1}), files=tmp_path / "a é", points=tmp_path / "points")


def test_seed_and_generator(tmp_path: Path) -> None:
    """`rng` is numpy's default generator seeded with `seed`, one per attempt."""
    run = make(tmp_path)
    assert (run.experiment_id, run.repetition, run.seed) == (3, 2, 42)
    assert run.rng is run.rng
    assert run.rng.random() == numpy.random.default_rng(42).random()


def test_files_are_made_on_use(tmp_path: Path) -> None:
    """An experiment that keeps no file and logs nothing leaves nothing."""
    run = make(tmp_path)
    assert (run.close(), run.summary()) == ((), {})
    assert list(tmp_path.iterdir()) == []
    assert run.directory.is_dir()
    assert run.directory == tmp_path / "a é" / "3"


def test_steps_count_by_themselves(tmp_path: Path) -> None:
    """Without a step it is one more than the last."""
    run = make(tmp_path)
    run.log(a=1)
    run.log(a=1)
    run.log(step=10, a=1)
    run.log(a=1)
    (chunk,) = run.close()
    assert numpy.frombuffer(chunk.steps, "<i8").tolist() == [0, 1, 10, 11]


@pytest.mark.parametrize(
    "arguments",
    [
        {"a": "x"},
        {"a": 1.0, "b": None},
        {"b": 2.0, "a": 1j},
        {"step": 1.5, "a": 1},
        {"step": 2**63, "a": 1},
        {"step": "1", "a": 1},
        {"a": [1]},
        {"a": 1, "x" * 201: 1},
        {"a": 1, "x\n": 1},
        {"a": 1, "": 1},
    ],
)
def test_wrong_calls_explain_themselves_and_log_nothing(tmp_path: Path, arguments: dict[str, float]) -> None:
    """A wrong step, reading or name is an error that shows it, and no part of the call is logged."""
    run = make(tmp_path)
    run.log(a=0.5)
    with pytest.raises(MetricError, match=r"run\.log\(\{'.*; nothing of this call is logged"):
        run.log(**arguments)
    run.log(a=1.5)
    (chunk,) = run.close()
    assert numpy.frombuffer(chunk.readings, "<f8").tolist() == [0.5, 1.5]
    assert numpy.frombuffer(chunk.steps, "<i8").tolist() == [0, 1]
    assert run.summary() == {"a": {"last": 1.5, "min": 0.5, "max": 1.5, "count": 2}}


def test_mappings(tmp_path: Path) -> None:
    """A mapping logs names that are no keywords, alone, with a step and with keywords, in one call."""
    run = make(tmp_path)
    run.log({"val/loss": 1.5})
    run.log({"val/loss": 0.5, "été [x]": 2}, step=7, metrics=3.0)
    run.log({}, a=1)
    chunks = {chunk.metric: chunk for chunk in run.close()}
    steps = {name: numpy.frombuffer(chunk.steps, "<i8").tolist() for name, chunk in chunks.items()}
    assert steps == {"val/loss": [0, 7], "été [x]": [7], "metrics": [7], "a": [8]}
    assert run.summary()["val/loss"] == {"last": 0.5, "min": 0.5, "max": 1.5, "count": 2}


@pytest.mark.parametrize(
    ("metrics", "named", "problem"),
    [
        ({"a": 1, 3: 2}, {}, r"run.log\({'a': 1, 3: 2}, step=1\): the name 3 is no text"),
        ({None: 2.0}, {"a": 1}, "the name None is no text"),
        ({"b": 1, "a": 1}, {"b": 2, "c": 3}, "'b' is given twice, in the mapping and by keyword"),
        ({"b": 1, "step": 3}, {}, r"write run.log\({...}, step=...\)"),
        ({"val": {"loss": 1}}, {}, "'val': {'loss': 1}"),
        (0.5, {}, r"run.log\(0.5\): the first argument is a mapping of names to numbers"),
        ("a", {}, "the first argument is a mapping"),
    ],
)
def test_wrong_mappings(tmp_path: Path, metrics: Any, named: dict[str, float], problem: str) -> None:
    """A name that is no text, or given twice, and a step in the mapping are told; nothing is logged."""
    run = make(tmp_path)
    run.log(z=0.5)
    with pytest.raises(MetricError, match=problem) as caught:
        run.log(metrics, **named)
    assert str(caught.value).lower().count("nothing of this call is logged") == 1
    run.log(z=0.5)
    (chunk,) = run.close()
    assert (chunk.metric, numpy.frombuffer(chunk.steps, "<i8").tolist()) == ("z", [0, 1])


def test_points_are_in_the_file_as_soon_as_they_are_logged(tmp_path: Path) -> None:
    """Nothing has to happen after `run.log`."""
    run = make(tmp_path)
    run.log(a=1, b=2)
    found = read_unrecorded(tmp_path / "points", (3, 1)).chunks
    assert [(chunk.metric, chunk.count) for chunk in found] == [("a", 1), ("b", 1)]
    assert run.close() == found


@pytest.mark.parametrize(
    "reading", [1, True, numpy.float32(1), numpy.int64(1), numpy.array(1.0), Fraction(1)]
)
def test_numbers_of_all_kinds(tmp_path: Path, reading: float) -> None:
    """Whatever is a number can be logged."""
    run = make(tmp_path)
    run.log(step=numpy.int64(3), a=reading)
    (chunk,) = run.close()
    assert numpy.frombuffer(chunk.readings, "<f8").tolist() == [1.0]


def test_closed(tmp_path: Path) -> None:
    """What a thread logs after the end is refused."""
    run = make(tmp_path)
    run.log(a=1)
    run.close()
    with pytest.raises(MetricError, match="after the experiment had ended"):
        run.log(a=1)


def test_threads(tmp_path: Path) -> None:
    """Threads may log at once."""
    run = make(tmp_path)

    def log(name: str) -> None:
        for step in range(2_000):
            run.log(step=step, **{name: step})

    threads = [threading.Thread(target=log, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    steps = {chunk.metric: numpy.frombuffer(chunk.steps, "<i8").tolist() for chunk in run.close()}
    assert steps == {name: list(range(2_000)) for name in "abc"}


def test_other_processes(tmp_path: Path) -> None:
    """`run.log` in a child process, and sending `run` to another one, raise and say what to do."""
    run = make(tmp_path)
    run.log(a=1)
    if (pid := os.fork()) == 0:
        code = 1
        try:
            run.log(a=2)
        except MetricError as error:
            code = 7 if "to that process (return it, or use a queue), and log it there" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    with pytest.raises(MetricError, match="log it there"):
        pickle.dumps(run)
    (chunk,) = run.close()
    assert chunk.count == 1
