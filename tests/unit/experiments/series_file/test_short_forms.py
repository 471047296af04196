"""Short forms of sections."""

from __future__ import annotations

from pathlib import Path

from experiments.expansion import count, expand, experiments_digest
from experiments.series_file.loading import load_series_file
from experiments.series_file.models import SeriesFile

LONG = """\
name: first
run: {function: train.py:main}
grid: {lr: [0.1, 0.01], depth: [2, 4]}
repeat: {seeds: 5}
"""


def loaded(folder: Path, text: str) -> SeriesFile:
    path = folder / "série.yaml"
    path.write_text(text, encoding="utf-8")
    return load_series_file(path).file


def test_short_forms_are_the_long_ones(tmp_path: Path) -> None:
    """A function and a number of seeds may stand alone: what is recorded and expanded is the same."""
    long = loaded(tmp_path, LONG)
    text = LONG.replace("{function: train.py:main}", "train.py:main").replace("{seeds: 5}", "5")
    short = loaded(tmp_path, text)
    assert text != LONG
    assert (short, short.to_record()) == (long, long.to_record())
    assert experiments_digest(short) == experiments_digest(long)
    assert (count(short), list(expand(short))) == (count(long), list(expand(long)))
    mapping = {
        "name": "first",
        "run": "train.py:main",
        "repeat": 5,
        "grid": {"lr": [0.1, 0.01], "depth": [2, 4]},
    }
    assert experiments_digest(load_series_file(mapping).file) == experiments_digest(long)
