"""The origin of a figure, and whether it would be the same if it were drawn now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.code_sets import SeriesCodeSets
from database.errors import DatabaseError, NotFoundError
from database.expressions import ExpressionError
from database.models import ExperimentSeries
from database.queries.series_lookup import find_series
from database.session.lifecycle import scoped_session, snapshot
from experiments.series_file.models import SeriesFile
from experiments.series_file.sections.graph_kinds import CHOSEN_KINDS
from experiments.series_file.sections.graphs import GraphSpec
from experiments.where import expression_of
from meta.graphs.generation.requests import plan_graph
from meta.graphs.provenance.file_names import file_names
from meta.graphs.provenance.fingerprint import Fingerprints
from meta.graphs.provenance.origin import Origin
from meta.records.errors import GraphError
from meta.records.selection.subsets import read_series


@dataclass(frozen=True)
class FigureComparison:
    """A figure compared with what would be drawn now.

    Attributes
    ----------
    is_current : bool or None
        Whether the figure would be the same now; None when it could not be compared.
    differences : tuple of str
        What would differ, as text.
    program : tuple of str
        Versions of this program and of libraries that differ from those that drew it, as text.
    reason : str or None
        Why it could not be compared.
    request : str or None
        How the request of the series file differs now, as text; None if it does not.
    """

    is_current: bool | None
    differences: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    reason: str | None = None
    request: str | None = None


def compare_with_records(origin: Origin) -> FigureComparison:
    """Compare a figure with the one that the configured database would give now."""
    try:
        with scoped_session(read_only=True) as session:
            return _compared(session, origin)
    except (DatabaseError, NotFoundError) as error:
        return FigureComparison(None, reason=str(error))


def _compared(session: Session, origin: Origin) -> FigureComparison:
    try:
        spec = GraphSpec.model_validate(origin.specification)
    except ValidationError:
        return FigureComparison(None, reason="this version does not know all that the specification asks for")
    with snapshot(session):
        series = _series(session, origin.series)
        requested = SeriesFile.recorded(series.resolved).graphs
        file = SeriesFile.recorded(series.resolved).model_copy(update={"graphs": (spec,)})
        try:
            where = None
            if origin.where is not None:
                where = expression_of(session, series, origin.where, is_recorded=True)
        except ExpressionError as error:
            return FigureComparison(False, (f"it could not be drawn: where: {error.in_one_line()}",))
        [(_, records)] = read_series(session, series, file, where).requested
    try:
        if isinstance(records, GraphError):
            raise records
        _, extract = plan_graph(spec, records)
        now = Origin.of(origin.graph, spec, extract, Fingerprints(), where=origin.where)
    except GraphError as error:
        return FigureComparison(False, (f"it could not be drawn: {error}",))
    differences = tuple(_differences(origin, now, records.experiments_code.sets))
    program = tuple(_other_program(origin, now))
    return FigureComparison(not differences, differences, program, request=_other_request(origin, requested))


def _series(session: Session, name: str) -> ExperimentSeries:
    """Return the series that had this name when the figure was drawn."""
    try:
        return find_series(session, name)
    except NotFoundError:
        # The folder keeps the name that the series was created with.
        renamed = session.scalar(select(ExperimentSeries).where(ExperimentSeries.folder == name))
        if renamed is None:
            raise
        return renamed


def _other_request(then: Origin, specs: Sequence[GraphSpec]) -> str | None:
    """Return how the file's request differs now; a file that requests no graphs gets default ones."""
    if not specs or any(
        spec.model_dump(mode="json", exclude_defaults=True) == then.specification for spec in specs
    ):
        return None
    # Which kind follows from `x` depends on the data, so that several names are possible.
    possible = {
        name for kind in CHOSEN_KINDS for name in file_names(specs, [spec.kind or kind for spec in specs])
    }
    which = "another graph" if then.graph in possible else "no graph"
    return f"the series file, as last created, requests {which} of this name"


def _differences(then: Origin, now: Origin, sets: SeriesCodeSets) -> Iterator[str]:
    if then.series != now.series:
        yield f"the name of the series, which is {now.series} now"
    if then.fingerprint != now.fingerprint:
        counts = f"{then.experiments:,} completed experiments then, {now.experiments:,} now"
        yield f"the data: {counts if then.experiments != now.experiments else 'other records'}"
    if then.labels != now.labels:
        yield "metrics in the series file"
    if then.analysis != now.analysis:
        yield "analysis in the series file"
    if then.measures and then.measures != now.measures:  # earlier programs did not record them
        yield "the range or kind of the readings of the whole series"
    if not sets.are_alike(_sets(then), _sets(now)):
        yield "the code that the experiments ran"
    if _threads(then) and _threads(now) and _threads(then) != _threads(now):
        yield "how many threads the experiments ran with"


def _sets(origin: Origin) -> set[str]:
    """Return the names of the sets of code of a figure: none where they are unknown, or were not recorded."""
    return {version.code for version in origin.experiments_code if version.code is not None}


def _threads(origin: Origin) -> set[int]:
    return {version.threads for version in origin.experiments_code if version.threads is not None}


def _other_program(then: Origin, now: Origin) -> Iterator[str]:
    if then.code != now.code:
        yield f"experiment-series: drawn by {then.code}, this is {now.code}"
    for name in sorted({*then.libraries, *now.libraries}):
        before, after = then.libraries.get(name), now.libraries.get(name)
        if before != after:
            yield f"{name}: drawn with {before or 'none'}, this is {after or 'none'}"
