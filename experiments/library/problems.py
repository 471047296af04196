"""Test functions for minimisers, whose minima are known for any number of dimensions.

Formulas, boxes and minima are those of M. Jamil and X.-S. Yang, A literature survey of benchmark functions
for global optimisation problems, International Journal of Mathematical Modelling and Numerical Optimisation
4 (2013) 150-194; Levy's function is no. 13 of A. V. Levy and A. Montalvo, The tunneling algorithm for the
global minimization of functions, SIAM Journal on Scientific and Statistical Computing 6 (1985) 15-29, in the
form that is usual for any number of dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """A function to minimise.

    Attributes
    ----------
    value : callable
        Takes a point, shape (dimensions,), and returns a number.
    low, high : float
        The box to search, the same in each dimension.
    at : float
        Each coordinate of the point where the function is least.
    least : float
        The least value, per dimension: the minimum is this times the number of dimensions.
    """

    value: Callable[[Floats], float]
    low: float
    high: float
    at: float
    least: float = 0.0


def sphere(x: Floats) -> float:
    """Return the squared distance to 0: one smooth valley, the same in all directions."""
    return float(x @ x)


def rosenbrock(x: Floats) -> float:
    """Return the sum of ``100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2``: a bent valley, nearly flat below."""
    return float(np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2))


def zakharov(x: Floats) -> float:
    """Return ``x.x + s^2 + s^4``, where s is the sum of ``i x[i] / 2``, i from 1: a steep-sided plate."""
    slope = float(0.5 * np.arange(1, len(x) + 1) @ x)
    return float(x @ x) + slope**2 + slope**4


def rastrigin(x: Floats) -> float:
    """Return ``10 d`` + the sum of ``x^2 - 10 cos(2 pi x)``: a bowl with a dent near each integer."""
    return float(10.0 * len(x) + np.sum(x**2 - 10.0 * np.cos(2.0 * np.pi * x)))


def ackley(x: Floats) -> float:
    """Return Ackley's function: a nearly flat, wrinkled plain around one deep hole."""
    near = -20.0 * np.exp(-0.2 * np.sqrt(np.mean(x**2)))
    return float(near - np.exp(np.mean(np.cos(2.0 * np.pi * x))) + 20.0 + np.e)


def griewank(x: Floats) -> float:
    """Return ``1 + x.x / 4000`` - the product of ``cos(x[i] / sqrt(i))``, i from 1: a rippled bowl."""
    return float(1.0 + x @ x / 4000.0 - np.prod(np.cos(x / np.sqrt(np.arange(1, len(x) + 1)))))


def levy(x: Floats) -> float:
    """Return Levy's function: parallel waves that grow away from the minimum."""
    w = 1.0 + (x - 1.0) / 4.0
    between = np.sum((w[:-1] - 1.0) ** 2 * (1.0 + 10.0 * np.sin(np.pi * w[:-1] + 1.0) ** 2))
    last = (w[-1] - 1.0) ** 2 * (1.0 + np.sin(2.0 * np.pi * w[-1]) ** 2)
    return float(np.sin(np.pi * w[0]) ** 2 + between + last)


def styblinski_tang(x: Floats) -> float:
    """Return half the sum of ``x^4 - 16 x^2 + 5 x``: two valleys in each dimension, one of them deeper."""
    return float(0.5 * np.sum(x**4 - 16.0 * x**2 + 5.0 * x))


PROBLEMS = {
    "sphere": Problem(sphere, -10.0, 10.0, at=0.0),
    "rosenbrock": Problem(rosenbrock, -30.0, 30.0, at=1.0),
    "zakharov": Problem(zakharov, -5.0, 10.0, at=0.0),
    "rastrigin": Problem(rastrigin, -5.12, 5.12, at=0.0),
    "ackley": Problem(ackley, -35.0, 35.0, at=0.0),
    "griewank": Problem(griewank, -100.0, 100.0, at=0.0),
    "levy": Problem(levy, -10.0, 10.0, at=1.0),
    "styblinski-tang": Problem(styblinski_tang, -5.0, 5.0, at=-2.9035340277711770, least=-39.166165703771415),
}
