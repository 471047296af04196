"""The problems of a series file as one message."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from experiments.series_file.loading import load_series_file
from experiments.series_file.reading.errors import Problem, SeriesFileError


def written(folder: Path, text: str) -> Path:
    path = folder / "a.yaml"
    path.write_text(text)
    return path


def test_very_many_problems_are_cut(tmp_path: Path) -> None:
    """Fifty problems are shown, and the rest is counted."""
    items = ", ".join(["1"] * 151)
    with pytest.raises(SeriesFileError) as caught:
        load_series_file(written(tmp_path, f"name: a\nrun: {{function: a:b}}\ngrid: {{a: [{items}]}}\n"))
    assert len(caught.value.problems) == 150
    assert str(caught.value).splitlines()[50:] == ["... and 100 more"]


def test_what_very_many_problems_cost_is_bounded(tmp_path: Path) -> None:
    """A check ends at a thousand problems: each that is explained takes its time."""
    keys = "".join(f"k{number}: 1\n" for number in range(3000))
    with pytest.raises(SeriesFileError) as caught:
        load_series_file(written(tmp_path, f"name: a\nrun: {{function: a:b}}\n{keys}"))
    assert len(caught.value.problems) == 1000
    assert str(caught.value).splitlines()[50:] == ["... and at least 950 more"]


def test_a_value_of_a_megabyte_is_not_printed_whole(tmp_path: Path) -> None:
    """A line of a message is cut where it is too long to read."""
    with pytest.raises(SeriesFileError) as caught:
        load_series_file(
            written(tmp_path, f"name: a\nrun: {{function: a:b}}\nexecute: {{timeout: {'q' * 100_000}}}\n")
        )
    assert len(str(caught.value)) < 2000


def test_the_error_crosses_processes() -> None:
    """A SeriesFileError can be pickled, with its problems, and has the exit code of usage errors."""
    error = SeriesFileError([Problem("is wrong", ("a", 0), 2, 3)], "f.yaml")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.problems, copy.file, str(copy)) == (error.problems, "f.yaml", "f.yaml:2: a[0]: is wrong")
    assert copy.exit_code == 2
