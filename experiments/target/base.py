"""The protocol of targets: what a series runs, of whatever kind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from database.errors import ExperimentsError

if TYPE_CHECKING:
    from experiments.target.loaded_code import LoadedCode


class TargetError(ExperimentsError):
    """A target cannot be found, loaded or called."""


@dataclass(frozen=True)
class Mismatch:
    """A parameter that the target does not take, or an argument that no parameter gives.

    Attributes
    ----------
    message : str
        What does not fit, and what would.
    parameter : str or None
        The dotted name of the mismatched parameter; None when a parameter is missing.
    """

    message: str
    parameter: str | None = None


class LoadedTarget(Protocol):
    """A target that is ready to be called in this process."""

    @property
    def code(self) -> LoadedCode:
        """What was loaded with it, and by its calls so far."""

    def call(self, parameters: Mapping[str, Any], offered: Mapping[str, Any]) -> object:
        """Run it once and return its results.

        Parameters
        ----------
        parameters : mapping
            The experiment's.
        offered : mapping
            Further arguments that it may take: `experiments.parameters.RESERVED_NAMES` and their values.
        """


class Target(Protocol):
    """What a series runs. Its text names it in every process and in the database."""

    def __str__(self) -> str:
        """Return the canonical text, which is parsed to the same target in any current folder."""

    @property
    def name(self) -> str:
        """What it is in: the name of a file, or of a module."""

    @property
    def code(self) -> Path:
        """The folder of its code, whose version is recorded with the results."""

    def check(self, parameter_names: Iterable[str] | None = None) -> list[Mismatch]:
        """Return the mismatches between the target and the parameters of its series.

        The user's code is imported only in another process.

        Parameters
        ----------
        parameter_names : iterable of str, optional
            Dotted; None checks only that the target can be loaded.

        Raises
        ------
        TargetError
            It cannot be found, loaded or called.
        """

    def digests(self, others: Collection[str] = ()) -> dict[str, str]:
        """Return the digests of the files of its code as they are on disk, by path relative to the project.

        Nothing is imported: the files are found by the imports in their text.

        Parameters
        ----------
        others : collection of str
            Further paths to look at, such as those that earlier runs found while they ran.

        Raises
        ------
        TargetError
            There is no file of the target.
        """

    def load(self, modules: Path | None = None) -> LoadedTarget:
        """Load the target in this process, as a script would find it.

        `sys.argv` becomes its file and nothing else, the search path of imports grows, and
        multiprocessing's start method is not chosen, unless the import chooses it.

        Parameters
        ----------
        modules : Path, optional
            A folder of the run, for modules by which processes that the target starts find its code. By
            default they may not find it: for a process that only looks at the target.

        Raises
        ------
        TargetError
            It cannot be found, loaded or called.
        """

    def has_moved_from(self, recorded: str, code: Path) -> bool:
        """Whether it is the target of the text `recorded` after its folder `code` has moved as a whole."""
