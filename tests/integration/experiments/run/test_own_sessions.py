"""A run uses the session of its process, with the timeouts of the protocol, and puts back what was."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from pathlib import Path

import pytest
from sqlalchemy import text

from database.engine.registry import configure
from database.errors import ExperimentsError, SessionMisuseError
from database.session.lifecycle import get_session, scoped_session
from experiments.run_experiments import RunOptions, run_a_single_experiment, run_series
from tests.integration.database.recorded_series import in_thread, names
from tests.integration.databases import on_sqlite
from tests.integration.experiments.creating import Write

SHOWN = "SELECT current_setting('statement_timeout'), current_setting('application_name')"
ASKING = f"""
from database.session import get_session
from sqlalchemy import text
def main(lr=0, *, seed):
    session = get_session()
    timeout, name = session.execute(text("{SHOWN}")).one()
    session.rollback()
    return {{"timeout": timeout, "name": name}}
"""
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def test_worker_alone_has_the_timeouts(postgres_url: str, folder: Path, write: Write) -> None:
    """Called alone, by file or by name, it has the timeouts and a name of its own; the script has none."""
    (folder / "train.py").write_text(ASKING)
    path = write("repeat: {seeds: 1}")
    get_session().scalar(text("SELECT 1"))  # the script's own, which would have no timeouts
    get_session().rollback()
    for config in (path, None):
        assert run_a_single_experiment("s", config) == (1 if config else 0)
        if config:
            write("repeat: {seeds: 1}")
    with scoped_session() as session:
        results = session.execute(text("SELECT results FROM experiment")).scalars().all()
        assert results == [{"timeout": "1min", "name": f"experiments:worker:{os.getpid()}"}]
        assert tuple(session.execute(text(SHOWN)).one()) == ("0", f"experiments:script:{os.getpid()}")


@on_sqlite
def test_name_of_another_series(database_url: str, write: Write) -> None:
    """A file that describes another series is refused before anything is written."""
    with pytest.raises(ExperimentsError, match="describes the series 's', not 't'"):
        run_a_single_experiment("t", write("repeat: {seeds: 1}"))
    assert names() == []


@on_sqlite
def test_run_in_another_thread(database_url: str, write: Write) -> None:
    """While one thread has the session, a run in another one is told that a process has one run at a time."""
    path = write("repeat: {seeds: 1}")
    get_session()
    [error] = in_thread(lambda: run_series(path))
    assert isinstance(error, SessionMisuseError)
    assert "a process has one run at a time" in str(error)
    assert "run_several_series() runs several" in str(error)


def _run(path: Path, workers: int, url: str) -> str:
    configure(url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return str(run_series(path, RunOptions(workers=workers)))


@on_sqlite
def test_run_in_a_pool(database_url: str, write: Write) -> None:
    """In a process of multiprocessing.Pool, which may start none, a run says so; a serial one works."""
    path = write("repeat: {seeds: 2}")
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        with pytest.raises(ExperimentsError, match=r"multiprocessing.Pool, which may start none.*workers=0"):
            pool.apply(_run, (path, 2, database_url))
        assert "2 of 2 experiments completed" in pool.apply(_run, (path, 0, database_url))
