"""Creating a series: its configurations and experiments become rows, each once.

Everything is checked before the first write. Creating is idempotent: an extended file adds new experiments;
experiments that it no longer describes are kept, retired and reported. A series of more than one batch is
committed batch by batch, so that no other writer waits long: until it is complete its state is `creating`,
and the next creation completes an interrupted one.

Two processes may create the same series at once: each batch holds the lock of the series' row, rows are
inserted only when they are missing, and a process whose file was replaced by another one's stops instead of
mixing the two (`SeriesChangedError`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from database import counters
from database.counters import Counters
from database.engine.wrong_use import takes_session
from database.errors import ExperimentsError
from database.models import ExperimentSeries, SeriesState, exact_json
from database.redaction import without_webhook
from database.series import creation as statements
from database.session.lifecycle import commit_part
from experiments.expansion import Counts, ExpandedConfiguration, count, expand, experiments_digest, seed_for
from experiments.series_file.loading import LoadedSeries, load_series_file
from experiments.target.base import Target, TargetError
from experiments.target.current_code import has_run
from experiments.target.parsing import parse_target

_AT_FUNCTION = ("run", "function")
#: Rows per transaction; a series of at most this many experiments is created in one.
BATCH_ROWS = 50_000

#: Tells what takes time, while the context that it returns is entered.
Tell = Callable[[str], AbstractContextManager[object]]
#: What a series is created from.
Source = Path | str | Mapping[str, Any] | LoadedSeries


class OtherTargetError(ExperimentsError):
    """A series of this name exists with another target."""


class SeriesChangedError(ExperimentsError):
    """Another process changed or deleted the series while it was being created."""


@dataclass(frozen=True)
class Created:
    """The result of creating a series.

    Attributes
    ----------
    series_id : int
        The series' row.
    name : str
        Its name.
    new : int
        Experiments that were added.
    existing : int
        Experiments of the file that existed before.
    retired : int
        Recorded experiments that the file no longer describes: kept, and not run.
    """

    series_id: int
    name: str
    new: int
    existing: int
    retired: int


@takes_session
def create_series(session: Session, source: Source, tell: Tell = nullcontext) -> Created:
    """Record the experiments of a series as pending; idempotent.

    Where the file is recorded already, and the series has run the code that is on disk, nothing is checked or
    written again.

    Parameters
    ----------
    session : Session
        Committed by the caller, except between batches of more than `BATCH_ROWS` experiments.
    source : path, mapping or LoadedSeries
        The series file, or its data.
    tell : callable
        Tells what is done, while the context that it returns is entered.

    Raises
    ------
    SeriesFileError
        The file or its target is wrong, or they do not fit; nothing was written.
    OtherTargetError
        A series of this name has another target.
    SeriesChangedError
        Another process created the series from another file, or deleted it, meanwhile.
    """
    loaded = source if isinstance(source, LoadedSeries) else load_series_file(source)
    creation = _Creation(session, loaded, target_of_file(loaded), count(loaded.file))
    unchanged = creation.unchanged()
    if unchanged is not None:
        return unchanged
    check_target(loaded, tell)
    with tell(f"creating {creation.counts.experiments:,} experiments"):
        if creation.is_one_batch:
            with session.begin_nested():  # a failure writes nothing, even when the caller catches it
                return creation.run()
        return creation.run()


def check_target(loaded: LoadedSeries, tell: Tell = nullcontext) -> Target:
    """Return the target of a series after checking that it takes the series' parameters.

    User code is imported only in another process.

    Raises
    ------
    SeriesFileError
        They do not fit; the message names the lines of the series file.
    """
    target = target_of_file(loaded)
    try:
        with tell(f"checking {target.name}"):
            mismatches = target.check(loaded.file.parameter_names())
    except TargetError as error:
        raise loaded.error([loaded.problem(_AT_FUNCTION, str(error))]) from error
    if mismatches:
        raise loaded.error(
            loaded.problem(
                _AT_FUNCTION if mismatch.parameter is None else loaded.parameter_path(mismatch.parameter),
                mismatch.message,
            )
            for mismatch in mismatches
        )
    return target


def target_of_file(loaded: LoadedSeries) -> Target:
    """Return the target of a series, unchecked.

    Raises
    ------
    SeriesFileError
        Its text names none.
    """
    try:
        return parse_target(loaded.file.run.function, loaded.directory)
    except TargetError as error:
        raise loaded.error([loaded.problem(_AT_FUNCTION, str(error))]) from error


@dataclass(frozen=True)
class _Creation:
    """One run of `create_series`."""

    session: Session
    loaded: LoadedSeries
    target: Target
    counts: Counts

    @property
    def is_one_batch(self) -> bool:
        return self.counts.experiments <= BATCH_ROWS

    def unchanged(self) -> Created | None:
        """Return the result where nothing has to be checked or written."""
        series = _recorded(self.session, self.loaded)
        if (
            series is None
            or series.state is not SeriesState.READY
            or (series.target, series.digest) != (str(self.target), experiments_digest(self.loaded.file))
            or any(getattr(series, name) != value for name, value in self._described().items())
            or not has_run(self.session, series)
        ):
            return None
        [before] = counters.count_rows(self.session, [series.id]).values()
        if before.experiments != self.counts.experiments:
            return None
        return self._created(series, new=0, retired=before.retired)

    def run(self) -> Created:
        series = self._describe()
        [before] = counters.count_rows(self.session, [series.id]).values()
        if series.state is SeriesState.READY and before.experiments == self.counts.experiments:
            return self._created(series, new=0, retired=before.retired)
        series_id, revision = series.id, series.revision
        series.state = SeriesState.CREATING
        self.session.flush()
        for batch in _batches(expand(self.loaded.file), BATCH_ROWS):
            self._write_configurations(self._lock(series_id, revision), batch)
            if not self.is_one_batch:
                commit_part(self.session)
        new = 0
        for block in _blocks(self.counts):
            series = self._lock(series_id, revision)
            added = statements.insert_experiments(self.session, series, self.counts.configurations, block)
            new += added
            if not self.is_one_batch:
                counters.add(self.session.connection(), series_id, Counters(experiments=added))
                commit_part(self.session)
        return self._complete(self._lock(series_id, revision), new)

    def _described(self) -> dict[str, Any]:
        """Return what the series' row says about the file."""
        file, text = self.loaded.file, self.loaded.text
        return {
            "name": file.name,
            "description": file.description,
            "tags": list(file.tags),
            "source": None if text is None else without_webhook(text, file.execute.notify.webhook),
            "source_path": str(self.loaded.directory),
            "resolved": file.to_record(),
        }

    def _describe(self) -> ExperimentSeries:
        """Insert or lock the series' row, and update it from the file."""
        loaded, file, row = self.loaded, self.loaded.file, self._described()
        first = {"digest": "", "state": SeriesState.CREATING, "revision": 0, "version": 1}
        series_id = statements.insert_series(self.session, {**row, **first, "target": str(self.target)})
        series = None if series_id is None else statements.lock_series(self.session, series_id)
        if series is None or series.name != file.name:
            raise SeriesChangedError(
                f"series {file.name} was deleted or renamed while it was created; create it again"
            )
        _refuse_other_target(series, loaded, self.target)
        series.target = str(self.target)
        for name, value in row.items():
            if getattr(series, name) != value:
                setattr(series, name, value)
        digest = experiments_digest(file)
        if series.digest != digest:
            series.digest, series.state = digest, SeriesState.CREATING
            series.revision += 1
        self.session.flush()
        return series

    def _lock(self, series_id: int, revision: int) -> ExperimentSeries:
        """Lock the series again after a commit, if it is still the one being created.

        It may have been renamed.
        """
        series = statements.lock_series(self.session, series_id)
        if series is None or series.revision != revision:
            what = "deleted" if series is None else "created from a different file"
            raise SeriesChangedError(
                f"series {self.loaded.file.name} was {what} by another process meanwhile; create it again"
            )
        return series

    def _write_configurations(self, series: ExperimentSeries, batch: list[ExpandedConfiguration]) -> None:
        rows = [
            statements.ConfigurationRow(configuration.position, _stored(configuration), configuration.key)
            for configuration in batch
        ]
        statements.upsert_configurations(self.session, series, rows)

    def _complete(self, series: ExperimentSeries, new: int) -> Created:
        statements.sync_experiments(
            self.session,
            series,
            configurations=self.counts.configurations,
            repetitions=self.counts.repetitions,
        )
        series.state = SeriesState.READY
        self.session.flush()
        counters.recount(self.session, series.id)
        [counts] = counters.read_counters(self.session, [series.id]).values()
        return self._created(series, new, counts.retired)

    def _created(self, series: ExperimentSeries, new: int, retired: int) -> Created:
        return Created(series.id, series.name, new, self.counts.experiments - new, retired)


@takes_session
def check_creation(session: Session, loaded: LoadedSeries, tell: Tell = nullcontext) -> None:
    """Check what `create_series` checks, and write nothing.

    Raises
    ------
    SeriesFileError, OtherTargetError
        As it does.
    """
    if _Creation(session, loaded, target_of_file(loaded), count(loaded.file)).unchanged() is None:
        target, series = check_target(loaded, tell), _recorded(session, loaded)
        if series is not None:
            _refuse_other_target(series, loaded, target)


def _recorded(session: Session, loaded: LoadedSeries) -> ExperimentSeries | None:
    """Return the recorded series of the name that the file has."""
    return session.scalar(select(ExperimentSeries).where(ExperimentSeries.name == loaded.file.name))


def _refuse_other_target(series: ExperimentSeries, loaded: LoadedSeries, target: Target) -> None:
    if series.target == str(target):
        return
    if series.source_path is not None and target.has_moved_from(series.target, Path(series.source_path)):
        return
    raise OtherTargetError(
        f"series {series.name} exists and runs {series.target}, but {loaded.shown or 'this file'} "
        f"runs {target}; results of two functions must not mix. Choose another name, rename the old series "
        f"(`experiments edit {series.name} --name NAME`), or delete it"
    )


def _stored(configuration: ExpandedConfiguration) -> str:
    """Return the JSON of the parameters' column: the canonical text, unless a key begins with ``$``."""
    if '"$' in configuration.text:
        return exact_json.encode(configuration.parameters, "parameters")
    return configuration.text


def _batches(
    configurations: Iterator[ExpandedConfiguration], size: int
) -> Iterator[list[ExpandedConfiguration]]:
    while batch := list(itertools.islice(configurations, size)):
        yield batch


def _blocks(counts: Counts) -> Iterator[statements.Block]:
    """Yield all experiments in blocks of at most `BATCH_ROWS`, in the order of their positions."""
    width = min(counts.configurations, BATCH_ROWS)
    height = max(1, BATCH_ROWS // counts.configurations)
    for first in range(0, counts.repetitions, height):
        repetitions = range(first, min(first + height, counts.repetitions))
        seeds = [seed_for(repetition) for repetition in repetitions]
        for position in range(0, counts.configurations, width):
            end = min(position + width, counts.configurations)
            yield statements.Block(position, end, first, seeds)
