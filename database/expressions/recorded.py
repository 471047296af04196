"""The names of a recorded series; each is looked up only when an expression uses it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select, not_, select
from sqlalchemy.orm import Session

from database.code_sets import code_sets
from database.expressions.names import CURRENT_CODE, KnownNames, leads_into, leaves
from database.expressions.operands import member
from database.expressions.tree import Path
from database.models import Configuration, Experiment, ExperimentSeries

#: Messages list the names of this many experiments: usually all have the same.
_SAMPLE = 1000


class RecordedNames(KnownNames):
    """The names of a series: the parameters of its file, and other names in its rows.

    Parameters
    ----------
    session : Session
    series_id : int
    parameters : iterable of Path
        Those of the series file; only others are looked up in the rows.
    current_code : callable
        Returns the files of the code on disk with their digests.
    """

    def __init__(
        self,
        session: Session,
        series_id: int,
        parameters: Iterable[Path],
        *,
        current_code: Callable[[], Mapping[str, str]],
    ) -> None:
        super().__init__(list(parameters))
        self._session = session
        self._series_id = series_id
        self._current_code = current_code

    def has_parameter(self, path: Path) -> bool:
        """Return whether any experiment has this parameter, or group of parameters."""
        if super().has_parameter(path):
            return True
        revision = (
            select(ExperimentSeries.revision).where(ExperimentSeries.id == self._series_id).scalar_subquery()
        )
        older = select(Configuration.id).where(
            Configuration.series_id == self._series_id, Configuration.revision < revision
        )
        return self._any(older.where(self._is_in(Configuration.parameters.expression, path)))

    def has_result(self, path: Path) -> bool:
        """Return whether any experiment has this result, or group of results."""
        if leads_into(path, self._sampled_results):
            return True
        if not self._sampled_results:
            return False
        results = select(Experiment.id).where(Experiment.series_id == self._series_id)
        return self._any(results.where(self._is_in(Experiment.results.expression, path)))

    def all_parameters(self) -> Collection[Path]:
        """Return the parameters of the file, and those of a sample of older configurations."""
        older = self._sample(Configuration.parameters.expression, Configuration.series_id == self._series_id)
        return dict.fromkeys([*self.parameters, *older])

    def all_results(self) -> Collection[Path]:
        """Return the results of a sample of experiments."""
        return self._sampled_results

    def code_digests(self, word: str) -> Collection[str]:
        """Return the names of the sets of code that a word stands for: ``current``, or the first digits."""
        known = code_sets(self._session, self._series_id)
        if word == CURRENT_CODE:
            chosen = known.one_with(self._current_code(), accepted=False)
            return [one.digest for one in known.sets if one.id in chosen]
        return [one.digest for one in known.sets if one.digest.startswith(word)]

    @cached_property
    def _sampled_results(self) -> dict[Path, None]:
        return self._sample(Experiment.results.expression, Experiment.series_id == self._series_id)

    def _sample(self, column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> dict[Path, None]:
        rows = self._session.scalars(select(column).where(*conditions, column.is_not(None)).limit(_SAMPLE))
        return dict.fromkeys(
            path for nested in rows if isinstance(nested, Mapping) for path in leaves(nested)
        )

    def _is_in(self, document: ColumnElement[Any], path: Path) -> ColumnElement[bool]:
        nothing = member(document, path, self._session.get_bind().dialect.name).nothing
        assert nothing is not None
        return not_(nothing)

    def _any(self, rows: Select[Any]) -> bool:
        return self._session.execute(rows.limit(1)).first() is not None
