"""Plain YAML scalars by the core schema of YAML 1.2."""

from __future__ import annotations

import re
from typing import Any

#: Integers with more characters are refused.
MAX_INTEGER_CHARACTERS = 100

_CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
#: Leading zeros, octal, binary, signed hexadecimal: numbers in YAML 1.1 or 1.2, but not the same ones.
_OTHER_BASES = re.compile(r"[-+]?(?:0[0-9]+|0[oO][0-7]+|0[bB][01]+)\Z|[-+]0x[0-9a-fA-F]+\Z")
#: 12:30:45 is 45045 in YAML 1.1 (but 08:00:00 is text in both).
_SEXAGESIMAL = re.compile(r"[-+]?(?:[1-9][0-9]*(?::[0-5]?[0-9])+|[0-9]+(?::[0-5]?[0-9])+\.[0-9]*)\Z")
#: What other languages call nothing, not a number and infinity; in YAML all of them are text.
_FOREIGN_WORD = re.compile(r"([-+]?)\.?(none|nan|inf|infinity)\Z", re.IGNORECASE)


class AmbiguousScalarError(ValueError):
    """A scalar that is a number to some YAML parsers, with different values."""


def plain_scalar(text: str) -> Any:
    """Return the value of an unquoted scalar: None, a bool, an int, a float or the text itself.

    ``1e-3`` is a float; ``no``, ``on``, ``2024-01-01`` and ``08:00:00`` are text.

    Raises
    ------
    AmbiguousScalarError
        For ``010``, ``0o17``, ``12:30:45``, ``1_000`` and the like, and for endless integers.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789":
        return text
    if len(text) > MAX_INTEGER_CHARACTERS and (_INTEGER.match(text) or _HEXADECIMAL.match(text)):
        raise AmbiguousScalarError(
            f"an integer of {len(text)} characters; integers must fit 64 bits, quote it for text"
        )
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text) or _NOT_FINITE.match(text):
        return float(text.replace(".", "") if _NOT_FINITE.match(text) else text)
    if _HEXADECIMAL.match(text):
        return int(text, 16)
    if _is_ambiguous(text):
        raise AmbiguousScalarError(
            f"{text} is not the same value to all YAML parsers; "
            f'quote it for text ("{text}"), or write a plain decimal number'
        )
    return text


def foreign_word_problem(text: str) -> str | None:
    """Return why an unquoted text is not to be a parameter's value: it looks like null or a number.

    ``None`` and ``none``, ``nan``, ``-inf``, ``Infinity`` and the like; None for all other texts.
    """
    found = _FOREIGN_WORD.match(text)
    if found is None or _NOT_FINITE.match(text):
        return None
    sign, word = found[1], found[2].lower()
    if word == "none":
        return f'{text} is text in YAML; write "{text}" for the text, or null'
    number = f"{sign}.inf" if word.startswith("inf") else ".nan"
    return (
        f"{text} is text in YAML, not the number {number}, and parameters must be finite; "
        f'write "{text}" for the text, or null'
    )


def _is_ambiguous(text: str) -> bool:
    digits = text.replace("_", "")
    if _OTHER_BASES.match(digits) or _SEXAGESIMAL.match(digits):
        return True
    return digits != text and any(pattern.match(digits) for pattern in (_INTEGER, _FLOAT, _HEXADECIMAL))
