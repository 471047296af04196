"""Every path under the results folder, and the removal of what was written there for a series.

::

    <root>/<series>/logs/<experiment>-<attempt>.log     the output of an attempt, if any
    <root>/<series>/files/<experiment>/                 run.directory: files an experiment keeps
    <root>/<series>/graphs/                             aggregate graphs
    <root>/<series>/tables/                             tables
    <root>/<series>/report/                             the report, its figures and tables
    <root>/.gitignore                                   for all of it, if this program made the folder
    <root>/.runners/<runner>/<worker>.journal, .out, .points  while a runner is alive
    <root>/.runners/<runner>/modules/                   by which processes of a target find its module
    <root>/.runners/<runner>/sockets                    link to the sockets of its fork server

<series> is `ExperimentSeries.folder`: the name that the series was created with, whatever its name is now.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from database.files.ignored_folder import make_ignored_folder

#: Lists the files that were written into a folder of graphs or tables, or of a report.
MANIFEST_NAME = ".generated.json"
_RUNNERS, _SOCKETS = ".runners", "sockets"
#: Of a file or folder, in bytes.
_LONGEST_NAME = 255
_LOG = re.compile(r"\d+-\d+\.log")


def _substitute(folder: str) -> str:
    return f"series-{hashlib.sha256(folder.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


@dataclass(frozen=True)
class ResultsFolder:
    """The folder of all files that are kept outside of the database.

    Attributes
    ----------
    root : Path
        From `database.settings.results_directory`.
    """

    root: Path

    def series(self, folder: str) -> Path:
        """Return the folder of a series, from `ExperimentSeries.folder`.

        Rows written by hand may have any text there. One that names no folder below this one, or that no
        file system takes, is replaced by a digest: nothing is written elsewhere, or into the runners' folder.
        """
        parts = folder.split("/")
        if not {"", ".", "..", _RUNNERS}.isdisjoint(parts) or "\0" in folder:
            return self.root / _substitute(folder)
        if max(len(os.fsencode(part)) for part in parts) > _LONGEST_NAME:
            return self.root / _substitute(folder)
        return self.root / folder

    def graphs(self, folder: str) -> Path:
        """Return the folder of a series' aggregate graphs."""
        return self.series(folder) / "graphs"

    def tables(self, folder: str) -> Path:
        """Return the folder of a series' tables."""
        return self.series(folder) / "tables"

    def report(self, folder: str) -> Path:
        """Return the folder of a series' report."""
        return self.series(folder) / "report"

    def log(self, folder: str, experiment_id: int, attempt_number: int) -> Path:
        """Return the log of an attempt; an attempt without output has none."""
        return self.series(folder) / "logs" / f"{experiment_id}-{attempt_number}.log"

    def files(self, folder: str) -> Path:
        """Return the folder for files that experiments keep, each in a folder named after its id."""
        return self.series(folder) / "files"

    def runner(self, runner_id: str) -> Path:
        """Return the folder of a live runner: its workers' journals, points and captured output."""
        return self.root / _RUNNERS / runner_id

    def make_runner(self, runner_id: str) -> Path:
        """Make a runner's folder, and return it."""
        path = self.runner(runner_id)
        make_ignored_folder(self.root)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError:  # meanwhile the end of another runner has removed the folder above
            path.mkdir(parents=True, exist_ok=True)
        return path

    def runner_ids(self) -> list[str]:
        """Return the ids of runners that have a folder here: live ones, and dead ones not cleaned up."""
        try:
            return sorted(path.name for path in (self.root / _RUNNERS).iterdir())
        except FileNotFoundError:
            return []

    def note_sockets(self, runner_id: str, sockets: Path) -> None:
        """Link the temporary folder of a runner's sockets, which a killed runner cannot remove."""
        with contextlib.suppress(OSError):  # linked before, or a file system without links
            (self.runner(runner_id) / _SOCKETS).symlink_to(sockets)

    def remove_runner(self, runner_id: str) -> None:
        """Delete the folder of a runner."""
        remove_remains(self.runner(runner_id), sockets=False)

    def journal(self, runner_id: str, worker_id: str) -> Path:
        """Return a worker's journal."""
        return self.runner(runner_id) / f"{worker_id}.journal"

    def modules(self, runner_id: str) -> Path:
        """Return the folder that `Target.load` takes."""
        return self.runner(runner_id) / "modules"

    def points(self, runner_id: str, worker_id: str) -> Path:
        """Return the file of the points that a worker's running experiment logs."""
        return self.runner(runner_id) / f"{worker_id}.points"

    def capture(self, runner_id: str, worker_id: str) -> Path:
        """Return the file that captures a worker's stdout and stderr."""
        return self.runner(runner_id) / f"{worker_id}.out"


def remove_remains(directory: Path, *, sockets: bool = True) -> None:
    """Delete the folder of a runner that died on this host.

    Parameters
    ----------
    sockets : bool
        Also remove the temporary folder, which its process could not.
    """
    with contextlib.suppress(OSError):
        temporary = (directory / _SOCKETS).readlink()
        if sockets and temporary.name.startswith("pymp-"):  # multiprocessing's
            shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)
    with contextlib.suppress(OSError):  # in use by other runners, or gone
        directory.parent.rmdir()


def write_atomically(path: Path, data: bytes, *, scratch: Path | None = None) -> None:
    """Write a file so that readers see either all of it or the previous one.

    Parameters
    ----------
    scratch : Path, optional
        Folder of the temporary file, where it is cleaned up when this process is killed. By default,
        and where it is on another disk, the temporary file is beside `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if scratch is None or scratch.stat().st_dev != path.parent.stat().st_dev:
        scratch = path.parent
    temporary = scratch / f".{path.name}.{os.getpid()}.tmp"
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
