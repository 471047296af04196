"""Whole series of experiments: creating them, frames, statistics, graphs, the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from database.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from meta.frames import load_curves as load_curves
    from meta.frames import load_experiments as load_experiments


def package_folder() -> Path:
    """Return the folder of this package; paths of its files are built from it only."""
    return Path(__file__).parent


__getattr__, __all__ = lazy_exports(__name__, {"frames": ["load_curves", "load_experiments"]})
