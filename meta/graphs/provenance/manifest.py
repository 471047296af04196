"""The folder of a series' files, and its manifest: which files were written, and origins of figures.

The manifest of a folder decides what need not be drawn again, and which files that are no longer asked for
can go. Files that nobody has touched since it was written are not read.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from database.engine.registry import current_url
from database.settings import results_directory
from experiments.output.results_folder import MANIFEST_NAME, ResultsFolder, write_atomically
from meta.graphs.provenance.file_names import safe_name
from meta.records.selection.chosen_series import ChosenSeries

_log = logging.getLogger(__name__)


class _Figure(BaseModel):
    """The entry of a figure: the SHA-256 of the file, and a digest of its origin."""

    file: str
    origin: str


#: Per series, the paths of its files from the folder on and the SHA-256 of what was written into them; of a
#: figure also what it shows.
_Entry = str | _Figure
_Manifest = dict[str, dict[str, _Entry]]
_MANIFEST = TypeAdapter(_Manifest)


@dataclass(frozen=True)
class OutputLocation:
    """Where the files of a series go.

    Attributes
    ----------
    directory : Path
    owner : str
        What the manifest there calls the series: its folder among the results, which stays when it is
        renamed.
    """

    directory: Path
    owner: str

    @classmethod
    def of(cls, chosen: ChosenSeries, default: Callable[[ResultsFolder, str], Path]) -> OutputLocation:
        """Return the folder that was asked for, or the `default` one of the series among the results."""
        directory = chosen.directory
        if directory is None:
            directory = default(ResultsFolder(results_directory(current_url())), chosen.folder)
            if chosen.where is not None:
                directory /= f"where-{safe_name(chosen.where.text)}"
        return cls(directory, chosen.folder)

    def record(self, written: Mapping[Path, str | None], names: Collection[str] = ()) -> list[Path]:
        """Note in the folder's manifest what was written, and remove what an earlier generation left.

        A file is removed only if the manifest says that it was written for this series, it still has that
        very content, and neither this series nor another one asks for anything of its name. A folder that
        cannot be written into is logged: what was wanted is there.

        Parameters
        ----------
        written : mapping of Path to str or None
            The files that there are for it now, in this folder or in folders below, with the digest of the
            origin where they are figures.
        names : collection of str
            Of all graphs (or tables) it asks for, also of those that could not be made this time.

        Returns
        -------
        list of Path
            The files that were removed.
        """
        try:
            removed = self._record(written, names)
        except OSError as error:
            _log.warning(
                "%s: files no longer asked for may still lie in %s: %s", self.owner, self.directory, error
            )
            return []
        for path in removed:
            _log.info("%s: removed %s, which is no longer asked for", self.owner, path)
        return removed

    def _record(self, written: Mapping[Path, str | None], names: Collection[str]) -> list[Path]:
        directory = self.directory
        manifest = _read(directory)
        before = manifest.get(self.owner, {})
        # On a case-insensitive file system the old name may be that of the new file.
        # Of a graph that was written again, only what was written is kept: formats may be fewer now.
        wanted = {name.casefold() for name in names} - {path.stem.casefold() for path in written}
        again = {_name(directory, path).casefold() for path in written}
        kept = {
            name: entry
            for name, entry in before.items()
            if Path(name).stem.casefold() in wanted or name.casefold() in again
        }
        others = {
            name.casefold() for other, files in manifest.items() if other != self.owner for name in files
        }
        removed = [
            directory / name
            for name, entry in before.items()
            if name not in kept and name.casefold() not in others and _is_ours(directory / name, entry)
        ]
        for path in removed:
            path.unlink(missing_ok=True)
            if path.parent != directory:
                with contextlib.suppress(OSError):  # there is more in the folder of this graph
                    path.parent.rmdir()
        self._write(manifest, kept | _entries(directory, before, written))
        return removed

    def note(self, written: Mapping[Path, str | None]) -> None:
        """Note what was written so far: the rest is drawn next time if this process ends now."""
        manifest = _read(self.directory)
        before = manifest.get(self.owner, {})
        self._write(manifest, before | _entries(self.directory, before, written))

    def up_to_date(self, origins: Mapping[Path, str]) -> set[Path]:
        """Return which figures in the folder are as they were drawn, and show what they would now.

        Parameters
        ----------
        origins : mapping of Path to str
            The files, with the digest of what each would show now.
        """
        entries = _read(self.directory).get(self.owner, {})
        same = {
            path: entry
            for path, origin in origins.items()
            if isinstance(entry := entries.get(_name(self.directory, path)), _Figure)
            and entry.origin == origin
        }
        untouched = _untouched(self.directory, same)
        return {path for path, entry in same.items() if path in untouched or _is_ours(path, entry)}

    def other_owners(self, name: str) -> set[str]:
        """Return the keys of other series that a file of the folder was written for."""
        return {owner for owner, files in _read(self.directory).items() if name in files} - {self.owner}

    def _write(self, manifest: _Manifest, files: dict[str, _Entry]) -> None:
        if files != manifest.get(self.owner, {}):
            manifest[self.owner] = files
            in_order = {name: dict(sorted(files.items())) for name, files in manifest.items() if files}
            content = _MANIFEST.dump_json(in_order, indent=2)
            write_atomically(self.directory / MANIFEST_NAME, content)


def _read(directory: Path) -> _Manifest:
    path = directory / MANIFEST_NAME
    try:
        manifest = _MANIFEST.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError:
        _log.warning("%s cannot be understood and is written anew; old files beside it stay", path)
        return {}
    # Even if the manifest was edited, no file outside of this folder is removed.
    return {
        series: {
            name: entry
            for name, entry in files.items()
            if not (Path(name).is_absolute() or ".." in Path(name).parts)
        }
        for series, files in manifest.items()
    }


def _untouched(directory: Path, paths: Collection[Path]) -> set[Path]:
    """Return the files whose last change, also of their names, is older than the manifest.

    Nobody can set the time that the file system notes of a change (``st_ctime``).
    """
    with contextlib.suppress(OSError):
        written_ns = (directory / MANIFEST_NAME).stat().st_ctime_ns
        return {path for path in paths if _changed_ns(path) < written_ns}
    return set()


def _changed_ns(path: Path) -> float:
    try:
        return path.stat().st_ctime_ns
    except OSError:  # it is not there
        return float("inf")


def _entries(
    directory: Path, before: Mapping[str, _Entry], written: Mapping[Path, str | None]
) -> dict[str, _Entry]:
    untouched = _untouched(directory, written)
    return {
        name: before[name] if path in untouched and name in before else _entry(path, origin)
        for path, origin in written.items()
        for name in [_name(directory, path)]
    }


def _name(directory: Path, path: Path) -> str:
    return path.relative_to(directory).as_posix()


def _entry(path: Path, origin: str | None) -> _Entry:
    digest = _digest(path)
    return digest if origin is None else _Figure(file=digest, origin=origin)


def _is_ours(path: Path, entry: _Entry) -> bool:
    return path.is_file() and _digest(path) == (entry if isinstance(entry, str) else entry.file)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
