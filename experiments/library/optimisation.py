"""The minimisers of scipy.optimize on test functions, each as scipy ships it, from random starting points."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import optimize

from experiments.library.problems import PROBLEMS, Floats

if TYPE_CHECKING:
    from experiments.context import Run

#: The name of each local method in `scipy.optimize.minimize`; global methods are separate functions.
LOCAL = {"nelder-mead": "Nelder-Mead", "powell": "Powell", "bfgs": "BFGS", "l-bfgs-b": "L-BFGS-B"}
#: The least gap: smaller ones count as this, because zero has no place on a logarithmic axis.
LEAST_GAP = 1e-12
#: The maximum number of logged gaps.
_POINTS = 60


def minimise(
    *,
    problem: str,
    method: Literal["nelder-mead", "powell", "bfgs", "l-bfgs-b", "annealing", "evolution"],
    dimensions: int,
    run: Run,
    budget: int = 10_000,
    tolerance: float = 1e-6,
) -> dict[str, float]:
    """Minimise a function from a starting point drawn uniformly from its box.

    The starting point depends on the seed alone: repetition 3 of a problem is the same for all methods.
    Each method runs until it ends by its own rules or the budget is used up; none knows the minimum.

    Parameters
    ----------
    problem : str
        A key of `experiments.library.problems.PROBLEMS`.
    method : str
        ``nelder-mead``, ``powell``, ``bfgs``, ``l-bfgs-b`` (local methods; the last two estimate gradients
        by differences, each of which counts as an evaluation), ``annealing`` (dual annealing) or
        ``evolution`` (differential evolution), with the settings that are scipy's defaults.
    dimensions : int
    run : Run
        Logs the metric ``gap``, the least one so far, at up to 60 numbers of evaluations from 1 to
        `budget`, evenly spaced on a logarithmic axis. After the end the last one is logged for the rest.
    budget : int
        How many evaluations of the function are allowed.
    tolerance : float
        The problem is solved when the gap is at most this.

    Returns
    -------
    dict
        ``gap``: how far above the minimum the least value found is, at least 1e-12; ``solved``: 100 when that
        is within the tolerance, else 0 (so that means are percent); ``evaluations`` until the method ended;
        ``solved_after``: evaluations until the problem was solved (absent when it was not).
    """
    chosen = PROBLEMS[problem]
    minimum = chosen.least * dimensions
    search = _Search(chosen.value, run, minimum=minimum, budget=budget, tolerance=tolerance)
    start = run.rng.uniform(chosen.low, chosen.high, dimensions)
    box = [(chosen.low, chosen.high)] * dimensions
    with np.errstate(all="ignore"):  # line searches step far out, where values are infinite
        try:
            if method == "annealing":
                optimize.dual_annealing(search.value, box, x0=start, rng=run.rng)
            elif method == "evolution":
                optimize.differential_evolution(search.value, box, x0=start, rng=run.rng)
            else:
                optimize.minimize(search.value, start, method=LOCAL[method])
        except _BudgetUsedUpError:
            pass
    search.finish()
    results = {"gap": search.gap, "evaluations": search.evaluations}
    if search.solved_after is None:
        return {**results, "solved": 0.0}
    return {**results, "solved": 100.0, "solved_after": search.solved_after}


class _BudgetUsedUpError(Exception):
    """Ends a method from within the function it minimises."""


class _Search:
    """The function that a method minimises: counts its evaluations and logs the gap."""

    def __init__(
        self,
        function: Callable[[Floats], float],
        run: Run,
        *,
        minimum: float,
        budget: int,
        tolerance: float,
    ) -> None:
        self._function = function
        self._run = run
        self._minimum = minimum
        self._budget = budget
        self._tolerance = tolerance
        self._to_log = np.unique(np.geomspace(1, budget, _POINTS).round().astype(int)).tolist()[::-1]
        self.evaluations = 0
        self.gap = np.inf
        self.solved_after: int | None = None

    def value(self, point: Floats) -> float:
        if self.evaluations == self._budget:
            raise _BudgetUsedUpError
        value = self._function(point)
        self.evaluations += 1
        self.gap = min(self.gap, max(value - self._minimum, LEAST_GAP))
        if self.solved_after is None and self.gap <= self._tolerance:
            self.solved_after = self.evaluations
        if self.evaluations == self._to_log[-1]:
            self._log_next()
        return value

    def finish(self) -> None:
        """Log the final gap for the remaining evaluations of the budget."""
        while self._to_log:
            self._log_next()

    def _log_next(self) -> None:
        self._run.log(step=self._to_log.pop(), gap=self.gap)
