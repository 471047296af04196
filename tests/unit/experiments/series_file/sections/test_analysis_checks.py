"""What metrics and `analysis` cannot say is told when the file is loaded, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.series_file.loading import load_series_file
from experiments.series_file.models import AnalysisSection, ResampledSection, SeriesFile
from experiments.series_file.reading.errors import SeriesFileError

HEAD = """\
name: study
run: {function: train.py:main}
grid: {method: [a, b], data: [x, y], held_out: [10]}
"""


def loaded(folder: Path, text: str) -> SeriesFile:
    path = folder / "stüdy.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return load_series_file(path).file


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("metrics: {a: {bounds: [1, 0]}}", "metrics.a.bounds: must be the least and the largest possible"),
        ("metrics: {a: {bounds: [1, 1]}}", "metrics.a.bounds: must be the least and the largest possible"),
        (
            "metrics: {a: {bounds: [null, null]}}",
            "possible value, such as [0, 1] or [0, null], not [null, null]",
        ),
        ("metrics: {a: {bounds: [0, .inf]}}", "metrics.a.bounds: must be the least and the largest possible"),
        ("metrics: {a: {bounds: 1}}", "metrics.a.bounds: must be the least and the largest possible"),
        ("metrics: {a: {kind: share}}", "metrics.a.kind: must be 'rate' or 'number', not the text 'share'"),
        ("metrics: {a: {kind: rate, bounds: [0, 2]}}", "metrics.a.bounds: must be [0, 1] of a rate"),
        ("metrics: {a: {missing: never}}", "metrics.a.missing: means nothing without a goal"),
        ("metrics: {a: {goal: max, missing: no}}", "metrics.a.missing: must be 'never' or 'leave_out'"),
        ("analysis: {strata: [dat]}", "analysis.strata[0]: cannot be 'dat'; did you mean 'data'?"),
        ("analysis: {strata: dat}", "analysis.strata: cannot be 'dat'; did you mean 'data'?"),
        ("analysis: {strata: data, paired: false}", "analysis.strata: is contradicted by paired: false"),
        ("analysis: {paird: true}", "analysis.paird: is not a key here; did you mean 'paired'?"),
        ("analysis: {paired: 1}", "analysis.paired: must be true or false, not the number 1"),
        (
            "analysis: {resampled: 0.3}",
            "such as {test: 45, train: 105}, not 0.3: a test_size of 0.3 is {test: 0.3, train: 0.7}",
        ),
        ("analysis: {resampled: {test: 45}}", "analysis.resampled.train: is missing"),
        ("analysis: {resampled: {test: 0, train: 5}}", "analysis.resampled.test: must be a number above 0"),
        (
            "analysis: {resampled: {test: 1, train: true}}",
            "analysis.resampled.train: must be a number above 0",
        ),
        (
            "analysis: {paired: false, resampled: {test: 45, train: 105}}",
            "analysis.paired: cannot be false where the repetitions are resampled splits",
        ),
        (
            "tables: [{y: a, rows: method, paired: false}]\nanalysis: {resampled: {test: 1, train: 2}}",
            "tables[0].paired: cannot be false where the repetitions are resampled splits",
        ),
    ],
)
def test_each_mistake_is_told_once_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    """The key that is wrong, what is wrong with it, and what to write instead."""
    with pytest.raises(SeriesFileError) as caught:
        loaded(tmp_path, text)
    (told,) = caught.value.problems
    assert problem in str(told)
    assert told.line == 4


def test_numbers_beyond_the_largest_float_are_refused() -> None:
    """A mapping may have them, and each is told with its place."""
    huge = 10**400
    ends = {"by": "method", "low": 0, "high": huge}
    with pytest.raises(SeriesFileError) as caught:
        load_series_file(
            {
                "name": "study",
                "run": "train.py:main",
                "grid": {"method": ["a"]},
                "metrics": {"a": {"bounds": [0, huge]}},
                "analysis": {"resampled": {"test": huge, "train": 1}},
                "graphs": [{"y": "a", "x": "method", "normalise": ends}],
            }
        )
    places = [problem.path for problem in caught.value.problems]
    assert places == [
        ("metrics", "a", "bounds"),
        ("analysis", "resampled", "test"),
        ("graphs", 0, "normalise", "high"),
    ]


def test_what_is_possible_and_what_belongs_together_is_recorded(tmp_path: Path) -> None:
    """Both are read back from the database as they were, and ends that are whole numbers are numbers."""
    file = loaded(
        tmp_path,
        "metrics: {a: {bounds: [0, null]}, b: {goal: min, kind: rate, bounds: [0, 1], missing: leave_out}}\n"
        "analysis: {strata: data, resampled: {test: held_out, train: 0.7}}\n",
    )
    assert file.metrics["a"].bounds == (0.0, None)
    assert (file.metrics["b"].kind, file.metrics["b"].missing) == ("rate", "leave_out")
    resampled = ResampledSection(test="held_out", train=0.7)
    assert file.analysis == AnalysisSection(strata=("data",), resampled=resampled)
    assert SeriesFile.recorded(file.to_record()) == file


def test_an_older_record_says_nothing_of_it(tmp_path: Path) -> None:
    """A series that was recorded before there was `analysis` has none."""
    record = loaded(tmp_path, "").to_record()
    del record["analysis"]
    assert SeriesFile.recorded(record).analysis == AnalysisSection()
