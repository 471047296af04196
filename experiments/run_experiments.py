"""Running a series: the worker, the loop, and the one function that does everything.

`run_a_single_experiment` is what a worker process is; `run_series` creates or finds a series,
runs what is pending with worker processes, and tells what came of it. Both are also resume:
completed experiments are never run again.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from database.engine.registry import configure, current_url, database_error
from database.errors import DatabaseError, ExperimentsError, NotFoundError
from database.models import ExperimentSeries
from database.queries.series_lookup import find_series
from database.session.lifecycle import close_global_session, get_session
from database.session.retry import retrying, retrying_transaction
from experiments.execution.worker_config import WorkerConfig

if TYPE_CHECKING:  # each process needs some of these only
    from experiments.attempt.in_process import Attempts
    from experiments.execution.worker_control import Control
    from experiments.isolation.isolated_attempts import ProcessIsolation
    from experiments.run.one_series import RunOptions, Source
    from experiments.run.several_series import SeveralRuns
    from experiments.run.summary import RunSummary
    from experiments.target.base import LoadedTarget


def run_a_single_experiment(
    name: str, config: WorkerConfig | Mapping[str, Any] | str | os.PathLike[str] | None = None
) -> int:
    """Be a worker of a series until nothing of it is pending.

    Opens this process's global session, hands it to `experiment_loop`, and closes it whatever
    happens. Under a supervisor `config` says whose worker this is. Called from a script of the
    user's own it registers itself as a runner with one worker and works the series to its end.

    Parameters
    ----------
    name : str
        The series.
    config : WorkerConfig, mapping or path, optional
        A mapping has the names of `WorkerConfig`. A path is a series file: the series is created or
        extended first.

    Returns
    -------
    int
        How many outcomes this worker recorded.

    Raises
    ------
    NotFoundError
        There is no series of that name; the nearest one is named.
    KeyboardInterrupt
        Ctrl-C, when there is no supervisor; what was running is pending again.
    """
    path = Path(config) if isinstance(config, str | os.PathLike) else None
    settled = WorkerConfig() if path is not None else WorkerConfig.of(config)  # type: ignore[arg-type]  # a path is none of them
    if settled.database_url:
        configure(settled.database_url, protocol=True)
    supervised = settled.worker_id is not None
    # Before a connection is open: the fork server must not inherit it.
    isolation = _isolation(settled) if supervised and settled.execution.isolation == "process" else None
    session = _open_session(patient=supervised)
    try:
        if supervised:
            return experiment_loop(session, replace(settled, name=name), isolation)
        return _run_alone(session, name, settled, path)
    finally:
        close_global_session()


def experiment_loop(
    session: Session,
    config: WorkerConfig,
    isolation: ProcessIsolation | None = None,
    control: Control | None = None,
) -> int:
    """Claim, run and record experiments of the series of `config` until nothing is pending.

    Parameters
    ----------
    session : Session
        This process's; committed by each transaction of the protocol, idle while user code runs.
    config : WorkerConfig
        With the ids of a registered runner and worker.
    isolation : ProcessIsolation, optional
        Gives each experiment a process of its own.
    control : Control, optional
        Says when to stop; by default the supervisor does, by `config.control`.

    Returns
    -------
    int
        How many outcomes were recorded.

    Raises
    ------
    FencedError
        The worker was declared dead.
    """
    # Not needed by the command, and numpy comes with it.
    from experiments.attempt.in_process import InProcessAttempts
    from experiments.execution.worker_control import Control
    from experiments.journal import JournalWriter
    from experiments.output.capture import OutputCapture
    from experiments.worker.loop import Post, Worker

    runner_id, worker_id = config.identity()
    folder = config.folder()
    supervised = config.control is not None
    capture = OutputCapture(folder.capture(runner_id, worker_id)) if supervised else None
    execution = config.execution
    if not supervised:  # nobody would start another worker in its place
        execution = replace(execution, recycle_after=None, recycle_growth_bytes=None)
    series = retrying_transaction(
        session, lambda each: find_series(each, config.series_id or config.name), deadline_s=math.inf
    )
    control = control or Control(config.control)
    if isolation is not None:
        attempts: Attempts = isolation.attempts(series, folder.capture(runner_id, worker_id), control)
    else:
        attempts = InProcessAttempts(_load(series), owns_process=supervised)
    worker = Worker(
        session,
        Post(series.id, series.folder, worker_id, folder, execution, canary=config.canary),
        attempts=attempts,
        journal=JournalWriter(folder.journal(runner_id, worker_id)),
        control=control,
        capture=capture,
    )
    return worker.run()


def run_series(source: Source, options: RunOptions | None = None) -> RunSummary:
    """Create or extend a series, run what is pending, and tell what came of it; always also resume.

    Uses this process's database and its global session, which is closed at the end.

    Parameters
    ----------
    source : str, Path, mapping or LoadedSeries
        A series file, what one would contain, or the name of a series that is recorded already.
    options : RunOptions, optional
        How to run it.

    Raises
    ------
    SeriesFileError
        The file is wrong; nothing was written.
    NotFoundError
        There is no file and no series of that name.
    """
    from experiments.run.one_series import RunOptions, check_source, prepare_series, run_prepared_series

    source = check_source(source)  # before a database is touched, or made
    configure(current_url(), protocol=True, create=not isinstance(source, str))
    session = get_session()
    try:
        series, created = prepare_series(session, source)
        return run_prepared_series(session, series, created=created, options=options or RunOptions())
    finally:
        close_global_session()


def run_several_series(sources: Sequence[Source], options: RunOptions | None = None) -> SeveralRuns:
    """Run several series one after another, as `run_series` does each; always also resume.

    All are checked before anything is written, and all are recorded before any is run. The highest
    priority is next, read again each time; of equal ones, the first given. A paused series is left out.
    A signal stops them all.

    Parameters
    ----------
    sources : sequence
        What `run_series` takes; at least one.
    options : RunOptions, optional
        How to run each of them.

    Raises
    ------
    SeriesFileError
        A file is wrong; nothing was written.
    NotFoundError
        There is no file and no series of a name; nothing was written.
    SeriesGivenTwiceError
        Two files describe series of one name; nothing was written.
    """
    from experiments.run.one_series import RunOptions, check_source
    from experiments.run.several_series import refuse_repeated_names, run_in_turn

    checked = [check_source(source) for source in sources]  # before a database is touched, or made
    refuse_repeated_names(checked)
    named = any(isinstance(source, str) for source in checked)
    configure(current_url(), protocol=True, create=not named)
    session = get_session()
    try:
        return run_in_turn(session, checked, options or RunOptions())
    finally:
        close_global_session()


def _isolation(config: WorkerConfig) -> ProcessIsolation:
    from experiments.isolation.isolated_attempts import ProcessIsolation

    return ProcessIsolation(config)


def _open_session(*, patient: bool) -> Session:
    """Open the global session; a worker waits for a server that is away, for as long as it has its runner."""
    return retrying(get_session, deadline_s=math.inf if patient else 0.0)


def _run_alone(session: Session, name: str, config: WorkerConfig, path: Path | None) -> int:
    """Be runner and worker of a series in a process of the user's own."""
    from experiments.run.one_series import RunOptions, check_source, prepare_series, run_prepared_series

    series, created = prepare_series(session, check_source(path if path is not None else name))
    if series.name != name:
        raise NotFoundError(f"{path} describes the series {series.name!r}, not {name!r}")
    folder = Path(config.results_directory) if config.results_directory else None
    summary = run_prepared_series(
        session, series, created=created, options=RunOptions(workers=0, results_directory=folder)
    )
    if summary.stopped_by is not None:
        raise KeyboardInterrupt
    return (summary.after.completed + summary.after.failed) - (
        summary.before.completed + summary.before.failed
    )


def _load(series: ExperimentSeries) -> LoadedTarget:
    from experiments.target.parsing import parse_target

    return parse_target(series.target, series.source_path or Path.cwd()).load()


def main(arguments: Sequence[str] | None = None) -> None:
    """Create, run or resume series, as `experiments run` does."""
    import argparse

    from experiments.progress.displays import choose_display
    from experiments.run.one_series import RunOptions

    parser = argparse.ArgumentParser(prog="python -m experiments.run_experiments", description=main.__doc__)
    parser.add_argument("sources", nargs="+", help="series files, or names of recorded series")
    parser.add_argument("--workers", type=int, help="worker processes; 0 runs everything in this process")
    parser.add_argument("--database", help="the database's URL")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.database:
            try:
                configure(chosen.database)
            except DatabaseError as error:  # nothing was opened: the URL is wrong, not the database
                parser.error(str(error))
        options = RunOptions(workers=chosen.workers, display=choose_display())
        several = len(chosen.sources) > 1
        summary = (
            run_several_series(chosen.sources, options) if several else run_series(chosen.sources[0], options)
        )
    except (ExperimentsError, DBAPIError) as error:
        known = error if isinstance(error, ExperimentsError) else database_error(error)
        sys.stderr.write(f"{known}\n")
        sys.exit(known.exit_code)
    sys.stdout.write(f"{summary}\n")
    sys.exit(summary.exit_code)


if __name__ == "__main__":
    main()
