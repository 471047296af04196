"""The code of a recorded series as it is on disk now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.orm import Session

from database.code_sets import code_sets
from database.models import ExperimentSeries
from experiments.target.base import TargetError
from experiments.target.parsing import parse_target


def current_code(session: Session, series: ExperimentSeries) -> Mapping[str, str]:
    """Return the digests of the files of a series' code, by path relative to its project.

    These are the files that the target imports, as the text of the files tells, and those that experiments of
    the series have loaded besides. Nothing is imported.

    Raises
    ------
    TargetError
        There is no file of the target any more.
    """
    loaded = {path for code in code_sets(session, series.id).sets for path in code.files}
    try:
        return parse_target(series.target, series.source_path or Path.cwd()).digests(loaded)
    except TargetError as error:
        raise TargetError(f"the current code of series {series.name} cannot be read: {error}") from error
