"""From the text of a target to the target: the only place that knows which kinds there are."""

from __future__ import annotations

from pathlib import Path

from experiments.target.base import Target
from experiments.target.function import FunctionTarget


def parse_target(text: str, base_directory: Path | str) -> Target:
    """Return the target that `text` names; nothing is looked up yet.

    Parameters
    ----------
    text : str
        ``module:function`` or ``path/file.py:function``.
    base_directory : Path or str
        What a relative path is relative to: the folder of the series file.

    Raises
    ------
    TargetError
        When `text` is neither.
    """
    return FunctionTarget.parse(text, base_directory)
