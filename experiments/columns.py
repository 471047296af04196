"""Columns of a list of experiments: names as in expressions, and their values in recorded rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from database.expressions.names import OWN_NAMES, found_at, leaves, written_below
from database.expressions.parser import parse_names
from database.expressions.tree import Field, Path, Source
from experiments.where import names_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from database.models import ExperimentSeries
    from database.queries.experiment_rows import ExperimentRow

#: Fields of every experiment that are no number, text or boolean: they have no place in an expression.
_ONLY_SHOWN = ("started_at", "finished_at", "parameters", "results")
#: Where the values below a field are that is all parameters, or all results.
_WHOLE: Mapping[Field, tuple[Source, Path]] = {
    Field("own", ("parameters",)): ("parameters", ()),
    Field("own", ("results",)): ("results", ()),
}


@dataclass(frozen=True)
class NamedColumn:
    """A column.

    Attributes
    ----------
    title : str
        The name as it was written.
    field : Field
        What it means.
    """

    title: str
    field: Field

    @property
    def is_parameter(self) -> bool:
        """Whether its values are those of a parameter."""
        return self.field.source == "parameters"

    def value(self, row: ExperimentRow) -> Any:
        """Return the value of an experiment; None for what it does not have."""
        if self.field.source == "own":
            return getattr(row, self.field.path[0])
        return found_at(self.field.path, row.parameters if self.is_parameter else row.results)

    def leaves(self, rows: Sequence[ExperimentRow]) -> Iterator[NamedColumn]:
        """Yield a column for each name that these experiments have in a group; of a single value itself."""
        values = [value for row in rows if (value := self.value(row)) is not None]
        groups = [value for value in values if isinstance(value, Mapping) and value]
        source, path = _WHOLE.get(self.field, (self.field.source, self.field.path))
        if not groups or len(groups) < len(values):
            yield self
        for keys in dict.fromkeys(keys for group in groups for keys in leaves(group)):
            yield NamedColumn(self.title + written_below(keys), Field(source, (*path, *keys)))


def columns_of(session: Session, series: ExperimentSeries, text: str) -> list[NamedColumn]:
    """Return the columns that a text names, separated by commas.

    Raises
    ------
    ExpressionError
        It is not valid, or has a name that the series does not have; the message lists those it has.
    """
    names = names_of(session, series)
    names.own = (*OWN_NAMES, *_ONLY_SHOWN)
    return [NamedColumn(title, field) for title, field in parse_names(text, names)]
