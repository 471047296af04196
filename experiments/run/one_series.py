"""One run of a series: its assignment, its executor, and its summary."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from database import clock
from database.claims.lookups import claimable_work
from database.claims.runners import any_alive
from database.counters import StatusCounts, count_ended_by
from database.engine.registry import current_url, get_engine
from database.errors import DatabaseMissingError, ExperimentsError
from database.models import ExperimentSeries
from database.queries.failures import failure_counts
from database.queries.overview import SeriesSummary, count_statuses, series_summaries
from database.queries.series_lookup import find_series
from database.session.retry import retrying_transaction
from database.settings import Settings, results_directory
from experiments.creation import Created, Source, check_target, create_series
from experiments.execution.assignment import Assignment, Ending, RunnerStatus
from experiments.execution.options import Execution, RunOptions
from experiments.executors.choice import LOCAL_PROCESSES, SERIAL, make_executor
from experiments.output.results_folder import ResultsFolder
from experiments.progress.displays import display_for
from experiments.progress.model import Display
from experiments.progress.poller import Poller
from experiments.progress.preparation import preparing
from experiments.progress.tracker import ProgressTracker, suspend_hint
from experiments.run.before_start import about_notification, warn_before_start
from experiments.run.notification import notify
from experiments.run.other_code import check_code, read_current_code
from experiments.run.summary import STOPPED_EXIT_CODE, RunSummary
from experiments.series_file.loading import LoadedSeries, load_series_file
from experiments.series_file.models import SeriesFile
from experiments.supervisor.name_notice import NameNotice
from experiments.target.current_code import has_run
from experiments.target.parsing import target_of
from experiments.target.provenance import collect_provenance

logger = logging.getLogger(__name__)


class SeriesPausedError(ExperimentsError):
    """The series is paused; nothing of it was run."""

    exit_code = STOPPED_EXIT_CODE


@dataclass(frozen=True)
class Reporting:
    """Where a run shows its progress and its result.

    Attributes
    ----------
    display : Display or None
        Shows the progress; None shows nothing.
    on_created : callable or None
        Called with the result of creation, before anything runs.
    on_ended : callable or None
        Called with the summary of a series as soon as its run has ended.
    before_serial : callable or None
        Called when all is checked and nothing written, if experiments will run in this process.
    begun : float or None
        When the command began, by `database.clock.monotonic`; by default when the function is called.
    """

    display: Display | None = None
    on_created: Callable[[Created], None] | None = None
    on_ended: Callable[[RunSummary], None] | None = None
    before_serial: Callable[[], None] | None = None
    begun: float | None = None

    def since(self) -> Reporting:
        """Return it with the time now, if there was none."""
        return self if self.begun is not None else replace(self, begun=clock.monotonic())

    def tell(self, text: str) -> AbstractContextManager[None]:
        """Tell on the display what is done before experiments start, while the context is entered."""
        return preparing(self.display, text)


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
    session: Session, source: LoadedSeries | str, reporting: Reporting
) -> tuple[ExperimentSeries, Created | None]:
    """Create or extend the series of a loaded file, or find a recorded one by name.

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
    before, is_over = retrying_transaction(session, lambda session: _state(session, series.id))
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
            ending, latest = _execute(
                assign(series, options, code), before, reporting, warn=warn, names=names
            )
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


def _state(session: Session, series_id: int) -> tuple[SeriesSummary, bool]:
    """Return the series, and whether there is nothing to do: not even to take over from a dead runner."""
    [series] = series_summaries(session, [series_id])
    # Not from the counts: rows that were changed with SQL are not counted.
    return series, claimable_work(session, series_id, limit=1).is_empty and not any_alive(session)


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


def _execute(
    assignment: Assignment,
    before: SeriesSummary,
    reporting: Reporting,
    *,
    warn: Callable[[Assignment], None],
    names: NameNotice,
) -> tuple[Ending, StatusCounts]:
    """Warn, and execute, with the progress on a display; return also the latest known counts."""
    if reporting.display is None:
        warn(assignment)
        return make_executor(assignment, lambda _status: None, names).run(), before.counts
    is_serial = assignment.executor == SERIAL  # Ctrl-Z suspends the experiments too
    shown_on = display_for(reporting.display, assignment.workers)
    starting = RunnerStatus(starting=assignment.workers)
    with ProgressTracker(Poller(before), shown_on, begun=reporting.begun, status=starting) as tracker:
        warn(assignment)  # a display may be for programs: they read warnings as it writes them
        with nullcontext() if is_serial else suspend_hint(tracker):
            ending = make_executor(assignment, tracker.observe, names).run()
        return ending, tracker.counts


def assign(series: ExperimentSeries, options: RunOptions, files: Mapping[str, str]) -> Assignment:
    """Return the assignment of an executor, from the series' file, the options and the code on disk."""
    execute = SeriesFile.recorded(series.resolved, needed=["execute"]).execute
    workers = execute.worker_count(options.workers)
    if workers and _is_pool_worker():
        raise ExperimentsError(
            f"series {series.name} needs worker processes, and this process is one of multiprocessing.Pool, "
            "which may start none. A run uses all cores by itself: call it once, in the main process "
            "(run_several_series() takes several series), or with RunOptions(workers=0)"
        )
    url = current_url()
    root = options.results_directory or results_directory(url)
    code = target_of(series).code
    execution = execute.execution(workers)
    start_method = Settings.from_environment().start_method
    if workers:
        _start_server(series.target, code, execution, start_method)
    return Assignment(
        series_id=series.id,
        series_name=series.name,
        series_folder=series.folder,
        database_url=url.render_as_string(hide_password=False),
        folder=ResultsFolder(root.absolute()),
        provenance=collect_provenance(code, options.arguments, results=root),
        code=files,
        executor=SERIAL if workers == 0 else LOCAL_PROCESSES,
        workers=workers,
        start_method=start_method,
        execution=execution,
        options=options,
    )


def _start_server(target: str, code: Path, execution: Execution, start_method: str) -> None:
    """Start what workers are forked from: it takes a while, in which the run can be prepared."""
    # Not at the head: most of what they import is of no use to a run without workers.
    from experiments.supervisor.worker_process import start_server  # noqa: PLC0415 - as above
    from experiments.target.preloading import announce  # noqa: PLC0415 - as above

    # With `isolation: process` each worker's fork server has it loaded.
    preloaded = execution.preload and execution.isolation == "pool"
    announce(target if preloaded else None, os.fspath(code))
    start_server(execution.threads, start_method)


def _is_pool_worker() -> bool:
    multiprocessing = sys.modules.get("multiprocessing.process")  # imported in such a process
    return multiprocessing is not None and multiprocessing.current_process().daemon


def _looks_like_file(source: str) -> bool:
    return source.endswith((".yaml", ".yml")) or "/" in source or Path(source).is_file()
