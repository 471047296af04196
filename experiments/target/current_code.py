"""The code of a recorded series as it is on disk now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from database.code_sets import CodeSet, code_sets
from database.models import ExperimentSeries
from experiments.target.base import TargetError
from experiments.target.parsing import target_of


def current_code(session: Session, series: ExperimentSeries) -> Mapping[str, str]:
    """Return the digests of the files of a series' code, by path relative to its project.

    These are the files that the target imports, as the text of the files tells, and those that experiments of
    the series have loaded besides. Nothing is imported.

    Raises
    ------
    TargetError
        There is no file of the target any more.
    """
    return _digests(series, code_sets(session, series.id).sets)


def has_run(session: Session, series: ExperimentSeries) -> bool:
    """Return whether a series has run its code as it is on disk: then its target can be loaded."""
    known = code_sets(session, series.id).sets
    try:
        current = _digests(series, known) if known else {}
    except TargetError:
        return False
    return any(code.files.keys() & current.keys() and code.agrees_with(current) for code in known)


def _digests(series: ExperimentSeries, known: Iterable[CodeSet]) -> Mapping[str, str]:
    loaded = {path for code in known for path in code.files}
    try:
        return target_of(series).digests(loaded)
    except TargetError as error:
        raise TargetError(f"the current code of series {series.name} cannot be read: {error}") from error
