"""The context that experiments get."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy
import pytest

from database.claims.types import Chunk, Claim
from experiments.attempt import context
from experiments.attempt.context import MetricError, Run


def make(tmp_path: Path, written: list[Chunk] | None = None, *, able: bool = True) -> Run:
    def write(chunks: Sequence[Chunk]) -> bool:
        if able and written is not None:
            written.extend(chunks)
        return able

    return Run(Claim(3, 1, 2, 42, {"x": 1}), directory=tmp_path / "a é" / "3", write=write)


def test_seed_and_generator(tmp_path: Path) -> None:
    """`rng` is numpy's default generator seeded with `seed`, one per attempt."""
    run = make(tmp_path)
    assert (run.experiment_id, run.repetition, run.seed) == (3, 2, 42)
    assert run.rng is run.rng
    assert run.rng.random() == numpy.random.default_rng(42).random()


def test_directory_is_made_on_use(tmp_path: Path) -> None:
    """An experiment that keeps no file leaves no folder."""
    run = make(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert run.directory.is_dir()


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
    "arguments", [{"a": "x"}, {"step": 1.5, "a": 1}, {"step": 2**70, "a": 1}, {"a": [1]}, {"x" * 201: 1}]
)
def test_wrong_calls_explain_themselves(tmp_path: Path, arguments: dict[str, float]) -> None:
    """A wrong step, reading or name is an error that shows it."""
    with pytest.raises(MetricError, match=r"run\.log\(step=|a metric's name"):
        make(tmp_path).log(**arguments)


def test_long_runs_write_as_they_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics are handed over whenever enough have gathered, and the rest at the end."""
    monkeypatch.setattr(context, "_WRITE_POINTS", 10)
    written: list[Chunk] = []
    run = make(tmp_path, written)
    for step in range(12):
        run.log(step=step, a=step, b=-step)
    assert [(chunk.metric, chunk.count) for chunk in written] == [("a", 5), ("b", 5), ("a", 5), ("b", 5)]
    assert [(chunk.metric, chunk.number, chunk.count) for chunk in run.close()] == [
        ("a", 2, 2),
        ("b", 2, 2),
    ]
    assert run.summary()["a"] == {"last": 11.0, "min": 0.0, "max": 11.0, "count": 12}


def test_what_cannot_be_written_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database is away nothing is lost."""
    monkeypatch.setattr(context, "_WRITE_POINTS", 4)
    run = make(tmp_path, able=False)
    for step in range(10):
        run.log(step=step, a=step)
    (chunk,) = run.close()
    assert (chunk.number, chunk.count) == (0, 10)
    assert run.summary()["a"]["count"] == 10
