"""Test functions against their known minima and against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize

from experiments.library.problems import PROBLEMS, rosenbrock

#: A point of two dimensions, and the function's value there, term by term.
BY_HAND = {
    "sphere": ([3.0, 4.0], 25.0),
    "rosenbrock": ([2.0, 3.0], 100.0 * 1.0 + 1.0),
    "zakharov": ([1.0, 1.0], 2.0 + 1.5**2 + 1.5**4),
    "rastrigin": ([0.5, 1.0], 20.0 + (0.25 + 10.0) + (1.0 - 10.0)),
    "ackley": ([1.0, 1.0], 20.0 - 20.0 * math.exp(-0.2)),
    "griewank": ([math.pi, 0.0], 1.0 + math.pi**2 / 4000.0 + 1.0),
    "levy": ([3.0, 3.0], 1.0 + 0.25 * (1.0 + 10.0 * math.sin(1.5 * math.pi + 1.0) ** 2) + 0.25),
    "styblinski-tang": ([1.0, -1.0], 0.5 * (1.0 - 16.0 + 5.0 + 1.0 - 16.0 - 5.0)),
}


@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_formulas_give_what_is_worked_out_by_hand(name: str) -> None:
    """At a point that is no minimum each term counts."""
    point, expected = BY_HAND[name]
    assert PROBLEMS[name].value(np.array(point)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dimensions", [2, 5, 10])
@pytest.mark.parametrize("name", sorted(PROBLEMS))
def test_minima_are_the_known_ones(name: str, dimensions: int) -> None:
    """The minimum lies in the box where the table says; nothing near it or elsewhere is less."""
    problem = PROBLEMS[name]
    minimum = problem.least * dimensions
    place = np.full(dimensions, problem.at)
    assert problem.low < problem.at < problem.high
    assert problem.value(place) == pytest.approx(minimum, abs=1e-9)
    generator = np.random.default_rng(0)
    near = place + generator.normal(0, 0.01, (200, dimensions))
    anywhere = generator.uniform(problem.low, problem.high, (200, dimensions))
    assert min(map(problem.value, near)) > minimum
    assert min(map(problem.value, anywhere)) > minimum


def test_rosenbrock_is_that_of_scipy() -> None:
    """The one function that scipy has too gives the same anywhere."""
    for point in np.random.default_rng(1).uniform(-5, 5, (20, 7)):
        assert rosenbrock(point) == pytest.approx(optimize.rosen(point))
