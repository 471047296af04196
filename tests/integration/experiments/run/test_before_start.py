"""What a run says before it starts, on both databases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from database.claims.runners import Provenance
from database.counters import StatusCounts
from database.session.lifecycle import SessionLocal
from experiments.execution.assignment import Assignment
from experiments.output.results_folder import ResultsFolder
from experiments.run.before_start import warn_before_start
from experiments.series_file.sections.execute import ExecuteSection
from tests.integration.recording import add_series, add_worker, completed, record


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


class Before:
    """The start of a run on 8 cores, in an environment without variables of the user's."""

    def __init__(
        self, session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        self._session, self._monkeypatch, self._caplog = session, monkeypatch, caplog
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)))
        self.series_id = add_series(session)

    def told(
        self, threads: Any = 1, *, workers: int = 8, pending: int = 2, shown: bool = True, **variables: str
    ) -> list[str]:
        """Return what is said."""
        execute = ExecuteSection(threads=threads)
        assignment = Assignment(
            series_id=self.series_id,
            series_name="s",
            series_folder="s",
            database_url="",
            folder=ResultsFolder(Path()),
            provenance=Provenance(),
            executor="",
            workers=workers,
            execution=execute.execution(workers),
        )
        self._caplog.clear()
        with self._monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.endswith("_THREADS")]:
                patch.delenv(name)
            for name, value in variables.items():
                patch.setenv(name, value)
            counts = StatusCounts(pending=pending)
            warn_before_start(self._session, assignment, execute, counts, is_shown=shown)
        return self._caplog.messages


@pytest.fixture
def before(session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Before:
    return Before(session, monkeypatch, caplog)


def test_idle_cores(before: Before) -> None:
    """With fewer workers than cores, what more threads gain and change is said where progress is shown."""
    [told] = before.told(workers=2)
    assert told.startswith("2 workers on 8 cores, numerical libraries with 1 thread: ")
    assert "`execute.threads: 4` is faster; the last digits of results may differ" in told
    assert before.told(3, workers=1)[0].startswith("1 worker on 8 cores, numerical libraries with 3 threads")
    assert before.told(workers=2, shown=False) == before.told(workers=2, pending=0) == []
    for threads, workers in ((1, 5), (1, 0), (4, 2), ("auto", 2), ("unlimited", 1)):
        assert before.told(threads, workers=workers) == []


def test_variables_of_the_user(before: Before) -> None:
    """A variable that applies instead of `execute.threads` is told, unless it says the same."""
    assert before.told(OMP_NUM_THREADS="1", MKL_NUM_THREADS="") == []
    [told] = before.told(workers=1, OMP_NUM_THREADS="4")
    assert told == "OMP_NUM_THREADS=4 is set: numerical libraries use that, and not execute.threads: 1"
    [told] = before.told("unlimited", MKL_NUM_THREADS="2", OPENBLAS_NUM_THREADS="3")
    assert told.startswith("OPENBLAS_NUM_THREADS=3 and MKL_NUM_THREADS=2 are set: ")
    assert told.endswith("and not execute.threads: unlimited")


def test_other_numbers_before(before: Before, session: Session) -> None:
    """Completed experiments with other numbers are told with what goes on as before; unknown ones are not."""
    worker_id = add_worker(session)
    record(session, worker_id, before.series_id, [completed(a=1)])
    assert before.told() == []
    record(session, worker_id, before.series_id, [{**completed(a=1), "threads": n} for n in (2, 1)])
    [told] = before.told()
    assert told == (
        "s: 1 completed experiment ran with 2 threads of numerical libraries, this run has execute.threads: "
        "1: the last digits of results may differ. `execute.threads: 2` goes on as before"
    )
    assert (
        "ran with 1 thread of numerical libraries, this run has execute.threads: unlimited"
        in (before.told("unlimited")[0])
    )
    assert before.told(2)[0].startswith("s: 1 completed experiment ran with 1 thread of")
    _, told = before.told(OMP_NUM_THREADS="4")
    assert told.startswith(
        "s: 2 completed experiments ran with 1 or 2 threads of numerical libraries, this run has "
    )
    assert "OMP_NUM_THREADS=4: " in told
    assert told.endswith("`execute.threads: 2` without OMP_NUM_THREADS goes on as before")
    assert before.told(pending=0) == []
