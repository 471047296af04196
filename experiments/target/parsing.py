"""Parsing the text of a target: the only module that depends on the kinds of targets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from database.files.paths import current_folder
from experiments.target.base import Target
from experiments.target.function import FunctionTarget

if TYPE_CHECKING:
    from database.models import ExperimentSeries


def parse_target(text: str, base_directory: Path | str) -> Target:
    """Return the target that `text` names; nothing is imported or checked yet.

    Parameters
    ----------
    text : str
        ``module:function`` or ``path/file.py:function``.
    base_directory : Path or str
        The base of relative paths: the folder of the series file.

    Raises
    ------
    TargetError
        `text` is neither.
    """
    return FunctionTarget.parse(text, base_directory)


def target_of(series: ExperimentSeries) -> Target:
    """Return the target of a recorded series; one made by hand may have been recorded without a folder."""
    return parse_target(series.target, series.source_path or current_folder())
