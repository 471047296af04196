"""Minimisers on test functions: what is counted, logged and returned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from scipy import optimize

from experiments.library import optimisation
from experiments.library.optimisation import LEAST_GAP, minimise

METHODS = [*optimisation.LOCAL, "annealing", "evolution"]


@dataclass
class Recorder:
    """A run that keeps what is logged."""

    seed: int = 0
    points: list[tuple[int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def log(self, *, step: int, gap: float) -> None:
        self.points.append((step, gap))


def minimised(method: str = "bfgs", **parameters: Any) -> tuple[dict[str, float], Recorder]:
    run = Recorder(parameters.pop("seed", 0))
    results = minimise(run=run, method=method, **{"problem": "sphere", "dimensions": 2, **parameters})  # type: ignore[arg-type]
    return results, run


@pytest.mark.parametrize("method", METHODS)
def test_every_method_solves_the_easiest_problem(method: str) -> None:
    """The minimum of a sphere is found, and the first evaluation within the tolerance is counted."""
    results, _ = minimised(method)
    assert results["solved"] == 100.0
    assert results["gap"] <= 1e-6
    assert 0 < results["solved_after"] <= results["evaluations"] <= 10_000


def test_global_methods_find_what_local_ones_miss() -> None:
    """Between the many valleys of Rastrigin's function a gradient leads to the next one only."""
    local, _ = minimised("bfgs", problem="rastrigin", dimensions=5)
    assert local["solved"] == 0.0
    assert "solved_after" not in local
    assert local["gap"] > 1.0
    everywhere, _ = minimised("annealing", problem="rastrigin", dimensions=5)
    assert everywhere["solved"] == 100.0


@pytest.mark.parametrize("method", METHODS)
def test_evaluations_are_those_of_scipy(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted is what scipy says it evaluated, gradients by differences included."""
    returned = []
    for name in ("minimize", "dual_annealing", "differential_evolution"):
        real = getattr(optimize, name)
        monkeypatch.setattr(
            optimize, name, lambda *a, real=real, **k: returned.append(real(*a, **k)) or returned[-1]
        )
    results, _ = minimised(method, problem="zakharov", budget=1_000_000)
    assert [result.nfev for result in returned] == [results["evaluations"]]


@pytest.mark.parametrize("method", METHODS)
def test_the_budget_is_never_exceeded(method: str) -> None:
    """A method that would go on is ended by its budget, and what it had found counts."""
    results, run = minimised(method, problem="rosenbrock", dimensions=10, budget=50)
    assert results["evaluations"] == 50
    assert results["solved"] == 0.0
    assert run.points[-1] == (50, results["gap"])


def test_every_run_logs_the_same_steps() -> None:
    """The least gap so far is logged from 1 to the budget, also after a method ended by itself."""
    early, late = (minimised(method, budget=5_000) for method in ("l-bfgs-b", "annealing"))
    steps = [[step for step, _ in run.points] for _, run in (early, late)]
    assert steps[0] == steps[1]
    assert (steps[0][0], steps[0][-1]) == (1, 5_000)
    assert len(steps[0]) <= 60
    for results, run in (early, late):
        gaps = [gap for _, gap in run.points]
        assert gaps == sorted(gaps, reverse=True)
        assert gaps[-1] == results["gap"] >= LEAST_GAP


def test_repetitions_start_elsewhere_and_methods_at_the_same_point() -> None:
    """The first evaluation depends on the seed alone, and so does the whole search."""
    first = {
        seed: {minimised(method, seed=seed, problem="levy")[1].points[0] for method in METHODS}
        for seed in (1, 2)
    }
    assert [len(points) for points in first.values()] == [1, 1]
    assert first[1] != first[2]
    assert minimised("evolution", seed=3)[0] == minimised("evolution", seed=3)[0]
