"""The example that `experiments init` writes: a series file and its function."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from database.errors import ExperimentsError
from database.files.paths import current_folder, path_problem

#: The files, the series file first.
NAMES = ("first.yaml", "train.py")


class ExampleExistsError(ExperimentsError, FileExistsError):
    """A file of the example exists; nothing is overwritten."""


def write_example(directory: Path) -> list[Path]:
    """Write the example into a folder, created if missing; return the paths, the series file first.

    Raises
    ------
    ExampleExistsError
        One of the files exists; nothing was written.
    ExperimentsError
        The folder cannot be written to, or its name is not UTF-8.
    """
    paths = [directory / name for name in NAMES]
    if problem := path_problem(current_folder() / directory):
        raise ExperimentsError(f"the example {problem}")
    for path in paths:
        if path.exists() or path.is_symlink():
            raise ExampleExistsError(
                f"{path} exists and is not overwritten; name another folder: experiments init DIRECTORY"
            )
    templates = resources.files("experiments") / "templates"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path in paths:
            with path.open("xb") as stream:
                stream.write((templates / f"{path.name}.txt").read_bytes())
    except OSError as error:
        raise ExperimentsError(f"the example cannot be written to {directory} ({error.strerror})") from error
    return paths
