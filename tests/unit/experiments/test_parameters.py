"""Parameters: dotted and nested, canonical text and key."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.parameters import (
    ParameterError,
    canonical,
    flatten,
    flatten_recorded,
    key,
    leaves,
    nest,
    value_problem,
)

_names = st.text(st.characters(exclude_characters=".", exclude_categories=["Cs"]), min_size=1, max_size=4)
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)
_values = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
nested_parameters = st.recursive(
    st.dictionaries(_names, _values, max_size=3),
    lambda inner: st.dictionaries(_names, inner | _values, max_size=3),
    max_leaves=6,
)


def test_dotted_names_become_nested() -> None:
    """Dots lead into mappings, and mappings among the values join them."""
    assert nest({"model.depth": 2, "lr": 0.1, "model": {"width": 3, "act.fn": "relu"}}) == {
        "model": {"depth": 2, "width": 3, "act": {"fn": "relu"}},
        "lr": 0.1,
    }


def test_empty_mappings_and_lists_are_values() -> None:
    """Flattening does not lose an empty mapping nor look into lists."""
    assert flatten({"a": {}, "b": [{"c": 1}], "d": {"e": {}}}) == {"a": {}, "b": [{"c": 1}], "d.e": {}}


@given(nested_parameters)
def test_flattening_and_nesting_are_inverse(parameters: dict[str, Any]) -> None:
    """Nested parameters survive the trip through dotted names."""
    assert nest(flatten(parameters)) == parameters


@pytest.mark.parametrize(
    ("dotted", "message"),
    [
        ({"model": 1, "model.depth": 2}, "'model' is a value, so 'model.depth' cannot lie below it"),
        ({"model.depth": 2, "model": {}}, "'model' is a value, so 'model.depth' cannot lie below it"),
        ({"a.b": 1, "a": {"b": 2}}, "the parameter 'a.b' is given twice"),
        ({"a..b": 1}, "'a..b' has an empty part"),
        ({"": 1}, "'' has an empty part"),
    ],
)
def test_contradictions_are_refused(dotted: dict[str, Any], message: str) -> None:
    """A name cannot be a value and a group, be there twice, or have empty parts."""
    with pytest.raises(ParameterError, match=message):
        nest(dotted)


def test_the_canonical_text_is_pinned() -> None:
    """Sorted keys, shortest floats, no spaces: this text decides identities for ever."""
    parameters = {"b": 1e-3, "a": {"z": -0.0, "ü": [1, 1.0, True, "1", None]}, "c": 1e22}
    assert canonical(parameters) == '{"a":{"z":0.0,"\\u00fc":[1,1.0,true,"1",null]},"b":0.001,"c":1e+22}'
    assert key(canonical(parameters)).hex() == "824e8368fe5b271a510904701e3f32ee"


def test_types_make_different_configurations() -> None:
    """1, 1.0, true and "1" are different values."""
    assert len({key(canonical({"a": value})) for value in (1, 1.0, True, "1", None, [1])}) == 6


@given(nested_parameters)
def test_the_canonical_text_is_exact_and_does_not_depend_on_order(parameters: dict[str, Any]) -> None:
    """The text gives the values back, and the order of writing does not matter."""
    shuffled = dict(reversed(list(parameters.items())))
    assert canonical(shuffled) == canonical(parameters)
    assert json.loads(canonical(parameters)) == parameters
    assert len(key(canonical(parameters))) == 16


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_negative_zero_is_a_zero(value: float) -> None:
    """-0.0 and 0.0 have one text, also beside numbers that contain its digits."""
    assert canonical([0.0, value, -0.0]) == canonical([0.0, value + 0.0, 0.0])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (2**63, "64 bits"),
        (-(2**63) - 1, "64 bits"),
        (math.nan, "finite"),
        ([{"a": math.inf}], "finite"),
        (b"x", "is of type bytes"),
        ({1}, "is of type set"),
    ],
)
def test_what_cannot_be_a_value(value: object, reason: str) -> None:
    """Values are finite, fit 64 bits and are plain."""
    found = value_problem(value)
    assert found is not None
    assert reason in found[1]


def test_what_can_be_a_value() -> None:
    """The extremes of 64 bits, and nesting up to the limit, are values."""
    deep: Any = 1
    for _ in range(50):
        deep = [deep]
    assert value_problem([2**63 - 1, -(2**63), 5e-324, None, True, "x", {"a": {}}]) is None
    assert value_problem(deep) is None
    assert value_problem([deep]) == ((0,) * 50, "nests deeper than 50 levels")


def test_the_place_of_a_problem() -> None:
    """The keys that lead to what cannot be a value are told, and how to write it."""
    assert value_problem([1, {"a": [-math.inf]}]) == (
        (1, "a", 0),
        "is -inf; parameters must be finite: write null, or quote it to make it text",
    )


def test_recorded_names_that_collide() -> None:
    """Names that would be equal are told apart, and no other name is lost."""
    assert flatten_recorded({"a.b": 1, "a": {"b": 2, "c": 3}, "d": {"e": 4}}) == {
        '["a.b"]': 1,
        "a.b": 2,
        "a.c": 3,
        "d.e": 4,
    }
    assert flatten_recorded({"a.b": 1, "c": {}}) == {"a.b": 1, "c": {}}
    assert flatten_recorded({"": 1, "a": {"": 2}}) == {'[""]': 1, "a.": 2}
    assert [flatten_recorded(value) for value in (None, 3, [1])] == [{}, {"value": 3}, {"value": [1]}]
    assert flatten_recorded(None) == {}


@given(
    st.recursive(
        st.integers(),
        lambda inner: st.dictionaries(st.text('ab.["]', max_size=3), inner, max_size=3),
        max_leaves=8,
    ).filter(lambda nested: isinstance(nested, dict))
)
def test_every_recorded_value_has_a_name_of_its_own(nested: dict[str, Any]) -> None:
    """Whatever the keys are, no value is lost when results become columns."""
    assert list(flatten_recorded(nested).values()) == [value for _, value in leaves(nested)]
