"""One run of a series: its assignment, its executor, and its summary."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from database import clock
from database.claims.lookups import claimable_work
from database.claims.runners import any_alive
from database.counters import count_ended_by
from database.engine.registry import current_url, get_engine
from database.errors import DatabaseMissingError, ExperimentsError
from database.models import ExperimentSeries
from database.queries.overview import SeriesSummary, count_statuses, failure_counts, series_summaries
from database.queries.series_lookup import find_series
from database.session.retry import retrying_transaction
from database.settings import results_directory
from experiments.creation import Created, Source, check_target, create_series
from experiments.execution.assignment import Assignment, Ending
from experiments.execution.options import RunOptions
from experiments.output.results_folder import ResultsFolder
from experiments.run.before_start import about_notification, warn_before_start
from experiments.run.notification import notify
from experiments.run.other_code import check_code, read_current_code
from experiments.run.reporting import Reporting
from experiments.run.summary import STOPPED_EXIT_CODE, RunSummary
from experiments.series_file.loading import LoadedSeries, load_series_file
from experiments.series_file.models import SeriesFile
from experiments.supervisor.name_notice import NameNotice
from experiments.target.current_code import has_run
from experiments.target.parsing import target_of

logger = logging.getLogger(__name__)


class SeriesPausedError(ExperimentsError):
    """The series is paused; nothing of it was run."""

    exit_code = STOPPED_EXIT_CODE


def load_source(source: Source, reporting: Reporting) -> LoadedSeries | str:
    """Return the loaded series of a file or mapping; or the name unchanged.

    Raises
    ------
    SeriesFileError
        The file is wrong.
    """
    if isinstance(source, str) and not _looks_like_file(source):
        return source
    if isinstance(source, LoadedSeries):
        return source
    with reporting.tell(f"reading {Path(source).name if isinstance(source, str | Path) else 'the series'}"):
        return load_series_file(source)


def check_first_target(source: LoadedSeries | str, reporting: Reporting) -> None:
    """Check the target of a loaded series if there is no database yet: for an error none is made.

    Otherwise creating checks it, before it writes, unless that is not needed.

    Parameters
    ----------
    source : LoadedSeries or str
    reporting : Reporting

    Raises
    ------
    SeriesFileError
        The target is wrong.
    """
    if isinstance(source, LoadedSeries) and not _has_database():
        check_target(source, reporting.tell)


def _has_database() -> bool:
    try:
        get_engine(create=False)
    except DatabaseMissingError:
        return False
    return True


def announce_serial(
    session: Session, sources: Sequence[LoadedSeries | str], options: RunOptions, reporting: Reporting
) -> None:
    """Call `Reporting.before_serial` where one of these checked sources will run in this process."""
    if reporting.before_serial is None:
        return
    for source in sources:
        file = (
            SeriesFile.recorded(find_series(session, source).resolved)
            if isinstance(source, str)
            else source.file
        )
        if file.execute.worker_count(options.workers) == 0:
            reporting.before_serial()


def prepare_series(
    session: Session,
    source: LoadedSeries | str,
    reporting: Reporting,
) -> tuple[ExperimentSeries, Created | None]:
    """Create or extend the series of a loaded file, or find a recorded one by name.

    Parameters
    ----------
    session : Session
    source : LoadedSeries or str
    reporting : Reporting

    Raises
    ------
    NotFoundError
        There is no series of that name.
    TargetError
        The target of a recorded series does not exist any more.
    """
    if isinstance(source, str):
        series = find_series(session, source)
        check_series(session, series, reporting)
        return series, None
    created = retrying_transaction(session, lambda session: create_series(session, source, reporting.tell))
    series = session.scalars(select(ExperimentSeries).where(ExperimentSeries.id == created.series_id)).one()
    return series, created


def check_series(session: Session, series: ExperimentSeries, reporting: Reporting) -> None:
    """Check that the target of a recorded series can be imported, unless it has run the code that is on disk.

    Raises
    ------
    TargetError
        It does not exist any more.
    """
    if not has_run(session, series):
        target = target_of(series)
        with reporting.tell(f"checking {target.name}"):
            target.check()


def run_prepared_series(
    session: Session,
    series: ExperimentSeries,
    *,
    source: LoadedSeries | str,
    created: Created | None,
    options: RunOptions,
    reporting: Reporting,
) -> RunSummary:
    """Run what is pending of a series.

    Parameters
    ----------
    session : Session
        This process's global session.
    series : ExperimentSeries
        Of that session.
    source : LoadedSeries or str
        What it was prepared from: only the file has the whole URL of a webhook.
    created : Created or None
        Passed on to the summary.
    options : RunOptions
        How to run it.
    reporting : Reporting
        Where its progress and its summary are shown.

    Raises
    ------
    SeriesPausedError
        It is paused.
    OtherCodeError
        Completed experiments ran other code, and `execute.code` is ``refuse``.
    """
    reporting = reporting.since()
    if series.paused:
        raise SeriesPausedError(
            f"series {series.name} is paused (last changed by {series.changed_by}); "
            f"`experiments edit {series.name} --resume` resumes it"
        )
    recorded = SeriesFile.recorded(series.resolved, needed=["execute"]).execute
    execute = source.file.execute if isinstance(source, LoadedSeries) else recorded
    code = read_current_code(session, series)
    other_code = check_code(session, series, code, policy=recorded.code, accept=options.accept_code)
    root = options.results_directory or results_directory(current_url())
    folder = ResultsFolder(root.absolute())
    before, is_over = retrying_transaction(session, lambda session: _state(session, series.id, folder))
    names = NameNotice(series.id, series.resolved, source)
    if before.counts.completed:
        retrying_transaction(session, names.check)
    remarks = [*filter(None, [other_code]), *names.remarks()]
    if is_over:
        for remark in (*remarks, *about_notification(before.name, execute)):
            logger.warning("%s", remark)

    def warn(assignment: Assignment) -> None:
        for remark in remarks:
            logger.warning("%s", remark)
        warn_before_start(session, assignment, execute, before.counts, is_shown=reporting.display is not None)

    try:
        ending, latest = Ending(), before.counts
        if not is_over:
            from experiments.run import executing  # noqa: PLC0415 - its imports take long

            assignment = executing.assign(series, options, code, folder)
            ending, latest = executing.execute(assignment, before, reporting, warn=warn, names=names)
        after, completed_here, failures = _afterwards(session, replace(before, counts=latest), ending)
    except BaseException as error:
        name, message = before.name, str(error) or type(error).__name__
        notify(execute.notify, f"{name}: ended by an error: {message}", {"series": name, "error": message})
        raise
    is_left = after.counts.finished < after.counts.experiments
    summary = RunSummary(
        series=after.name,  # it may have been renamed while it ran
        created=created,
        before=before.counts,
        after=after.counts,
        completed_here=completed_here,
        failures=failures,
        elapsed_s=clock.monotonic() - (reporting.begun or 0.0),
        stopped_by=ending.stopped_by,
        paused=after.paused and is_left,
        rule=ending.rule if is_left else None,
        waiting=ending.waiting,
    )
    if reporting.display is not None:
        reporting.display.end(summary.as_data())
    if reporting.on_ended is not None:
        reporting.on_ended(summary)
    notify(execute.notify, str(summary), summary.as_data())
    return summary


def _state(session: Session, series_id: int, folder: ResultsFolder) -> tuple[SeriesSummary, bool]:
    """Return the series, and whether there is nothing to do: not even to clear up after a dead runner."""
    [series] = series_summaries(session, [series_id])
    # Not from the counts: rows that were changed with SQL are not counted.
    is_done = claimable_work(session, series_id, limit=1).is_empty
    return series, is_done and not any_alive(session) and not folder.runner_ids()


def _afterwards(
    session: Session, known: SeriesSummary, ending: Ending
) -> tuple[SeriesSummary, int, dict[str, int]]:
    """Return the series, how many experiments this run completed, and how many failed, by outcome.

    If the database was away at the end, it is not waited for: `known` is returned.
    """
    if ending.waiting is not None:
        return known, 0, {}

    def ask(session: Session) -> tuple[SeriesSummary, int, dict[str, int]]:
        [summary] = series_summaries(session, [known.id])
        counts = count_statuses(session, known.id)  # those of a summary may be slightly old
        completed_here = count_ended_by(session, ending.runner_ids).completed
        return replace(summary, counts=counts), completed_here, failure_counts(session, known.id)

    return retrying_transaction(session, ask)


def _looks_like_file(source: str) -> bool:
    return source.endswith((".yaml", ".yml")) or "/" in source or Path(source).is_file()
