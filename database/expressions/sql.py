"""Translation of an expression to a condition in SQL; every value becomes a bound parameter."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from database.expressions.operands import Operand, column, computed, constant, member, usable
from database.expressions.tree import (
    And,
    Arithmetic,
    Comparison,
    Condition,
    Constant,
    Field,
    Membership,
    Not,
    Or,
    Value,
)
from database.models import Attempt, Code, Configuration, Experiment, ExperimentStatus, Outcome

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {"==": operator.eq, "<": operator.lt, "<=": operator.le}


def condition_on_experiment(condition: Condition, dialect: str) -> ColumnElement[bool]:
    """Return a condition on `Experiment` that is never NULL.

    Parameters
    ----------
    condition : Condition
    dialect : str
        ``sqlite`` or ``postgresql``.
    """
    writer = _Writer(dialect)
    translated = writer.condition(condition)
    if not writer.has_parameters:
        return translated
    of_experiment = writer.configuration.id == Experiment.configuration_id
    return exists().where(of_experiment, translated).correlate(Experiment)


class _Writer:
    """Translates one expression to the SQL of one dialect."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self.configuration = aliased(Configuration)
        self.has_parameters = False

    def condition(self, condition: Condition) -> ColumnElement[bool]:
        """Return a condition that is true or false, never NULL."""
        match condition:
            case And(conditions):
                return and_(*(self.condition(part) for part in conditions))
            case Or(conditions):
                return or_(*(self.condition(part) for part in conditions))
            case Not(inner):
                return not_(self.condition(inner))
            case Membership(item, choices):
                return self._membership(item, choices)
            case Comparison(sign, left, right):
                return self._comparison(sign, self._operand(left), self._operand(right))

    def _comparison(self, sign: str, left: Operand, right: Operand) -> ColumnElement[bool]:
        compare = _COMPARE[sign]
        cases: list[ColumnElement[bool]] = []
        if left.number is not None and right.number is not None:
            cases.append(_numbers(compare, left, right))
        if left.text is not None and right.text is not None:
            cases.append(compare(left.text, right.text))
        if sign == "==":
            if left.truth is not None and right.truth is not None:
                cases.append(left.truth == right.truth)
            if left.nothing is not None and right.nothing is not None:
                cases.append(and_(left.nothing, right.nothing))
        return func.coalesce(or_(*cases), false()) if cases else false()

    def _membership(self, item: Value, choices: tuple[Value, ...]) -> ColumnElement[bool]:
        """Compare with all plain numbers and all texts at once: lists may be long."""
        operand = self._operand(item)
        choice_operands = [self._operand(choice) for choice in choices]
        cases: list[ColumnElement[bool]] = []
        rest: list[Operand] = []
        numbers, texts = [], []
        for choice, other in zip(choices, choice_operands, strict=True):
            plain = isinstance(choice, Constant) and other.integer is None
            if plain and other.number is not None:
                numbers.append(other.number)
            elif plain and other.text is not None:
                texts.append(other.text)
            else:
                rest.append(other)
        if numbers and operand.number is not None:
            cases.append(func.coalesce(operand.number.in_(numbers), false()))
        if texts and operand.text is not None:
            cases.append(func.coalesce(operand.text.in_(texts), false()))
        cases += [self._comparison("==", operand, other) for other in rest]
        return or_(*cases) if cases else false()

    def _operand(self, value: Value) -> Operand:
        match value:
            case Constant(plain):
                return constant(plain)
            case Field():
                return self._field(value)
            case Arithmetic(sign, left, right):
                return self._computed(sign, left, right)

    def _computed(self, sign: str, left: Value, right: Value) -> Operand:
        numbers = []
        for value in (left, right):
            number = self._operand(value).number
            if number is None:  # a text or a boolean of the experiment's own
                return constant(None)
            numbers.append(number if isinstance(value, Arithmetic) else usable(number))
        return computed(sign, numbers[0], numbers[1], self._dialect)

    def _field(self, field: Field) -> Operand:
        if field.source == "parameters":
            self.has_parameters = True
            return member(self.configuration.parameters.expression, field.path, self._dialect)
        if field.source == "results":
            return member(Experiment.results.expression, field.path, self._dialect)
        return column(_own(field.path[0]))


def _numbers(compare: Callable[[Any, Any], Any], left: Operand, right: Operand) -> ColumnElement[bool]:
    """Compare two integers exactly, everything else as floats."""
    as_floats: ColumnElement[bool] = compare(left.number, right.number)
    if left.integer is None or right.integer is None:
        return as_floats
    both = and_(left.integer.is_not(None), right.integer.is_not(None))
    return case((both, compare(left.integer, right.integer)), else_=as_floats)


def _own(name: str) -> ColumnElement[Any]:
    """Return a field that every experiment has, with the values that `database.queries` returns."""
    last = and_(
        Attempt.experiment_id == Experiment.id,
        Attempt.number == Experiment.attempt_number,
        Attempt.outcome != Outcome.RELEASED,
    )
    match name:
        case "status":
            claimed = Experiment.status == ExperimentStatus.CLAIMED
            return case((claimed, ExperimentStatus.PENDING.value), else_=cast(Experiment.status, Text()))
        case "outcome":
            return select(cast(Attempt.outcome, Text())).where(last).correlate(Experiment).scalar_subquery()
        case "duration_s":
            return select(Attempt.duration_s).where(last).correlate(Experiment).scalar_subquery()
        case "code":
            code = select(Code.digest).join(Attempt, Attempt.code == Code.id)
            return code.where(last).correlate(Experiment).scalar_subquery()
        case "attempts":
            return (
                select(func.count())
                .where(Attempt.experiment_id == Experiment.id, Attempt.outcome != Outcome.RELEASED)
                .correlate(Experiment)
                .scalar_subquery()
            )
        case "configuration":
            return Experiment.configuration_id.expression
        case _:
            column: ColumnElement[Any] = getattr(Experiment, name)
            return column
