"""The parser of expressions: Python's own, whose syntax tree may contain only the nodes listed here."""

from __future__ import annotations

import ast
import keyword
import math
import re
import warnings
from collections.abc import Sequence
from typing import Literal

from database.expressions.errors import ExpressionError
from database.expressions.evaluation import Expression
from database.expressions.names import KnownNames, code_words, field_of, word_of
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
    Path,
    Value,
)

#: The limits of an expression.
MAX_CHARACTERS = 4000
MAX_PARTS = 500
MAX_DEPTH = 40
#: This many values of at most `database.expressions.numbers.LARGEST` can be combined in any way without
#: overflow or underflow, which are errors on PostgreSQL.
MAX_OPERANDS = 6

ALLOWED = (
    "allowed are names, numbers, 'text', True, False, None, == != < <= > >=, in and not in a list, "
    "and, or, not, + - * / // % and parentheses"
)

#: The experiment's own code, compared with words of its own.
CODE = Field("own", ("code",))

_OPERATORS: dict[type[ast.operator], Literal["+", "-", "*", "/", "//", "%"]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
#: Common attempts, and what to write instead.
_INSTEAD: dict[type[ast.AST], str] = {
    ast.Is: "write == None instead of is None",
    ast.IsNot: "write != None instead of is not None",
    ast.Pow: "databases compute ** differently; write x * x",
    ast.BitAnd: "write and instead of &",
    ast.BitOr: "write or instead of |",
    ast.Invert: "write not instead of ~",
    ast.Call: "functions cannot be called",
    ast.List: "a list is allowed only after in",
    ast.Tuple: "a list is allowed only after in",
    ast.NamedExpr: "compare with ==",
}
_SIGNS_INSTEAD = {
    "&&": "write and instead of &&",
    "||": "write or instead of ||",
    "`": 'write parameters["NAME"] instead of `NAME`',
    "<>": "write != instead of <>",
    "!": "write not instead of !",
    ":=": "compare with ==",
}


def parse(text: str, names: KnownNames, *, is_recorded: bool = False) -> Expression:
    """Parse an expression and resolve its names.

    Parameters
    ----------
    text : str
    names : KnownNames
    is_recorded : bool
        Recorded by any version of this program, whose words for outcomes are translated.

    Raises
    ------
    ExpressionError
        It is not valid, has an unknown name, or compares `status` or `outcome` with a text that is
        none of their words; the message shows the position.
    """
    line, lead = _line_of(text, f"there is no condition; {ALLOWED}")
    tree = _tree_of(text, line, lead)
    reader = _Reader(text, line, lead, names, is_recorded=is_recorded)
    return Expression(text, reader.condition(tree, 0))


def parse_names(text: str, names: KnownNames) -> list[tuple[str, Field]]:
    """Parse names that are separated by commas; return each as it is written, with what it means.

    The message of an `ExpressionError` shows the position of what is no name, or is unknown.
    """
    line, lead = _line_of(text, "there is no name")
    tree = _tree_of(text, line + ",", lead)  # with a comma a single name is a tuple, too
    assert isinstance(tree, ast.Tuple)
    reader = _Reader(text, line, lead, names, is_recorded=False)
    return [(ast.get_source_segment(line, node) or "", reader.name(node)) for node in tree.elts]


def _line_of(text: str, missing: str) -> tuple[str, int]:
    """Return the text in one line without white space before it, and the length of that white space."""
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"this is longer than {MAX_CHARACTERS} characters", text, MAX_CHARACTERS)
    line = _in_one_line(text)
    stripped = line.strip()
    if not stripped:
        raise ExpressionError(missing, text, 0)
    return stripped, line.index(stripped)


def _tree_of(text: str, line: str, lead: int) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what is a warning in Python is an error here
            return ast.parse(line, mode="eval").body
    except SyntaxError as error:
        place = error.offset - 1 if error.offset else len(line)  # for missing text Python gives no position
        if line[place - 1 : place + 1] in ("&&", "||"):
            place -= 1
        raise ExpressionError(_about_syntax(line, place, error.msg), text, lead + place) from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"this is not an expression; {ALLOWED}", text, 0) from None


def _in_one_line(text: str) -> str:
    """Return `text` with blanks for white space: positions stay, and line breaks need no parentheses.

    Quoted text stays: ``'a<tab>b'`` differs from ``'a b'``.
    """
    parts: list[str] = []
    quote = ""
    place = 0
    while place < len(text):
        character = text[place]
        size = 1
        if quote and character in "\n\r":
            raise ExpressionError("a text ends on its line; write \\n for a line break in it", text, place)
        if quote and text.startswith(quote, place):
            size, quote = len(quote), ""
        elif quote and character == "\\" and text[place + 1 : place + 2] not in ("\n", "\r"):
            size = 2
        elif not quote and character in "'\"":
            quote = character * (3 if text.startswith(character * 3, place) else 1)
            size = len(quote)
        elif not quote and character == "#":
            raise ExpressionError("comments are not part of this language", text, place)
        part = text[place : place + size]
        parts.append(part if quote or size > 1 or not character.isspace() else " ")
        place += size
    return "".join(parts)


def _about_syntax(line: str, place: int, message: str) -> str:
    for sign, instead in _SIGNS_INSTEAD.items():
        if line.startswith(sign, place):
            return f"{instead}; {ALLOWED}"
    if line.startswith("=", place) and not line.startswith("==", place):
        return f"compare with ==; {ALLOWED}"
    if place >= len(line):
        return f"something is missing; {ALLOWED}"
    word = next((word for word in _words(line) if keyword.iskeyword(word) and word not in _OURS), None)
    if word is not None:
        return f"{word!r} is a keyword of Python; as a name write it in brackets: {_bracketed(line, word)}"
    return f"this is not an expression ({message}); {ALLOWED}"


def _bracketed(line: str, word: str) -> str:
    """Return how to write a name that contains a keyword of Python."""
    within = re.search(rf"([\w.]+)\.{word}\b", line)
    if within is not None:
        return f'{within[1]}["{word}"]'
    return f'parameters["{word}"] or results["{word}"]'


_OURS = frozenset({"and", "or", "not", "in", "is", "True", "False", "None", "if", "else", "for"})


def _words(line: str) -> list[str]:
    return "".join(character if character.isidentifier() else " " for character in line).split()


class _Reader:
    """Converts Python's syntax tree of one expression."""

    def __init__(self, text: str, line: str, lead: int, names: KnownNames, *, is_recorded: bool) -> None:
        self._text = text
        self._names = names
        self._is_recorded = is_recorded
        self._fields: dict[Path, Field] = {}  # each name is looked up once
        self._bytes = line.encode()
        self._lead = lead
        self._parts = 0

    def name(self, node: ast.expr) -> Field:
        """Parse a name."""
        first = node
        while isinstance(first, ast.BinOp | ast.Compare):
            first = first.left
        field = self._value(first, 0)
        if first is not node or not isinstance(field, Field):  # else the name was cut: val/loss
            raise self._wrong(node, "this is no name; names are separated by commas")
        return field

    def condition(self, node: ast.expr, depth: int) -> Condition:
        """Parse a condition."""
        self._count(node, depth)
        if isinstance(node, ast.BoolOp):
            parts = tuple(self.condition(value, depth + 1) for value in node.values)
            return And(parts) if isinstance(node.op, ast.And) else Or(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return Not(self.condition(node.operand, depth + 1))
        if isinstance(node, ast.Compare):
            return self._comparisons(node, depth)
        if _is_name(node) or (isinstance(node, ast.Constant) and isinstance(node.value, bool)):
            value = self._value(node, depth)
            return (
                self._code((value,), node, negated=False)
                if value == CODE
                else Comparison("==", value, Constant(True))
            )
        self._refuse_known(node)
        if isinstance(node, ast.Constant | ast.BinOp | ast.UnaryOp):
            raise self._wrong(node, "this is a value, not a condition: compare it with something")
        raise self._wrong(node, f"this cannot be used here; {ALLOWED}")

    def _comparisons(self, node: ast.Compare, depth: int) -> Condition:
        operands = [node.left, *node.comparators]
        parts = tuple(
            self._comparison(operator, left, right, depth)
            for operator, left, right in zip(node.ops, operands, operands[1:], strict=False)
        )
        return parts[0] if len(parts) == 1 else And(parts)

    def _comparison(self, operator: ast.cmpop, left: ast.expr, right: ast.expr, depth: int) -> Condition:
        if isinstance(operator, ast.In | ast.NotIn):
            if not isinstance(right, ast.List | ast.Tuple):
                raise self._wrong(right, "in must be followed by a list, such as ['adam', 'sgd']")
            choices = tuple(self._value(element, depth + 1) for element in right.elts)
            item = self._value(left, depth + 1)
            if item == CODE:
                return self._code(choices, right, negated=isinstance(operator, ast.NotIn))
            membership = self._membership(item, choices)
            return Not(membership) if isinstance(operator, ast.NotIn) else membership
        if type(operator) in _INSTEAD:
            raise self._wrong(right, _INSTEAD[type(operator)])
        first, second = self._value(left, depth + 1), self._value(right, depth + 1)
        if CODE in (first, second):
            other, node = (second, right) if first == CODE else (first, left)
            if not isinstance(operator, ast.Eq | ast.NotEq):
                raise self._wrong(node, "code has no order: compare it by ==, != or in")
            return self._code((other,), node, negated=isinstance(operator, ast.NotEq))
        match operator:
            case ast.Eq():
                return self._equality(first, second)
            case ast.NotEq():
                return Not(self._equality(first, second))
            case ast.Lt():
                return Comparison("<", first, second)
            case ast.LtE():
                return Comparison("<=", first, second)
            case ast.Gt():
                return Comparison("<", second, first)
            case _:
                return Comparison("<=", second, first)

    def _code(self, choices: Sequence[Value], node: ast.expr, *, negated: bool) -> Condition:
        """Return whether the code is one of these; unknown code is neither another nor the same."""
        words = code_words(choices, self._names, self._text, self._place(node))
        one_of = Membership(CODE, tuple(words))
        if not negated:
            return one_of
        return And((Not(one_of), Not(Comparison("==", CODE, Constant(None)))))

    def _equality(self, left: Value, right: Value) -> Comparison:
        return Comparison("==", self._worded(left, right), self._worded(right, left))

    def _membership(self, item: Value, choices: tuple[Value, ...]) -> Condition:
        if isinstance(item, Constant) and any(isinstance(choice, Field) for choice in choices):
            return Or(tuple(self._equality(item, choice) for choice in choices))
        return Membership(item, tuple(self._worded(choice, item) for choice in choices))

    def _worded(self, value: Value, other: Value) -> Value:
        """Return a value that is compared with another one."""
        if isinstance(value, Constant) and isinstance(other, Field):
            return word_of(value, other, self._text, is_recorded=self._is_recorded)
        return value

    def _value(self, node: ast.expr, depth: int) -> Value:
        self._count(node, depth)
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if _is_name(node):
            path = self._path(node)
            if path not in self._fields:
                self._fields[path] = field_of(path, self._place(node), self._names, self._text)
            return self._fields[path]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            return self._signed(node, depth)
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node, depth)
        self._refuse_known(node)
        if isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp):
            raise self._wrong(node, "a condition has no value: it cannot be compared or used in arithmetic")
        raise self._wrong(node, f"this cannot be used here; {ALLOWED}")

    def _constant(self, node: ast.Constant) -> Constant:
        value = node.value
        if isinstance(value, str):
            if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
                raise self._wrong(node, "databases cannot store a NUL or a lone surrogate")
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise self._wrong(node, "this number is too large; an infinity is > 1.7e308")
        elif not (value is None or isinstance(value, bool | int)):
            raise self._wrong(node, f"this cannot be used here; {ALLOWED}")
        return Constant(value, self._place(node))

    def _signed(self, node: ast.UnaryOp, depth: int) -> Value:
        operand = node.operand
        if isinstance(operand, ast.Constant) and type(operand.value) in (int, float):
            value = self._value(operand, depth + 1)
            assert isinstance(value, Constant)
            number = value.value
            assert isinstance(number, int | float)
            return Constant(-number if isinstance(node.op, ast.USub) else number)
        operator: Literal["+", "-"] = "-" if isinstance(node.op, ast.USub) else "+"
        return self._checked(node, Arithmetic(operator, Constant(0), self._value(operand, depth + 1)))

    def _arithmetic(self, node: ast.BinOp, depth: int) -> Value:
        if type(node.op) not in _OPERATORS:
            raise self._wrong(
                node, _INSTEAD.get(type(node.op), f"this operation is not supported; {ALLOWED}")
            )
        left, right = self._value(node.left, depth + 1), self._value(node.right, depth + 1)
        return self._checked(node, Arithmetic(_OPERATORS[type(node.op)], left, right))

    def _checked(self, node: ast.expr, value: Arithmetic) -> Arithmetic:
        sides = (value.left, value.right)
        if any(isinstance(side, Constant) and type(side.value) not in (int, float) for side in sides):
            raise self._wrong(node, "arithmetic takes numbers only")
        if value.operator in ("//", "%") and any(isinstance(side, Arithmetic) for side in sides):
            raise self._wrong(node, f"{value.operator} takes names and numbers only")
        if operands(value) > MAX_OPERANDS:
            raise self._wrong(node, f"at most {MAX_OPERANDS} values can be combined by arithmetic")
        return value

    def _path(self, node: ast.expr) -> Path:
        if isinstance(node, ast.Name):
            return (node.id,)
        if isinstance(node, ast.Attribute):
            return (*self._path(node.value), node.attr)
        assert isinstance(node, ast.Subscript)
        key = node.slice
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
            raise self._wrong(key, 'brackets take a name in quotes, as in parameters["batch size"]')
        self._constant(key)
        return (*self._path(node.value), key.value)

    def _count(self, node: ast.expr, depth: int) -> None:
        self._parts += 1
        if depth > MAX_DEPTH:
            raise self._wrong(node, f"nests deeper than {MAX_DEPTH} levels")
        if self._parts > MAX_PARTS:
            raise self._wrong(node, f"has more than {MAX_PARTS} parts")

    def _place(self, node: ast.expr) -> int:
        return self._lead + len(self._bytes[: node.col_offset].decode())

    def _refuse_known(self, node: ast.expr) -> None:
        kinds = [type(node), type(getattr(node, "op", None))]
        for kind in kinds:
            if kind in _INSTEAD:
                raise self._wrong(node, _INSTEAD[kind])

    def _wrong(self, node: ast.expr, problem: str) -> ExpressionError:
        return ExpressionError(problem, self._text, self._place(node))


def operands(value: Value) -> int:
    """Count the operands of an arithmetic expression."""
    return operands(value.left) + operands(value.right) if isinstance(value, Arithmetic) else 1


def _is_name(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name)
