"""Where the files of a series go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from database.engine.registry import current_url
from database.settings import results_directory
from experiments.output.results_folder import ResultsFolder
from meta.graphs.provenance.file_names import folder_for
from meta.records.chosen_series import ChosenSeries


@dataclass(frozen=True)
class OutputLocation:
    """A folder, and what the manifest there calls the series: its name may change."""

    directory: Path
    owner: str

    @classmethod
    def of(cls, chosen: ChosenSeries, default: Callable[[ResultsFolder, str], Path]) -> OutputLocation:
        """Return the folder that was asked for, or the `default` one of the series among the results."""
        directory = chosen.directory
        if directory is None:
            folder = default(ResultsFolder(results_directory(current_url())), chosen.folder)
            directory = folder_for(folder, chosen.where.text if chosen.where else None)
        return cls(directory, chosen.folder)
