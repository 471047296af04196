"""Removing what a deleted series left in the results folder, and nothing else."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from experiments.results_folder import ResultsFolder

_LOG = re.compile(r"\d+-\d+\.log")
#: Lists what was written into a folder of graphs or tables (meta/graphs/index.py).
_INDEX_NAME = ".generated.json"


def remove_results(results: ResultsFolder, folder: str) -> int:
    """Remove what was written for a series; return how many files and folders.

    `folder` is the series' own (`ExperimentSeries.folder`). The results folder may be a user's project,
    with a folder of the same name: only
    what this program writes is removed, then folders that are empty.
    """
    home = results.series(folder)
    removed = 0
    for path in list(_written(results, folder)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        removed += 1
    for empty in (home / "logs", home / "files", *_generated(results, folder), home):
        with contextlib.suppress(OSError):  # not there, or something else lies in it
            empty.rmdir()
    return removed


def _written(results: ResultsFolder, folder: str) -> Iterator[Path]:
    home = results.series(folder)
    for path in _entries(home / "logs"):
        if _LOG.fullmatch(path.name):
            yield path
    for path in _entries(home / "files"):
        if path.name.isdecimal():
            yield path
    for directory in _generated(results, folder):
        listed = _listed(directory / _INDEX_NAME, folder)
        for path in _entries(directory):
            if path.name in listed or (listed and path.name == _INDEX_NAME):
                yield path


def _generated(results: ResultsFolder, folder: str) -> Iterator[Path]:
    """Yield the folders of graphs and tables, before each those of some experiments only."""
    for directory in (results.graphs(folder), results.tables(folder)):
        yield from (path for path in _entries(directory) if path.is_dir() and not path.is_symlink())
        yield directory


def _listed(index: Path, folder: str) -> set[str]:
    """Return the files that were written for a series: others of their suffixes may be a user's."""
    try:
        return set(json.loads(index.read_bytes())[folder])
    except (OSError, ValueError, TypeError, KeyError):
        return set()


def _entries(directory: Path) -> list[Path]:
    return list(directory.iterdir()) if directory.is_dir() and not directory.is_symlink() else []
