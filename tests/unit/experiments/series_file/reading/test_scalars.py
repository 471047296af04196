"""Plain scalars: YAML 1.2's core schema, and what is refused because readers disagree."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from experiments.series_file.reading.scalars import AmbiguousScalarError, foreign_word_problem, plain_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1e5", 1e5),
        ("1.5E+3", 1500.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0.0", 0.0),
        ("+1", 1),
        ("-7", -7),
        ("0", 0),
        ("0x1F", 31),
        ("0.10", 0.1),
        ("-.inf", -math.inf),
        (".INF", math.inf),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("Null", None),
    ],
)
def test_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    """Numbers, booleans and null are read as YAML 1.2 says, with their type."""
    found = plain_scalar(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "on",
        "Yes",
        "y",
        "08:00:00",
        "2024-01-01",
        "1.2.3",
        "1e",
        "e5",
        "-",
        ".",
        "_1",
        "0x",
        "nan",
        "inf",
        "1,000",
        "12:99",
        "tRue",
        "5%",
        "1-2",
        "+",
        "--1",
    ],
)
def test_everything_else_is_text(text: str) -> None:
    """What is no number in YAML 1.1 nor 1.2 is text, also `no`, `on`, dates and times."""
    assert plain_scalar(text) == text


def test_not_a_number_is_read_as_such() -> None:
    """`.nan` is a float; whether it may be a value is decided where the value is used."""
    assert math.isnan(plain_scalar(".nan"))


@pytest.mark.parametrize("text", ["None", "NONE", "nan", "-NaN", "inf", "+Inf", "-infinity", ".Nan", "+.nan"])
def test_words_of_other_languages(text: str) -> None:
    """What is null or a number elsewhere is text in YAML; the message says what to write."""
    assert plain_scalar(text) == text
    problem = foreign_word_problem(text)
    assert problem is not None
    assert f'write "{text}" for the text, or null' in problem


@pytest.mark.parametrize(
    "text", ["null", "~", ".nan", "-.INF", "nano", "information", "no", "nones", "n", ""]
)
def test_words_of_yaml_are_not_foreign(text: str) -> None:
    """What YAML has a meaning for, and other words, are not taken for such words."""
    assert foreign_word_problem(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *[
            "010",
            "00",
            "-07",
            "08",
            "0o17",
            "0b11",
            "-0x1F",
            "12:30:45",
            "1:30",
            "190:20:30.15",
            "1_000",
            "0x_ff",
            "1_0.5",
            "1_000:30",
            "0_1",
        ],
        "1" * 101,
        "0x" + "f" * 100,
    ],
)
def test_look_alikes_are_refused(text: str) -> None:
    """Octal, binary, sexagesimal and underscored look-alikes are refused, and endless integers."""
    with pytest.raises(AmbiguousScalarError, match=r"quote it for text"):
        plain_scalar(text)


@given(st.from_regex(r"[-+0-9._:exobaf]{1,8}", fullmatch=True))
def test_a_number_of_yaml_1_1_is_the_same_number_or_refused(text: str) -> None:
    """What a reader of YAML 1.1 takes for a number is the same number here, or refused."""
    old = yaml.safe_load(f"[{text}]")[0] if _is_plain_in_yaml(text) else text
    if not isinstance(old, int | float) or isinstance(old, bool):
        return
    try:
        found = plain_scalar(text)
    except AmbiguousScalarError:
        return
    assert found == old or (math.isnan(found) and math.isnan(old))


def _is_plain_in_yaml(text: str) -> bool:
    try:
        return isinstance(yaml.compose(f"[{text}]").value[0], yaml.ScalarNode)
    except (yaml.YAMLError, ValueError):
        return False
