"""Saying which names of a series file no completed experiment has a result of, before a run or during it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import starmap
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from database.queries.result_sample import sampled_results
from experiments.series_file import result_names as checks
from experiments.series_file.reading.errors import PathMessage, Problem

if TYPE_CHECKING:
    from experiments.series_file.loading import LoadedSeries

logger = logging.getLogger(__name__)

#: How many completed experiments are read at either end; more of them only where a name seems to be wrong.
_SAMPLE, _LARGER_SAMPLE = 10, 500


class NameNotice:
    """Compares names in graphs, tables and `metrics` with the results of a series, as soon as there are some.

    A name may be that of a result that only later experiments have: it is told, once, and is no error.

    Parameters
    ----------
    series_id : int
    sections : mapping
        As for `experiments.series_file.result_names.problems`.
    source : LoadedSeries or str
        A file, for its lines, or the name of a series.
    """

    def __init__(self, series_id: int, sections: Mapping[str, Any], source: LoadedSeries | str) -> None:
        self._series_id, self._sections, self._source = series_id, sections, source
        self._is_told = not checks.has_names(sections)
        self._wrong: list[PathMessage] | None = None

    @property
    def is_due(self) -> bool:
        """Whether there are names that could not be compared yet."""
        return not self._is_told and self._wrong is None

    def check(self, session: Session) -> None:
        """Compare the names with what is recorded, if that is due and something is completed."""
        if not self.is_due:
            return
        for most in (_SAMPLE, _LARGER_SAMPLE):
            sample = sampled_results(session, self._series_id, most)
            if not sample:
                return
            self._wrong = list(checks.problems(self._sections, sample))
            if not self._wrong:
                return

    def remarks(self) -> list[str]:
        """Return what is to be told of wrong names, once."""
        if self._is_told or self._wrong is None:
            return []
        self._is_told = True
        if isinstance(self._source, str):
            lines = [f"{self._source}: {Problem(message, path)}" for path, message in self._wrong]
        else:
            lines = str(self._source.error(starmap(self._source.problem, self._wrong))).splitlines()
        return [f"{line} (in what is completed so far)" for line in lines]

    def warn(self) -> None:
        """Warn of wrong names, once."""
        for remark in self.remarks():
            logger.warning("%s", remark)
