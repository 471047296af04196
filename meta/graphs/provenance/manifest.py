"""Which files of a folder are graphs or tables written earlier: those no longer asked for can go."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from experiments.output.results_folder import write_atomically

_log = logging.getLogger(__name__)

INDEX_NAME = ".generated.json"

#: Per series, the paths of its files from the folder on and the SHA-256 of what was written into them.
_Index = dict[str, dict[str, str]]
_INDEX = TypeAdapter(_Index)


def record(directory: Path, series: str, *, written: Sequence[Path], names: Collection[str]) -> list[Path]:
    """Note in the folder's index what was written, and remove what an earlier generation left.

    A file is removed only if the index says that it was written for this series, it still has that very
    content, and neither this series nor another one asks for anything of its name.

    Parameters
    ----------
    directory : Path
    series : str
        What stands for the series: its folder among the results, which stays when it is renamed.
    written : sequence of Path
        The files that were just written for it, in this folder or in folders below.
    names : collection of str
        Of all graphs (or tables) it asks for, also of those that could not be made this time.

    Returns
    -------
    list of Path
        The files that were removed.
    """
    index = _read(directory)
    before = index.get(series, {})
    # A file system may not tell upper from lower case: then the old name is that of the new file.
    # Of a graph that was written again, only what was written is kept: formats may be fewer now.
    wanted = {name.casefold() for name in names} - {path.stem.casefold() for path in written}
    paths = {path: path.relative_to(directory).as_posix() for path in written}
    again = {name.casefold() for name in paths.values()}
    kept = {
        name: digest
        for name, digest in before.items()
        if Path(name).stem.casefold() in wanted or name.casefold() in again
    }
    others = {name.casefold() for other, files in index.items() if other != series for name in files}
    removed = [
        directory / name
        for name, digest in before.items()
        if name not in kept and name.casefold() not in others and _is_ours(directory / name, digest)
    ]
    for path in removed:
        path.unlink(missing_ok=True)
        if path.parent != directory:
            with contextlib.suppress(OSError):  # there is more in the folder of this graph
                path.parent.rmdir()
    index[series] = kept | {name: _digest(path) for path, name in paths.items()}
    if index[series] != before:
        content = _INDEX.dump_json({name: files for name, files in index.items() if files}, indent=2)
        write_atomically(directory / INDEX_NAME, content)
    return removed


def owners(directory: Path, name: str) -> set[str]:
    """Return what stands for the series that a file of the folder was written for."""
    return {series for series, files in _read(directory).items() if name in files}


def _read(directory: Path) -> _Index:
    path = directory / INDEX_NAME
    try:
        index = _INDEX.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError:
        _log.warning("%s cannot be understood and is written anew; old files beside it stay", path)
        return {}
    # Whatever somebody wrote into the index: nothing outside of this folder is touched.
    return {
        series: {name: digest for name, digest in files.items() if _is_below(name)}
        for series, files in index.items()
    }


def _is_below(name: str) -> bool:
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def _is_ours(path: Path, digest: str) -> bool:
    return path.is_file() and _digest(path) == digest


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
