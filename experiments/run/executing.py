"""Executing what is pending of a series; imported only where anything is, as its imports take long."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext

from database.counters import StatusCounts
from database.engine.registry import current_url
from database.errors import ExperimentsError
from database.models import ExperimentSeries
from database.queries.overview import SeriesSummary
from database.settings import Settings
from experiments.execution.assignment import Assignment, Ending, RunnerStatus
from experiments.execution.options import RunOptions
from experiments.executors.choice import LOCAL_PROCESSES, SERIAL, make_executor
from experiments.output.results_folder import ResultsFolder
from experiments.progress.displays import display_for
from experiments.progress.poller import Poller
from experiments.progress.tracker import ProgressTracker, suspend_hint
from experiments.run.reporting import Reporting
from experiments.series_file.models import SeriesFile
from experiments.supervisor.name_notice import NameNotice
from experiments.target.parsing import target_of
from experiments.target.preloading import announce
from experiments.target.provenance import collect_provenance


def execute(
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


def assign(
    series: ExperimentSeries, options: RunOptions, files: Mapping[str, str], folder: ResultsFolder
) -> Assignment:
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
    target = target_of(series)
    execution = execute.execution(workers)
    # With `isolation: process` each worker's fork server has it loaded.
    preloaded = execution.preload and execution.isolation == "pool"
    announce(str(target) if preloaded else None, os.fspath(target.code))
    return Assignment(
        series_id=series.id,
        series_name=series.name,
        series_folder=series.folder,
        database_url=url.render_as_string(hide_password=False),
        folder=folder,
        provenance=collect_provenance(target.code, options.arguments, results=folder.root),
        code=files,
        executor=SERIAL if workers == 0 else LOCAL_PROCESSES,
        workers=workers,
        start_method=Settings.from_environment().start_method,
        execution=execution,
        options=options,
    )


def _is_pool_worker() -> bool:
    multiprocessing = sys.modules.get("multiprocessing.process")  # imported in such a process
    return multiprocessing is not None and multiprocessing.current_process().daemon
