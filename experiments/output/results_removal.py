"""Removing the files of a deleted series from the results folder, and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from experiments.output.results_folder import MANIFEST_NAME, ResultsFolder

_LOG = re.compile(r"\d+-\d+\.log")


def remove_results(results: ResultsFolder, folder: str) -> int:
    """Remove the files that were written for a series; return the number of files and folders.

    `folder` is `ExperimentSeries.folder`. The results folder may be a user's project with a folder of the
    same name: only what this program writes is removed, then empty folders.
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
        with contextlib.suppress(OSError):  # missing, or not empty
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
        listed = _listed(directory, folder)
        yield from listed
        if listed:
            yield directory / MANIFEST_NAME


def _generated(results: ResultsFolder, folder: str) -> Iterator[Path]:
    """Yield the folders of graphs, tables and reports, inner ones first."""
    for top in (results.graphs(folder), results.tables(folder), results.report(folder)):
        if not top.is_symlink():
            yield from (Path(directory) for directory, _, _ in os.walk(top, topdown=False))


def _listed(directory: Path, folder: str) -> list[Path]:
    """Return the files that the manifest lists for a series: other files may be a user's."""
    try:
        names = list(json.loads((directory / MANIFEST_NAME).read_bytes())[folder])
    except (OSError, ValueError, TypeError, KeyError):
        return []
    # Whatever the manifest lists or links lead to: nothing outside of this folder is removed.
    home = directory.resolve()
    paths = [directory / name for name in names]
    inside = [path for path in paths if path.parent.resolve().is_relative_to(home)]
    return [path for path in inside if path.is_file() or path.is_symlink()]


def _entries(directory: Path) -> list[Path]:
    return list(directory.iterdir()) if directory.is_dir() and not directory.is_symlink() else []
