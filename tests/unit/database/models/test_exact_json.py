"""The exact trip of values through JSON."""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict, namedtuple
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from database.errors import InvalidValueError
from database.models import exact_json

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
            | st.just("$float"),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """Compare exactly: types, NaN, and the sign of zero included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return math.copysign(1, one) == math.copysign(1, other) and (
            one == other or (math.isnan(one) and math.isnan(other))
        )
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@given(PLAIN)
@settings(max_examples=300)
def test_round_trip(value: Any) -> None:
    """Whatever can be stored comes back exactly, and its text is JSON that others read."""
    text = exact_json.encode(value)
    json.loads(text, parse_constant=pytest.fail)
    found = exact_json.decode(text)
    if isinstance(value, float) and math.isnan(value):
        assert math.isnan(found)
    else:
        assert same(_positive_nans(found), _positive_nans(value))


def _positive_nans(value: Any) -> Any:
    """Drop the sign of NaNs: nobody could mean it."""
    if isinstance(value, float) and math.isnan(value):
        return math.nan
    if isinstance(value, list):
        return [_positive_nans(item) for item in value]
    if isinstance(value, dict):
        return {key: _positive_nans(item) for key, item in value.items()}
    return value


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


Pair = namedtuple("Pair", "one two")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), {"$float": "nan"}),
        (np.float32("-inf"), {"$float": "-inf"}),
        (np.int64(-(2**63)), -(2**63)),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.str_("é"), "é"),
        (np.array(3), 3),
        (Colour.RED, "red"),
        (Level.LOW, 1),
        (Pair(1, (2,)), [1, [2]]),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        ({"$float": "nan"}, {"$$float": "nan"}),
        (10**4299, 10**4299),
    ],
)
def test_foreign_types(value: Any, expected: Any) -> None:
    """Numpy's scalars and subclasses of plain types become plain types."""
    found = exact_json.to_plain(value)
    assert found == expected
    assert type(found) is type(expected)


def test_float32_is_what_python_shows() -> None:
    """A float32 keeps its own value, not the decimal it was written as."""
    assert exact_json.to_plain(np.float32(0.1)) == float(np.float32(0.1)) != 0.1


CYCLE: list[Any] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"model": threading.Lock()}, r"result\['model'\] is of type _thread.lock, which cannot be stored"),
        ({"a": [1, {"b": object()}]}, r"result\['a'\]\[1\]\['b'\] is of type object"),
        ({"a": np.arange(3)}, r"result\['a'\] is of type numpy.ndarray"),
        ({1: 2}, r"result has the key 1 of type int; keys must be text"),
        ({"a": {1, 2}}, r"result\['a'\] is of type set"),
        ({"a": b"x"}, r"result\['a'\] is of type bytes"),
        ({"a": 1j}, r"result\['a'\] is of type complex"),
        ({"a": "x\0"}, r"result\['a'\] contains a NUL"),
        ({"é\0": 1}, r"a key of result contains a NUL"),
        ({"a": "\ud800"}, r"result\['a'\] contains a NUL or a lone surrogate"),
        ({"a": 10**4301}, r"result\['a'\] is an integer of more than 4300 digits"),
        (CYCLE, r"nests deeper than 64 levels \(or contains itself\)"),
    ],
)
def test_refused(value: Any, message: str) -> None:
    """What cannot be stored exactly is refused, with its place and type."""
    with pytest.raises(InvalidValueError, match=message):
        exact_json.to_plain(value, "result")


def test_too_large() -> None:
    """More than the limit is refused, with advice."""
    with pytest.raises(
        InvalidValueError, match=r"result takes 17 MB .* limit of 16 MiB; .* file in run.directory"
    ):
        exact_json.encode({"a": "x" * (17 * 10**6)}, "result")


def test_deepest_nesting() -> None:
    """As many levels as are allowed come back."""
    value: Any = 1
    for _ in range(exact_json.MAX_DEPTH):
        value = [value]
    assert exact_json.decode(exact_json.encode(value)) == value
    with pytest.raises(InvalidValueError, match="nests deeper"):
        exact_json.encode([value])


@pytest.mark.parametrize("digits", [19, 20, 4300])
def test_long_integers(digits: int) -> None:
    """Integers keep every digit, of both signs, up to the limit Python itself reads."""
    for value in (10**digits - 1, -(10**digits) + 1):
        assert exact_json.decode(exact_json.encode(value)) == value


@given(st.text())
@settings(max_examples=200)
def test_storable_text(text: str) -> None:
    """Text of logs keeps all that databases can store; the rest is replaced, one for one."""
    found = exact_json.storable_text(text)
    found.encode()
    assert "\0" not in found
    clean = "".join("\ufffd" if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in text)
    assert found.replace("\ufffd", "") == clean.replace("\ufffd", "")
    if clean == text:
        assert found == text
