"""Methods against problems: the table that profiles and rankings are computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        NaN where no repetition has a finite reading.
    coverage : list of Coverage
        Of each number, also of those that are missing.
    counts : ndarray of int, shape (readings,)
        How many readings there are behind each number.
    """

    scores: Floats
    coverage: list[Coverage]
    counts: NDArray[np.int64]


def table(plan: Plan, methods: Mapping[str, Sequence[ConfigurationRecord]]) -> Table:
    """Return the table of methods, each with its configurations.

    Problems differ in the parameters that are averaged over.
    """
    columns = [
        {plan.described(plan.spec.over, member.parameters): member for member in members}
        for members in methods.values()
    ]
    problems = list(dict.fromkeys(problem for column in columns for problem in column))
    scores = np.full((len(problems), len(columns)), np.nan)
    coverage, counts = [], []
    for number, (method, column) in enumerate(zip(methods, columns, strict=True)):
        for problem in problems:
            label = f"{method}, {problem}"
            member = column.get(problem)
            if member is None:
                coverage.append(Coverage(label, 0))
                continue
            point = Point.of([member], plan.y.key)
            coverage.append(Coverage.of(label, point, [problem], is_drawn=True))
            if len(point.readings):
                value = estimator(plan.spec.estimator).of(point.readings[:, None])[0]
                scores[problems.index(problem), number] = value
                counts.append(len(point.readings))
    return Table(scores, coverage, np.array(counts, dtype=np.int64))


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
            f"a {plan.rules.name} needs to know whether more of {plan.y.measured!r} is better; write "
            f"metrics: {{{plan.y.measured}: {{goal: min}}}}, or goal: max"
        )
    return chosen
