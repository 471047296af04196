"""Several series in one run: all are checked, all are recorded, then they run one after another.

The highest priority is next, ties in the order given. Priorities and pauses are read again before each
series, so that an edit counts while earlier ones run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from database.errors import ExperimentsError, NotFoundError
from database.models import ExperimentSeries
from database.queries.overview import series_priorities
from database.queries.series_lookup import find_series
from database.session.retry import retrying_transaction
from experiments.creation import Created, check_creation
from experiments.execution.options import RunOptions
from experiments.run.one_series import (
    SeriesPausedError,
    announce_serial,
    check_series,
    prepare_series,
    run_prepared_series,
)
from experiments.run.other_code import OtherCodeError
from experiments.run.reporting import Reporting
from experiments.run.summary import STOPPED_EXIT_CODE, RunSummary
from experiments.series_file.loading import LoadedSeries
from experiments.supervisor.restart_backoff import WorkersDieError


class SeriesGivenTwiceError(ExperimentsError):
    """Two files of one run describe a series of the same name."""


@dataclass(frozen=True)
class LeftOut:
    """A series that was to be run and was not, or not to its end.

    Attributes
    ----------
    series : str
        Its name.
    reason : str
        Why, and what to do.
    exit_code : int
        The exit code of the command, unless a worse one applies.
    """

    series: str
    reason: str
    exit_code: int = STOPPED_EXIT_CODE


@dataclass(frozen=True)
class SeveralRuns:
    """The result of a run of several series.

    Attributes
    ----------
    runs : tuple of RunSummary
        In the order in which they ran.
    left_out : tuple of LeftOut
        The others.
    """

    runs: tuple[RunSummary, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def exit_code(self) -> int:
        """The worst of all: 128 + the signal that stopped it, 4 when a series was left out, 1, or 0."""
        codes = [run.exit_code for run in self.runs] + [series.exit_code for series in self.left_out]
        return max(codes, default=0)

    def __str__(self) -> str:
        lines = [f"{left_out.series}: {left_out.reason}" for left_out in self.left_out]
        return "\n".join([*map(str, self.runs), *lines])

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "runs": [run.as_data() for run in self.runs],
            "left_out": [
                {"series": left_out.series, "reason": left_out.reason} for left_out in self.left_out
            ],
            "exit_code": self.exit_code,
        }


@dataclass(frozen=True)
class _Turn:
    """A series that is still to be run, by the name it was given with, and what it was prepared from."""

    series_id: int
    name: str
    source: LoadedSeries | str
    created: Created | None


def refuse_repeated_names(sources: Sequence[LoadedSeries | str]) -> None:
    """Check that no two different files describe the same series.

    Raises
    ------
    SeriesGivenTwiceError
        Both files are named.
    """
    seen: dict[str, LoadedSeries] = {}
    for loaded in sources:
        if isinstance(loaded, str):
            continue
        other = seen.setdefault(loaded.file.name, loaded)
        if (other.file, other.directory) != (loaded.file, loaded.directory):
            raise SeriesGivenTwiceError(
                f"{other.shown or 'one of the series'} and {loaded.shown or 'another one'} both describe the "
                f"series {loaded.file.name}; give one of them, or change a name"
            )


def run_in_turn(
    session: Session, sources: Sequence[LoadedSeries | str], options: RunOptions, reporting: Reporting
) -> SeveralRuns:
    """Record all series, then run one after another.

    Parameters
    ----------
    session : Session
        This process's global session.
    sources : sequence of LoadedSeries or str
        Without repeated names. A series that is given twice is run once.
    options : RunOptions
        How to run each of them.
    reporting : Reporting
        Where their progress and their summaries are shown.

    Raises
    ------
    NotFoundError, OtherTargetError
        A series cannot be run; nothing was written.
    """
    for source in sources:
        _check(session, source, reporting)
    session.commit()
    announce_serial(session, sources, options, reporting)
    waiting = list(_prepare(session, sources, reporting))
    runs: list[RunSummary] = []
    left_out: list[LeftOut] = []
    begun = reporting.begun
    while turn := _next(session, waiting):
        waiting.remove(turn)
        reporting, begun = replace(reporting, begun=begun), None  # the time of the others is their own
        try:
            runs.append(_run(session, turn, options, reporting))
        except (NotFoundError, OtherCodeError, SeriesPausedError, WorkersDieError) as error:
            left_out.append(LeftOut(turn.name, str(error), error.exit_code))
        else:
            if runs[-1].stopped_by is not None:
                break
    stopped = bool(runs) and runs[-1].stopped_by is not None
    left_out += [_left_out(session, turn, stopped=stopped) for turn in waiting]
    return SeveralRuns(tuple(runs), tuple(left_out))


def _check(session: Session, source: LoadedSeries | str, reporting: Reporting) -> None:
    if isinstance(source, str):
        check_series(session, find_series(session, source), reporting)
    else:
        check_creation(session, source, reporting.tell)


def _prepare(
    session: Session, sources: Sequence[LoadedSeries | str], reporting: Reporting
) -> Iterator[_Turn]:
    seen: set[int] = set()
    for source in sources:
        series, created = prepare_series(session, source, reporting)
        if series.id in seen:
            continue
        seen.add(series.id)
        if created is not None and reporting.on_created is not None:
            reporting.on_created(created)
        yield _Turn(series.id, series.name, source, created)


def _next(session: Session, waiting: Sequence[_Turn]) -> _Turn | None:
    """Return the series of the highest priority, of equal ones the first; None when none may be run."""
    priorities = retrying_transaction(
        session, lambda session: series_priorities(session, [turn.series_id for turn in waiting])
    )
    ready = [turn for turn in waiting if turn.series_id in priorities]
    return max(ready, key=lambda turn: priorities[turn.series_id], default=None)


def _run(session: Session, turn: _Turn, options: RunOptions, reporting: Reporting) -> RunSummary:
    series = find_series(session, turn.series_id)
    return run_prepared_series(
        session, series, source=turn.source, created=turn.created, options=options, reporting=reporting
    )


def _left_out(session: Session, turn: _Turn, *, stopped: bool) -> LeftOut:
    """Return why a series was left out."""
    if stopped:
        return LeftOut(turn.name, "not begun: the same command resumes it")
    series = retrying_transaction(session, lambda session: session.get(ExperimentSeries, turn.series_id))
    if series is None:
        return LeftOut(turn.name, "was deleted meanwhile", NotFoundError.exit_code)
    return LeftOut(
        series.name,
        f"is paused (last changed by {series.changed_by}) and was left out; "
        f"`experiments edit {series.name} --resume` resumes it",
    )
