"""The page of the language says what the language does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from database.expressions import parse
from database.expressions.names import OWN_NAMES, KnownNames, leaves
from database.expressions.parser import MAX_CHARACTERS, MAX_DEPTH, MAX_PARTS
from experiments.series_file.reading.yaml_reader import read_yaml

PAGE = (Path(__file__).parents[4] / "docs" / "expressions.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^|]+)` \| (true|false) \|$", PAGE, re.MULTILINE)
DESCRIBED = re.search(r"parameters\n`(\{.*?\})`,\nrepetition 0, and the results `(\{.*?\})`", PAGE)
assert DESCRIBED
PARAMETERS, RESULTS = (
    read_yaml(f"values: {text}".encode()).data["values"] for text in (DESCRIBED[1], DESCRIBED[2])
)
NAMES = KnownNames([*leaves(PARAMETERS), ("optimizer", "warmup")], list(leaves(RESULTS)))
OWN = {"repetition": 0, "status": "completed", "outcome": "completed"}


def test_the_table_is_found() -> None:
    """The rows and what they are about are read from the page."""
    assert len(ROWS) > 20
    assert PARAMETERS["optimizer"] == {"name": "adam", "lr": 0.01}


@pytest.mark.parametrize(("text", "answer"), ROWS)
def test_each_row_of_the_table(text: str, answer: str) -> None:
    """An expression of the table has the answer beside it."""
    assert parse(text, NAMES).holds(PARAMETERS, RESULTS, OWN) is (answer == "true")


def test_the_limits_are_those_of_the_code() -> None:
    """The page tells the limits that hold."""
    assert f"At most {MAX_CHARACTERS:,} characters, {MAX_PARTS} parts, {MAX_DEPTH} levels" in PAGE


def test_every_name_of_its_own_is_told() -> None:
    """What every experiment has is listed on the page."""
    told = PAGE.split("1. what every experiment has:")[1].split("2. the parameters")[0]
    assert set(re.findall(r"`(\w+)`", told)) - {"list", "export"} == set(OWN_NAMES)
