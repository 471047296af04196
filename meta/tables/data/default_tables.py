"""The tables of a series whose file requests none."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.series_file.sections.tables import TableSpec
from meta.graphs.data.plan import SERIES
from meta.graphs.figure.default_graphs import MAX_GRAPHS, numeric_results
from meta.records.series_records import SeriesRecords

#: More columns than this are wider than a page.
_MAX_COLUMNS = 8
_LAST = ("metrics.", ".last")


def default_tables(records: SeriesRecords) -> list[TableSpec]:
    """Return a table for each numeric result and each metric's last value, at most 12.

    Of the parameters that distinguish configurations, the one with the fewest values makes the columns, if
    there are several parameters and its values fit on a page; all others make the rows. So every
    configuration has a cell of its own.
    """
    values = records.parameter_values()
    varying = records.parameter_table(values).distinguishing() or list(values)[:1]
    fewest = min(varying, key=lambda name: len(values[name]), default=None)
    columns: Sequence[str] = ()
    if fewest is not None and len(varying) > 1 and len(values[fewest]) <= _MAX_COLUMNS:
        columns = (fewest,)
    rows = [name for name in varying if name not in columns] or [SERIES]
    return [
        TableSpec(y=name, rows=tuple(rows), columns=tuple(columns))
        for name in _measured(records)[:MAX_GRAPHS]
    ]


def _measured(records: SeriesRecords) -> list[str]:
    results = numeric_results(records)
    start, end = _LAST
    metrics = [
        name.removeprefix(start).removesuffix(end)
        for name in records.result_names()
        if name.startswith(start) and name.endswith(end)
    ]
    return [*results, *(name for name in metrics if name not in results)]
