"""Reading YAML: data, positions, and what is read around."""

from __future__ import annotations

import pytest

from experiments.series_file.reading import yaml_reader
from experiments.series_file.reading.errors import SeriesFileError
from experiments.series_file.reading.yaml_reader import MAX_VALUES, read_yaml


def test_data_and_positions() -> None:
    """Keys and list items have the line and column where they stand."""
    document = read_yaml("name: é\ngrid:\n  lr: [0.1, 1e-2]\n  model.depth:\n    - 2\n".encode())
    assert document.data == {"name": "é", "grid": {"lr": [0.1, 0.01], "model.depth": [2]}}
    assert document.problems == ()
    assert document.positions["grid", "lr"] == (3, 3)
    assert document.positions["grid", "lr", 1] == (3, 13)
    assert document.positions["grid", "model.depth", 0] == (5, 7)


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    """UTF-8 with a byte order mark and CRLF is read, with right lines."""
    document = read_yaml(b"\xef\xbb\xbfname: a\r\nfixed:\r\n  x: 1\r\n")
    assert document.data == {"name": "a", "fixed": {"x": 1}}
    assert document.positions["fixed", "x"].line == 3


def test_quoted_scalars_are_text() -> None:
    """Quotes make text of anything."""
    document = read_yaml(b"""a: ["1", '010', "true", "", "1_000", "<<"]\n"<<": x""")
    assert document.data == {"a": ["1", "010", "true", "", "1_000", "<<"], "<<": "x"}
    assert document.problems == ()


def test_aliases_are_written_out_as_copies() -> None:
    """An alias gives a copy: changing one place does not change the other."""
    document = read_yaml(b"a: &x {k: [1]}\nb: *x\n")
    assert document.data == {"a": {"k": [1]}, "b": {"k": [1]}}
    document.data["a"]["k"].append(2)
    assert document.data["b"] == {"k": [1]}
    assert document.positions["b", "k", 0] == (1, 12)


def test_a_position_that_is_missing_falls_back_to_the_place_above() -> None:
    """A problem at a key that is not there is told at the nearest place above it."""
    document = read_yaml(b"name: a\nrun:\n  x: 1\n")
    problem = document.problem(("run", "function"), "is missing")
    assert (problem.line, str(problem)) == (2, "run.function: is missing")


def test_reading_goes_on_after_what_can_be_read_around() -> None:
    """Duplicate keys, tags, keys that are no text and look-alikes are told together."""
    document = read_yaml(b"a: 1\na: 2\n3: x\nb: !!int 4\nc: 010\n<<: {d: 1}\n")
    assert [problem.line for problem in document.problems] == [2, 3, 4, 5, 6]
    assert document.data == {"a": 1, "b": 4, "c": "010"}


def test_the_number_of_values_is_bounded_without_aliases_too() -> None:
    """More than the limit of values is refused at the place where it is reached."""
    content = b"a: [" + b"1," * (MAX_VALUES + 1) + b"]"
    with pytest.raises(SeriesFileError, match="more than 100,000 keys and values"):
        read_yaml(content)


def test_keys_count_as_values_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys take as long to read as values: both count."""
    monkeypatch.setattr(yaml_reader, "MAX_VALUES", 6)
    read_yaml(b"{a: 1, b: 2}")
    with pytest.raises(SeriesFileError, match="keys and values"):
        read_yaml(b"{a: 1, b: 2, c: 3}")


def test_depth_just_at_the_limit_is_read() -> None:
    """Fifty levels are allowed; the file's own mapping and the innermost value are two of them."""
    assert read_yaml(b"a: " + b"[" * 48 + b"1" + b"]" * 48).problems == ()
    with pytest.raises(SeriesFileError, match="nests deeper than 50 levels"):
        read_yaml(b"a: " + b"[" * 50 + b"1" + b"]" * 50)


def test_reading_ends_at_a_thousand_problems() -> None:
    """What can be read around is not read without end."""
    with pytest.raises(SeriesFileError) as caught:
        read_yaml(b"a: [" + b"! x, " * 2000 + b"]")
    assert len(caught.value.problems) == 1000
