"""Writing the experiments of a series as CSV or JSON, row by row, so that memory stays small."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from database.errors import ExperimentsError
from database.models import Configuration, Experiment
from database.queries.experiment_rows import ExperimentRow, experiments
from experiments.parameters import flatten_recorded
from meta.formats.csv_format import line_writer
from meta.formats.json_format import json_ready

#: The first columns of a CSV file: the record's own.
OWN_COLUMNS = [field.name for field in fields(ExperimentRow) if field.name not in {"parameters", "results"}]
_BATCH = 1000


def export_csv(
    session: Session, series_id: int, stream: TextIO, where: ColumnElement[bool] | None = None
) -> int:
    """Write one line per experiment; return how many there are.

    Columns: the record's own, then ``parameters.NAME`` and ``results.NAME`` by dotted name. Lists
    and other nested values are JSON; text that a spreadsheet would run as a formula gets a leading
    apostrophe; what an experiment does not have is empty.

    Parameters
    ----------
    session : Session
        A read-only scope: names are collected first, rows written after, from one snapshot.
    series_id : int
        Of the series.
    stream : text file
        Opened with ``newline=""``.
    where : condition on Experiment, optional
        Only experiments that match; the columns are those of all, so that exports can be joined.
    """
    parameters = _names(session, select(Configuration.parameters).where(Configuration.series_id == series_id))
    results = _names(
        session,
        select(Experiment.results).where(Experiment.series_id == series_id, Experiment.results.is_not(None)),
    )
    write = line_writer(stream)
    names = [*OWN_COLUMNS, *(f"parameters.{name}" for name in parameters)]
    write([*names, *(f"results.{name}" for name in results)])
    count = 0
    for row in experiments(session, series_id, where=where):
        write(_line(row, parameters, results))
        count += 1
    return count


def export_json(
    session: Session, series_id: int, stream: TextIO, where: ColumnElement[bool] | None = None
) -> int:
    """Write a JSON array with one object per experiment, each on its own line; return how many there are.

    Parameters
    ----------
    session : Session
        A read-only scope.
    series_id : int
        Of the series.
    stream : text file
        Gets ASCII only.
    where : condition on Experiment, optional
        Only experiments that match.
    """
    count = 0
    for count, row in enumerate(experiments(session, series_id, where=where), start=1):
        stream.write(("[\n" if count == 1 else ",\n") + json.dumps(json_ready(row), allow_nan=False))
    stream.write("\n]\n" if count else "[]\n")
    return count


FORMATS: dict[str, Callable[[Session, int, TextIO, ColumnElement[bool] | None], int]] = {
    "csv": export_csv,
    "json": export_json,
}


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Yield a file that replaces `path` when everything was written, and is removed on an error.

    A symbolic link stays, its target is replaced. A pipe, a device or a terminal cannot be replaced: it
    is written to directly.

    Raises
    ------
    ExperimentsError
        `path` cannot be written.
    """
    try:
        followed = Path(os.path.realpath(path))  # also when nothing is there yet
        with _replacing_file(followed) if _is_replaceable(path) else _opened(path) as stream:
            yield stream
    except OSError as error:
        raise ExperimentsError(f"{path} cannot be written ({error.strerror})") from error


def _is_replaceable(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def _opened(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="")


@contextmanager
def _replacing_file(path: Path) -> Iterator[TextIO]:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _opened(temporary) as stream:
            yield stream
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):  # it was never created
            temporary.unlink(missing_ok=True)


def _names(session: Session, statement: Any) -> list[str]:
    """Return the dotted names in a column of mappings, in the order they appear."""
    names: dict[str, None] = {}
    for values in session.execute(statement.execution_options(yield_per=_BATCH)).scalars():
        names.update(dict.fromkeys(flatten_recorded(values)))
    return list(names)


def _line(row: ExperimentRow, parameters: list[str], results: list[str]) -> list[Any]:
    given, returned = flatten_recorded(row.parameters), flatten_recorded(row.results)
    values = [getattr(row, name) for name in OWN_COLUMNS]
    values += [given.get(name) for name in parameters]
    return [*values, *(returned.get(name) for name in results)]
