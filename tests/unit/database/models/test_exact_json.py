"""The exact trip of values through JSON."""

from __future__ import annotations

import json
import math
import sys
import threading
from collections import OrderedDict, namedtuple
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
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


class Mixed(str, Enum):  # noqa: UP042 - its str() is not its value, unlike that of a StrEnum
    MIXED = "mixed"


class Unusual(Enum):
    SET = frozenset({1})
    MAPPING = {"a": 1}  # noqa: RUF012 - a value, not a default


class Claiming(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "another text"


class Rounding(float):
    def __float__(self) -> float:
        raise RuntimeError


class Broken(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("broken")


class Leaving(dict[str, Any]):
    def items(self) -> Any:
        raise SystemExit(3)


class Classless:
    @property
    def __class__(self) -> Any:
        raise RuntimeError


Pair = namedtuple("Pair", "one two")


@pytest.mark.parametrize("sign", ["$", r"\u0024"])
def test_signs_written_by_hand(sign: str) -> None:
    """A text that another program wrote may have the sign of our keys as an escape."""
    assert exact_json.decode(f'[{{"{sign}float": "inf"}}, {{"{sign}$float": 1}}]') == [
        math.inf,
        {"$float": 1},
    ]


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
        (np.ma.masked, {"$float": "nan"}),
        (np.ma.array(3, mask=True), {"$float": "nan"}),
        (np.ma.array([1.0, 2.0], mask=True).mean(), {"$float": "nan"}),
        (np.ma.array([[1, 2], [3, 4]], mask=[[1, 0], [0, 0]]), [[{"$float": "nan"}, 2], [3, 4]]),
        ({"a": [np.ma.masked, (1.0, np.ma.masked)]}, {"a": [{"$float": "nan"}, [1.0, {"$float": "nan"}]]}),
        (np.array([np.ma.masked, pd.NA, None, "x"]), [{"$float": "nan"}, None, None, "x"]),
        (pd.NA, None),
        (pd.NaT, None),
        (np.datetime64("NaT", "s"), None),
        (np.arange(3), [0, 1, 2]),
        (np.array([[1.5, np.inf]]), [[1.5, {"$float": "inf"}]]),
        (np.array([True]), [True]),
        (np.array([{"a": np.float32(1)}], dtype=object), [{"a": 1.0}]),
        (np.empty((0, 5)), []),
        (np.zeros((2, 0)), [[], []]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Series(pd.to_datetime(["2026-01-02", None])), ["2026-01-02T00:00:00", None]),
        (pd.Categorical(["b", "a"]), ["b", "a"]),
        (pd.MultiIndex.from_tuples([(1, "a")]), [[1, "a"]]),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T03:00:00+02:00"),
        (pd.Timestamp("2026-01-02T03", tz="UTC"), "2026-01-02T03:00:00+00:00"),
        (np.datetime64("2026-01-02T03:04:05", "ns"), "2026-01-02T03:04:05.000000000"),
        (np.array(["2026-01-02", "NaT"], dtype="M8[ns]"), ["2026-01-02T00:00:00.000000000", None]),
        (PurePosixPath("a") / "b", "a/b"),
        (Mixed.MIXED, "mixed"),
        (Unusual.MAPPING, {"a": 1}),
        (Claiming("text"), "text"),
        (Rounding(0.5), 0.5),
        (
            {1: "a", np.int64(2): "b", Mixed.MIXED: "c"},
            {"1": "a", "2": "b", "mixed": "c"},
        ),
        (10**4299, 10**4299),
    ],
)
def test_foreign_types(value: Any, expected: Any) -> None:
    """Values of numpy, pandas and Python become the JSON value that stands for them exactly."""
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
        ({"a": np.zeros(10_001)}, r"result\['a'\] is an array of 10,001 values; only one of at most 10,000 "),
        ({"a": np.empty((10**9, 0))}, r"result\['a'\] is an array of 1,000,000,000 x 0 values"),
        ({"a": pd.RangeIndex(10**9)}, r"result\['a'\] is an array of 1,000,000,000 values"),
        ({"a": np.array([1j])}, r"result\['a'\] is of type numpy.ndarray of complex128"),
        ({"a": np.array([(1,)], dtype=[("x", int)])}, r"result\['a'\] is of type numpy.ndarray of \[\('x'"),
        ({"a": np.timedelta64(3, "ns")}, r"result\['a'\] is of type numpy.timedelta64"),
        ({"a": np.longdouble(1)}, r"result\['a'\] is of type numpy.longdouble"),
        ({"a": pd.Series([pd.Period("2026")])}, r"result\['a'\]\[0\] is of type .*Period"),
        ({"a": pd.DataFrame({"b": [1]})}, r"result\['a'\] is of type .*DataFrame"),
        ({"a": timedelta(1)}, r"result\['a'\] is of type datetime.timedelta"),
        ({"a": Decimal(1)}, r"result\['a'\] is of type decimal.Decimal"),
        ({"a": Unusual.SET}, r"result\['a'\] is of type frozenset"),
        ({1.5: 2}, r"result has the key 1.5 of type float; keys must be text or integers"),
        ({True: 2}, r"result has the key True of type bool"),
        ({1: "a", "1": "b"}, r"result has several keys that are '1' as text"),
        ({10**5000: 1}, r"a key of result is an integer of more than 4300 digits"),
        ({"a": MagicMock(spec=dict)}, r"result\['a'\] is of type unittest.mock.MagicMock"),
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


def test_the_storable_part() -> None:
    """All invalid keys are named, and what is valid beside them is kept, in nested mappings too."""
    value = {
        "kept": np.arange(2),
        "$kept": {},
        "object": object(),
        "nested": {"kept": math.nan, "set": {1}, 1: 2, "1": 3, (1, 2): 4},
        "all invalid": {"a": object()},
        "list": [1, object(), {2}],
        "broken": Broken(a=1),
        "leaving": Leaving(a=1),
        "classless": Classless(),
    }

    plain, problems = exact_json.storable(value, "result")

    assert plain == {"kept": [0, 1], "$$kept": {}, "nested": {"kept": {"$float": "nan"}}}
    message = exact_json.joined(problems, 1000)
    for part in (
        "result['object'] is of type object, which cannot be stored; ",
        "result['nested'] has the key (1, 2) of type tuple; keys must be text or integers; ",
        "result['nested']['set'] is of type set, which cannot be stored; ",
        "result['nested'] has several keys that are '1' as text; ",
        "result['all invalid']['a'] is of type object, which cannot be stored; ",
        "result['list'][1] is of type object, which cannot be stored; ",
        "result['broken'] could not be read (RuntimeError: broken); ",
        "result['leaving'] could not be read (SystemExit: 3); ",
        "Classless, which cannot be stored; return numbers",
    ):
        assert part in message
    shortened = exact_json.joined([f"{number:04d}" * 10 for number in range(1000)], 1000)
    assert len(shortened) <= 1000
    assert shortened.endswith("; and 977 more")


INVALID = object()


@given(
    st.dictionaries(
        st.text("ab$", max_size=2) | st.integers(0, 2),
        st.recursive(
            PLAIN | st.just(INVALID),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
            ),
            max_leaves=6,
        ),
        max_size=4,
    )
)
def test_what_is_valid_is_stored_and_the_rest_named(value: dict[str | int, Any]) -> None:
    """Each key is stored as it would be alone, or named; a mapping without invalid values is stored whole."""
    plain, problems = exact_json.storable(value, "result")
    assert exact_json.decode(exact_json.encode_fitting(plain, "result")[0]) is not None
    for key, item in value.items():
        try:
            alone = exact_json.to_plain({key: item})
        except InvalidValueError:
            assert any(f"result[{str(key)!r}]" in problem for problem in problems)
        else:
            assert same(alone, {name: plain[name] for name in alone})
    if not problems:
        assert same(plain, exact_json.to_plain(value))


def test_the_part_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest values are left out and named, as few as possible."""
    monkeypatch.setattr(exact_json, "MAX_ENCODED_BYTES", 1000)
    plain = {"a": 1, "b": "x" * 600, "$$c": "x" * 601, "d": "x" * 100}

    text, problems = exact_json.encode_fitting(plain, "result")

    assert list(exact_json.decode(text)) == ["a", "b", "d"]
    limit = "the limit of 16 MiB; write large data to a file in run.directory"
    assert problems == [f"result['$c'] takes 0 MB encoded, and all of it more than {limit}"]


def test_libraries_are_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither pandas nor numpy is imported to store a result."""
    for library in ("numpy", "pandas"):
        monkeypatch.delitem(sys.modules, library)
    assert exact_json.encode({"a": 1.0, 2: [date(2026, 1, 2)]}) == '{"a":1.0,"2":["2026-01-02"]}'
    assert {"numpy", "pandas"}.isdisjoint(sys.modules)


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
