"""Methods against problems: the table that profiles and rankings are computed from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meta.graphs.data.graph_data import Coverage
from meta.graphs.data.plan import Plan
from meta.records.errors import GraphError
from meta.records.readings import Goal, Point, Runs
from meta.records.series_records import ConfigurationRecord
from meta.statistics.estimators.arrays import Floats
from meta.statistics.estimators.location import estimator


@dataclass(frozen=True)
class Table:
    """One number per problem and method.

    Attributes
    ----------
    scores : ndarray, shape (problems, methods)
        Infinitely bad where the method never reaches the problem, infinitely good where it has from the
        start; NaN where no experiment counts.
    coverage : list of Coverage
        Of each number, also of those that are missing.
    counts : ndarray of int, shape (numbers,)
        How many experiments there are behind each number.
    """

    scores: Floats
    coverage: list[Coverage]
    counts: NDArray[np.int64]


def table(plan: Plan, methods: Sequence[Sequence[ConfigurationRecord]], names: Sequence[str]) -> Table:
    """Return the table of methods, each with its configurations.

    Parameters
    ----------
    plan : Plan
        Problems differ in the parameters that are averaged over.
    methods : sequence of sequences of ConfigurationRecord
    names : sequence of str
        The parameters that distinguish methods.
    """
    over = plan.spec.over
    columns = [{plan.described(over, member.parameters): member for member in members} for members in methods]
    problems: dict[str, Mapping[str, Any]] = {}
    for column in columns:
        for problem, member in column.items():
            problems.setdefault(problem, plan.chosen_parameters(over, member.parameters))
    scores = np.full((len(problems), len(columns)), np.nan)
    coverage, counts = [], []
    for number, column in enumerate(columns):
        first = next(iter(column.values()))
        method = plan.chosen_parameters(names, first.parameters)
        for row, (problem, parameters) in enumerate(problems.items()):
            label = plan.described((*names, *over), {**method, **parameters})
            if problem not in column:
                coverage.append(Coverage(label, 0))
                continue
            point = Point.of([column[problem]], plan.y.key)
            runs = Runs.of(point, goal(plan), missing_is_never=plan.counts_missing)
            covered = Coverage.of_runs(label, point, [problem], runs)
            if covered.drawn:
                scores[row, number] = _number(plan, runs)
                counts.append(covered.drawn)
            coverage.append(replace(covered, is_never=scores[row, number] == runs.worst))
    return Table(scores, coverage, np.array(counts, dtype=np.int64))


def _number(plan: Plan, runs: Runs) -> float:
    """Return the estimate of what the experiments of a method reached of one problem."""
    value = estimator(plan.spec.estimator).of_extended(runs.readings)
    return runs.worst if math.isnan(value) else value  # some never reached it, and others from the start


def numbers_text(plan: Plan) -> str:
    """Return what the numbers of methods are, for captions."""
    average = estimator(plan.spec.estimator).label
    if plan.counts_missing:
        return f"the {average} of all its experiments, those that never reached it as infinitely bad"
    return f"the {average} of its readings"


def goal(plan: Plan) -> Goal:
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
