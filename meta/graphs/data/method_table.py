"""Methods against problems: the table that profiles and rankings are computed from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meta.graphs.data.graph_data import Coverage
from meta.graphs.data.plan import Plan
from meta.records.errors import GraphError
from meta.records.readings import Point
from meta.records.series_records import ConfigurationRecord
from meta.statistics.estimators.arrays import Floats
from meta.statistics.estimators.location import estimator


@dataclass(frozen=True)
class Table:
    """One number per problem and method.

    Attributes
    ----------
    scores : ndarray, shape (problems, methods)
        NaN where no repetition was completed.
    methods : list of str
    coverage : list of Coverage
    counts : ndarray of int, shape (readings,)
        How many readings there are behind each number.
    """

    scores: Floats
    methods: list[str]
    coverage: list[Coverage]
    counts: NDArray[np.int64]


def table(
    plan: Plan, members: Sequence[ConfigurationRecord], method: Callable[[ConfigurationRecord], str]
) -> Table:
    """Return the table of these configurations; problems differ in the parameters that are averaged over."""
    methods = list(dict.fromkeys(map(method, members)))
    names = [plan.described(plan.over, member.parameters) for member in members]
    problems = list(dict.fromkeys(names))
    scores = np.full((len(problems), len(methods)), np.nan)
    coverage, counts = [], []
    for member, problem in zip(members, names, strict=True):
        point = Point.of([member], plan.y.key)
        if len(point.readings):
            value = estimator(plan.spec.estimator).of(point.readings[:, None])[0]
            scores[problems.index(problem), methods.index(method(member))] = value
            counts.append(len(point.readings))
        coverage.append(Coverage.of(f"{method(member)}, {problem}", point, is_drawn=True))
    return Table(scores, methods, coverage, np.array(counts, dtype=np.int64))


def goal(plan: Plan) -> str:
    """Return whether larger or smaller readings are better.

    Raises
    ------
    GraphError
        The series file gives no goal.
    """
    chosen = plan.y.label.goal
    if chosen is None:
        raise GraphError(
            f"a {plan.kind} needs to know whether more of {plan.y.measured!r} is better; write "
            f"metrics: {{{plan.y.measured}: {{goal: min}}}}, or goal: max"
        )
    return chosen
