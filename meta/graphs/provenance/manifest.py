"""The folder of a series' files, and its manifest: which files were written.

The manifest of a folder decides which files that are no longer asked for can go.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from database.engine.registry import current_url
from database.settings import results_directory
from experiments.output.results_folder import MANIFEST_NAME, ResultsFolder, write_atomically
from meta.graphs.provenance.file_names import safe_name
from meta.records.chosen_series import ChosenSeries

_log = logging.getLogger(__name__)


def _file_of(entry: Any) -> Any:
    """Return the digest of a file from the entries of figures that once had that of their origin too."""
    return entry.get("file") if isinstance(entry, dict) else entry


#: Per series, the paths of its files from the folder on and the SHA-256 of what was written into them.
_Manifest = dict[str, dict[str, Annotated[str, BeforeValidator(_file_of)]]]
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

    def record(self, written: Collection[Path], names: Collection[str] = ()) -> list[Path]:
        """Note in the folder's manifest what was written, and remove what an earlier generation left.

        A file is removed only if the manifest says that it was written for this series, it still has that
        very content, and neither this series nor another one asks for anything of its name. A folder that
        cannot be written into is logged: what was wanted is there.

        Parameters
        ----------
        written : collection of Path
            The files that there are for it now, in this folder or in folders below.
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

    def _record(self, written: Collection[Path], names: Collection[str]) -> list[Path]:
        manifest = _read(self.directory)
        before = manifest.get(self.owner, {})
        # On a case-insensitive file system the old name may be that of the new file.
        # Of a graph that was written again, only what was written is kept: formats may be fewer now.
        wanted = {name.casefold() for name in names} - {path.stem.casefold() for path in written}
        again = {self._name(path).casefold() for path in written}
        kept = {
            name: digest
            for name, digest in before.items()
            if Path(name).stem.casefold() in wanted or name.casefold() in again
        }
        others = {
            name.casefold() for other, files in manifest.items() if other != self.owner for name in files
        }
        removed = [
            self.directory / name
            for name, digest in before.items()
            if name not in kept and name.casefold() not in others and _is_ours(self.directory / name, digest)
        ]
        for path in removed:
            path.unlink(missing_ok=True)
            if path.parent != self.directory:
                with contextlib.suppress(OSError):  # there is more in the folder of this graph
                    path.parent.rmdir()
        self._write(manifest, kept, written)
        return removed

    def note(self, written: Collection[Path]) -> None:
        """Note what was written so far, in case this process ends now."""
        manifest = _read(self.directory)
        self._write(manifest, manifest.get(self.owner, {}), written)

    def other_owners(self, name: str) -> set[str]:
        """Return the keys of other series that a file of the folder was written for."""
        return {owner for owner, files in _read(self.directory).items() if name in files} - {self.owner}

    def _name(self, path: Path) -> str:
        return path.relative_to(self.directory).as_posix()

    def _write(self, manifest: _Manifest, kept: Mapping[str, str], written: Collection[Path]) -> None:
        files = {**kept, **{self._name(path): _digest(path) for path in written}}
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
            name: digest
            for name, digest in files.items()
            if not (Path(name).is_absolute() or ".." in Path(name).parts)
        }
        for series, files in manifest.items()
    }


def _is_ours(path: Path, digest: str) -> bool:
    return path.is_file() and _digest(path) == digest


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
