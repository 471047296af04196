"""Running series: the functions that scripts, commands and worker processes call.

`run_series` creates or finds a series, runs what is pending, and returns a summary;
`run_a_single_experiment` runs as one worker. Both also resume: completed experiments
are never run again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from database.engine.registry import configure, configured_for_runs, current_url, database_error, get_engine
from database.engine.wrong_use import WrongUseError, described
from database.errors import DatabaseError, ExperimentsError, NotFoundError, SessionMisuseError
from database.process_identity import process_began
from database.session.lifecycle import close_global_session, get_session
from experiments.creation import Source
from experiments.execution.options import RunOptions
from experiments.execution.worker_config import WorkerConfig
from experiments.processes.hash_seed import restart_with_hashes_of_workers
from experiments.run.one_series import (
    announce_serial,
    check_first_target,
    load_source,
    prepare_series,
    run_prepared_series,
)
from experiments.run.reporting import Reporting
from experiments.run.several_series import SeveralRuns, refuse_repeated_names, run_in_turn
from experiments.run.summary import RunSummary
from experiments.series_file.loading import LoadedSeries

if TYPE_CHECKING:
    from experiments.worker.run import experiment_loop

__all__ = [
    "Reporting",
    "RunOptions",
    "RunSummary",
    "SeveralRuns",
    "Source",
    "WorkerConfig",
    "experiment_loop",
    "run_a_single_experiment",
    "run_series",
    "run_several_series",
]


def __getattr__(name: str) -> Any:
    if name == "experiment_loop":
        from experiments.worker.run import experiment_loop  # noqa: PLC0415 - what workers import is not for the command

        return experiment_loop
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def run_a_single_experiment(
    name: str, config: WorkerConfig | Mapping[str, Any] | str | os.PathLike[str] | None = None
) -> int:
    """Run as a worker of a series until nothing of it is pending.

    Opens this process's global session, passes it to `experiment_loop`, and always
    closes it. Under a supervisor `config` names its runner. Called from a script of the
    user's own it registers itself as a runner with one worker and runs the series to its end.

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
        There is no series of that name; the message suggests the nearest one.
    KeyboardInterrupt
        Ctrl-C, when there is no supervisor; what was running is pending again.
    """
    path = Path(config) if isinstance(config, str | os.PathLike) else None
    settings = WorkerConfig() if path is not None else WorkerConfig.of(config)  # type: ignore[arg-type]  # a path is none of them
    if settings.worker_id is not None:
        from experiments.worker.run import run_worker  # noqa: PLC0415 - what workers import is not for the command

        return run_worker(replace(settings, name=name))
    if not isinstance(name, str):
        raise WrongUseError(
            f"run_a_single_experiment() takes the name of a series, not {described(name)}; it opens its own "
            "session: write `run_a_single_experiment(name)`"
        )
    reporting = Reporting().since()
    source = load_source(path if path is not None else name, reporting)
    if isinstance(source, LoadedSeries) and source.file.name != name:
        raise NotFoundError(f"{path} describes the series {source.file.name!r}, not {name!r}")
    with _own_session(source, reporting=reporting, url=settings.database_url, program="worker") as session:
        return _run_alone(session, source, settings, reporting)


def run_series(
    source: Source, options: RunOptions | None = None, reporting: Reporting | None = None
) -> RunSummary:
    """Create or extend a series, run what is pending, and return a summary; also resumes earlier runs.

    Uses this process's database and its global session, which is closed at the end.

    Parameters
    ----------
    source : str, Path, mapping or LoadedSeries
        A series file, its data, or the name of a recorded series.
    options : RunOptions, optional
        How to run it.
    reporting : Reporting, optional
        Where its progress is shown; by default nowhere.

    Raises
    ------
    SeriesFileError
        The file is wrong; nothing was written.
    NotFoundError
        There is no file and no series of that name.
    """
    options, reporting = options or RunOptions(), (reporting or Reporting()).since()
    source = load_source(source, reporting)
    with _own_session(source, reporting=reporting) as session:
        announce_serial(session, [source], options, reporting)
        series, created = prepare_series(session, source, reporting)
        if created is not None and reporting.on_created is not None:
            reporting.on_created(created)
        return run_prepared_series(
            session,
            series,
            source=source,
            created=created,
            options=options,
            reporting=reporting,
        )


def run_several_series(
    sources: Sequence[Source], options: RunOptions | None = None, reporting: Reporting | None = None
) -> SeveralRuns:
    """Run several series one after another, each as by `run_series`; also resumes earlier runs.

    All are checked before anything is written, and all are recorded before any is run. The highest
    priority is next, read again each time; of equal ones, the first given. A paused series is left out.
    A signal stops them all.

    Parameters
    ----------
    sources : sequence
        At least one source, each as for `run_series`.
    options : RunOptions, optional
        How to run each of them.
    reporting : Reporting, optional
        Where their progress is shown; by default nowhere.

    Raises
    ------
    SeriesFileError
        A file is wrong; nothing was written.
    NotFoundError
        There is no file and no series of a name; nothing was written.
    SeriesGivenTwiceError
        Two files describe series of one name; nothing was written.
    """
    if isinstance(sources, str | os.PathLike | Mapping) or not isinstance(sources, Iterable):
        raise WrongUseError(
            f"run_several_series() takes a list of sources, not {described(sources)}; of one write "
            "`run_series(source)`"
        )
    options, reporting = options or RunOptions(), (reporting or Reporting()).since()
    loaded = [load_source(source, reporting) for source in sources]
    refuse_repeated_names(loaded)
    with _own_session(*loaded, reporting=reporting) as session:
        return run_in_turn(session, loaded, options, reporting)


@contextmanager
def _own_session(
    *sources: LoadedSeries | str,
    reporting: Reporting,
    url: str | None = None,
    program: str = "runner",
) -> Iterator[Session]:
    """Yield the global session, on connections for runs; afterwards this process is configured as before."""
    by_name = any(isinstance(source, str) for source in sources)
    with configured_for_runs(url or current_url(), create=not by_name, program=program):
        for source in sources:
            check_first_target(source, reporting)
        try:
            session = get_session()
            if session.get_bind() is not get_engine():  # a script's own, without the timeouts
                close_global_session()
                session = get_session()
        except SessionMisuseError as error:
            raise SessionMisuseError(
                f"a run uses the global session, so that a process has one run at a time: {error}. "
                "run_several_series() runs several, one after another, each on all cores"
            ) from error
        try:
            yield session
        finally:
            close_global_session()


def _run_alone(
    session: Session, source: LoadedSeries | str, config: WorkerConfig, reporting: Reporting
) -> int:
    """Run as runner and worker of a series in a process of the user's own."""
    series, created = prepare_series(session, source, reporting)
    folder = Path(config.results_directory) if config.results_directory else None
    summary = run_prepared_series(
        session,
        series,
        source=source,
        created=created,
        options=replace(config.options, workers=0, results_directory=folder),
        reporting=reporting,
    )
    if summary.stopped_by is not None:
        raise KeyboardInterrupt
    return (summary.after.completed + summary.after.failed) - (
        summary.before.completed + summary.before.failed
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Create, run or resume series, as `experiments run` does."""
    import argparse  # noqa: PLC0415 - the command has a parser of its own

    from experiments.progress.displays import choose_display  # noqa: PLC0415 - as above

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
        restart = restart_with_hashes_of_workers if arguments is None else None
        reporting = Reporting(
            choose_display(), before_serial=restart, begun=None if arguments is not None else process_began()
        )
        options = RunOptions(chosen.workers)
        summary = (
            run_several_series(chosen.sources, options, reporting)
            if len(chosen.sources) > 1
            else run_series(chosen.sources[0], options, reporting)
        )
    except (ExperimentsError, DBAPIError) as error:
        known = error if isinstance(error, ExperimentsError) else database_error(error)
        sys.stderr.write(f"{known}\n")
        sys.exit(known.exit_code)
    sys.stdout.write(f"{summary}\n")
    sys.exit(summary.exit_code)


if __name__ == "__main__":
    main()
