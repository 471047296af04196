"""Values in SQL: for each kind of value an expression that is NULL when the value is of another kind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Numeric,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    true,
)

from database.expressions.numbers import (
    LARGEST,
    LARGEST_INTEGER,
    LARGEST_WHOLE,
    SMALLEST,
    SMALLEST_INTEGER,
    as_float,
    is_exact,
)
from database.expressions.tree import Path

#: An integer with so many digits fits a float.
_SURE_CHARACTERS = 300
#: The smallest number that is rounded to an infinity: half a step above the largest float.
_BEYOND_FLOATS = 2**1024 - 2**970


@dataclass(frozen=True)
class Operand:
    """A value in SQL, one column per kind it can have; None for a kind that it never has.

    Attributes
    ----------
    number : column
        A 64-bit float; infinities are numbers, NaN is not.
    integer : column
        The same number exactly, when it is an integer of 64 bits. None also where that changes
        no comparison.
    text : column
    truth : column
        The text ``true`` or ``false``.
    nothing : column
        Whether it is missing or None, never NULL.
    """

    number: ColumnElement[Any] | None = None
    integer: ColumnElement[Any] | None = None
    text: ColumnElement[Any] | None = None
    truth: ColumnElement[Any] | None = None
    nothing: ColumnElement[bool] | None = None


def constant(value: bool | float | str | None) -> Operand:
    """Return a constant as an operand."""
    if value is None:
        return Operand(nothing=true())
    if isinstance(value, bool):
        return Operand(truth=literal("true" if value else "false", Text()))
    if isinstance(value, str):
        return Operand(text=literal(value, Text()))
    exact = literal(value, BigInteger()) if is_exact(value) and abs(value) >= LARGEST_WHOLE else None
    return Operand(number=double(as_float(value)), integer=exact)


def double(value: float) -> ColumnElement[Any]:
    """Return a float; without the cast PostgreSQL would treat it as a decimal number."""
    return cast(literal(value, Double()), Double())


def column(value: ColumnElement[Any]) -> Operand:
    """Return a column, or another expression with an SQL type, as an operand."""
    kind = value.type
    nothing = value.is_(None)
    if kind.python_type is bool:
        return Operand(truth=case((value, "true"), (~value, "false")), nothing=nothing)
    if kind.python_type is str:
        return Operand(text=value, nothing=nothing)
    exact = value if kind.python_type is int else None
    return Operand(number=cast(value, Double()), integer=exact, nothing=nothing)


def computed(operator: str, left: ColumnElement[Any], right: ColumnElement[Any], dialect: str) -> Operand:
    """Return an arithmetic operation on two floats that are NULL where they cannot be used in it."""
    result: ColumnElement[Any]
    match operator:
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case "/":
            result = left / func.nullif(right, double(0.0))
        case _:
            result = _whole_computed(operator, _whole(left, dialect), _whole(right, dialect))
    return Operand(number=result, nothing=result.is_(None))


def usable(number: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a number if it is in the bounds of arithmetic, or NULL."""
    in_bounds = func.abs(number).between(double(SMALLEST), double(LARGEST))
    return case((or_(number == double(0.0), in_bounds), number), else_=cast(null(), Double()))


def _whole(number: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Return an integer that is small enough to be exact as a float, or NULL."""
    truncated = func.trunc(number) if dialect == "postgresql" else cast(number, BigInteger())
    return case((and_(func.abs(number) <= LARGEST_WHOLE, number == truncated), cast(number, BigInteger())))


def _whole_computed(operator: str, left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[Any]:
    """Round towards minus infinity, as Python does; both databases round towards 0."""
    divisor = func.nullif(right, 0, type_=BigInteger())
    rest = left % divisor
    rest = case((and_(rest != 0, (rest < 0) != (right < 0)), rest + right), else_=rest)
    result = rest if operator == "%" else (left - rest) // divisor
    return cast(result, Double())


def member(document: ColumnElement[Any], path: Path, dialect: str) -> Operand:
    """Return the value at a path of a JSON column.

    Parameters
    ----------
    document : column
        As `ExactJSON` stores it.
    path : Path
        The keys, as users write them.
    dialect : str
        The name of the database's dialect.
    """
    stored = tuple(
        f"${key}" if key.startswith("$") else key for key in path
    )  # see `database.models.exact_json`
    return (_in_postgresql if dialect == "postgresql" else _in_sqlite)(document, stored)


def _in_postgresql(document: ColumnElement[Any], path: Path) -> Operand:
    *groups, last = (literal(key, Text()) for key in path)
    for group in groups:
        document = func.json_object_field(document, group, type_=Text())
    value = func.json_object_field(document, last, type_=Text())
    kind = func.json_typeof(value, type_=Text())
    text = func.json_object_field_text(document, last, type_=Text())
    special = func.json_object_field_text(value, literal("$float", Text()), type_=Text())
    is_float = case(
        (func.length(text) <= _SURE_CHARACTERS, true()),
        else_=func.abs(cast(text, Numeric())) < _literal(_BEYOND_FLOATS),
    )
    finite = case((is_float, cast(text, Double())), else_=_infinity(func.left(text, 1) == "-"))
    number = case({"number": finite, "object": _special(special)}, value=kind)
    decimal = case((and_(kind == "number", text.regexp_match("^-?[0-9]{1,19}$")), cast(text, Numeric())))
    fits = decimal.between(_literal(SMALLEST_INTEGER), _literal(LARGEST_INTEGER))
    return Operand(
        number=number,
        integer=case((fits, decimal)),
        text=case((kind == "string", text)).collate("C"),  # by code point, as Python and SQLite order text
        truth=case((kind == "boolean", text)),
        nothing=func.coalesce(kind, "null") == "null",
    )


def _literal(value: int) -> ColumnElement[Any]:
    return cast(literal(str(value), Text()), Numeric())


def _special(word: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an infinity, which JSON cannot represent; NaN is not a number."""
    return case({"inf": double(math.inf), "-inf": double(-math.inf)}, value=word)


def _infinity(negative: ColumnElement[bool]) -> ColumnElement[Any]:
    return case((negative, double(-math.inf)), else_=double(math.inf))


def _in_sqlite(document: ColumnElement[Any], path: Path) -> Operand:
    if all(_is_found_by_path(key) for key in path):
        place = "$" + "".join(f'."{key}"' for key in path)
    else:
        document = func.experiments_member(document, *(literal(key, Text()) for key in path), type_=Text())
        place = "$.v"
    kind = func.json_type(document, literal(place, Text()), type_=Text())
    value = func.json_extract(document, literal(place, Text()), type_=Text())
    special = func.json_extract(document, literal(f'{place}."$float"', Text()), type_=Text())
    is_integer = and_(kind == "integer", func.typeof(value) == "integer")
    # The text of the number, twice in a list: SQLite itself guarantees 15 digits only.
    digits = func.json_extract(document, literal(place, Text()), literal(place, Text()), type_=Text())
    nearest: ColumnElement[Any] = func.experiments_number(digits, type_=Double())
    of_integer = case((func.typeof(value) == "integer", cast(value, Double())), else_=nearest)
    number = case({"integer": of_integer, "real": nearest, "object": _special(special)}, value=kind)
    return Operand(
        number=number,
        integer=case((is_integer, func.json_extract(document, literal(place, Text()), type_=BigInteger()))),
        text=case((kind == "text", value)),
        truth=case((kind.in_(["true", "false"]), kind)),
        nothing=func.coalesce(kind, "null") == "null",
    )


def _is_found_by_path(key: str) -> bool:
    """Return whether SQLite finds a key by its path: it compares keys with their JSON escapes."""
    return all(" " <= character <= "~" and character not in '"\\' for character in key)
