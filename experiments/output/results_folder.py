"""The one class that knows every path under the results folder.

::

    <root>/<series>/logs/<experiment>-<attempt>.log     what an attempt wrote, if anything
    <root>/<series>/files/<experiment>/                 run.directory: files an experiment keeps
    <root>/<series>/graphs/                             aggregate graphs
    <root>/<series>/tables/                             tables
    <root>/<series>/report/                             the report, its figures and tables
    <root>/.runners/<runner>/<worker>.journal, .out     while a runner is at work
    <root>/.runners/<runner>/sockets                    link to where its server of new processes listens

<series> is `ExperimentSeries.folder`: the name that the series was created with, whatever its name is now.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

_SOCKETS = "sockets"


@dataclass(frozen=True)
class ResultsFolder:
    """The folder below which everything that is no database row is kept.

    Attributes
    ----------
    root : Path
        From `database.settings.results_directory`.
    """

    root: Path

    def series(self, folder: str) -> Path:
        """Return the folder of a series; what it is called is safe as a file's name."""
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
        """Return where the output of an attempt is kept, if it wrote any."""
        return self.series(folder) / "logs" / f"{experiment_id}-{attempt_number}.log"

    def files(self, folder: str, experiment_id: int) -> Path:
        """Return the folder an experiment may keep files in."""
        return self.series(folder) / "files" / str(experiment_id)

    def runner(self, runner_id: str) -> Path:
        """Return the folder of a runner at work: its workers' journals and captured output."""
        return self.root / ".runners" / runner_id

    def make_runner(self, runner_id: str) -> Path:
        """Make a runner's folder, and return it."""
        path = self.runner(runner_id)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError:  # between the two, another runner's end has removed the folder above
            path.mkdir(parents=True, exist_ok=True)
        return path

    def runner_ids(self) -> list[str]:
        """Return the runners that have a folder here: those at work, and what died."""
        try:
            return sorted(path.name for path in (self.root / ".runners").iterdir())
        except FileNotFoundError:
            return []

    def note_sockets(self, runner_id: str, sockets: Path) -> None:
        """Note the temporary folder of a runner's sockets: who is killed cannot remove it."""
        with contextlib.suppress(OSError):  # noted before, or on a file system without links
            (self.runner(runner_id) / _SOCKETS).symlink_to(sockets)

    def remove_runner(self, runner_id: str) -> None:
        """Delete what a runner needed while it was at work."""
        shutil.rmtree(self.runner(runner_id), ignore_errors=True)
        with contextlib.suppress(OSError):  # other runners are at work, or it is gone already
            self.runner(runner_id).parent.rmdir()

    def journal(self, runner_id: str, worker_id: str) -> Path:
        """Return a worker's journal."""
        return self.runner(runner_id) / f"{worker_id}.journal"

    def capture(self, runner_id: str, worker_id: str) -> Path:
        """Return the file that a worker's stdout and stderr go to while an experiment runs."""
        return self.runner(runner_id) / f"{worker_id}.out"


def remove_remains(directory: Path, *, sockets: bool = True) -> None:
    """Delete the folder of a runner that has died here.

    Parameters
    ----------
    sockets : bool
        With the temporary folder that its process, being dead, could not remove.
    """
    with contextlib.suppress(OSError):
        temporary = (directory / _SOCKETS).readlink()
        if sockets and temporary.name.startswith("pymp-"):  # multiprocessing's
            shutil.rmtree(temporary, ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)
    with contextlib.suppress(OSError):  # other runners are at work, or it is gone already
        directory.parent.rmdir()


def write_atomically(path: Path, data: bytes, *, scratch: Path | None = None) -> None:
    """Write a file so that a reader sees all of it or the one before.

    Parameters
    ----------
    scratch : Path, optional
        A folder where a temporary file is removed after this process was killed; by default, or
        where it is on another disk, that file is beside `path`.
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
