"""What a run tells at its end, however it ends."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from database import clock
from database.engine.registry import current_url
from database.models import Experiment, ExperimentStatus, ProcessState, Runner
from database.queries.series_lookup import find_series
from database.series.retry_and_delete import retry
from database.session.lifecycle import scoped_session
from database.settings import results_directory
from experiments.creation import create_series
from experiments.execution.assignment import Assignment, Ending, Observer, RunnerStatus, Stage
from experiments.output.results_folder import ResultsFolder
from experiments.progress.model import Display
from experiments.run import executing, one_series
from experiments.run_experiments import Reporting, RunOptions, run_series, run_several_series
from experiments.series_file.reading.errors import SeriesFileError
from experiments.supervisor.restart_backoff import WorkersDieError


@pytest.fixture
def source(tmp_path: Path, sqlite_url: str) -> Path:
    (tmp_path / "target.py").write_text("def main(x):\n    return {'y': x}\n")
    path = tmp_path / "s.yaml"
    path.write_text(
        "name: s\nrun: {function: target.py:main}\ngrid: {x: [1, 2]}\nexecute: {notify: {bell: true}}\n"
    )
    return path


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(one_series, "notify", lambda _section, text, data: found.append((text, data)))
    return found


def replace_executor(monkeypatch: pytest.MonkeyPatch, work: Callable[[Assignment, Observer], Ending]) -> None:
    """Let `work` be what the executor of the next run does."""

    class Replaced:
        def __init__(self, assignment: Assignment, observe: Observer, _names: object) -> None:
            self._told = assignment, observe

        def run(self) -> Ending:
            return work(*self._told)

    monkeypatch.setattr(executing, "make_executor", Replaced)


def test_stopped_by_a_rule(source: Path, told: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The executor's rule and the options reach the summary, the exit code and whoever is notified."""
    seen: list[Assignment] = []

    def work(assignment: Assignment, _observe: object) -> Ending:
        seen.append(assignment)
        return Ending(rule="2 experiments have failed")

    replace_executor(monkeypatch, work)
    summary = run_series(source, RunOptions(canary=True, max_time_s=90.0))
    assert (seen[0].options.canary, seen[0].options.max_time_s) == (True, 90.0)
    assert (summary.rule, summary.exit_code) == ("2 experiments have failed", 4)
    [(text, data)] = told
    assert text == str(summary)
    assert (data["exit_code"], data["rule"]) == (4, "2 experiments have failed")


IMPORTED = "open(__file__ + '.imported', 'a').write('x')\n"


def imports(source: Path) -> int:
    """Return how often the target of `source` has been imported; forget it."""
    file = source.with_name("target.py.imported")
    count = len(file.read_text()) if file.exists() else 0
    file.unlink(missing_ok=True)
    return count


def test_unchanged_target_is_not_checked_again(source: Path) -> None:
    """A target is imported for a check when experiments are new or its code is; else only where it runs."""
    target = source.with_name("target.py")
    target.write_text(IMPORTED + target.read_text())
    options = RunOptions(workers=1)
    run_series(source, options)
    assert imports(source) == 2  # by the check and in the worker
    for again in (source, "s"):
        assert run_series(again, options).exit_code == 0
        with scoped_session() as session:
            create_series(session, source)
        assert imports(source) == 0
    with scoped_session() as session:
        retry(session, find_series(session, "s").id, [ExperimentStatus.COMPLETED])
    run_series(source, options)
    assert imports(source) == 1  # in the worker
    target.write_text(IMPORTED + "def main(y):\n    return {}\n")
    with pytest.raises(SeriesFileError, match="does not take 'x'"):
        run_series(source, options)
    assert imports(source) == 1


def test_target_that_cannot_be_imported_any_more(source: Path) -> None:
    """What unchanged code needs may be gone: the run ends with the reason, and nothing is charged."""
    source.with_name("target.py").write_text(
        "import os\nif os.path.exists(__file__ + '.gone'): raise OSError('no licence')\n"
        "def main(x): return {}\n"
    )
    options = RunOptions(workers=1)
    run_series(source, options)
    with scoped_session() as session:
        retry(session, find_series(session, "s").id, [ExperimentStatus.COMPLETED])
    source.with_name("target.py.gone").touch()
    with pytest.raises(WorkersDieError, match=r"(?s)5 workers in a row died before they started.*no licence"):
        run_series(source, options)
    with scoped_session(read_only=True) as session:
        assert {experiment.status for experiment in session.scalars(select(Experiment))} == {"pending"}


def test_nothing_to_do(source: Path) -> None:
    """A run that has nothing to do registers no runner; one beside a dead runner does, and takes over."""
    run_series(source, RunOptions(workers=0))
    for _ in range(2):
        assert run_series(source, RunOptions(workers=0)).completed_here == 0
    with scoped_session() as session:
        [runner] = session.scalars(select(Runner))
        runner.state, runner.pid = ProcessState.ALIVE, 2**22 + 1
    run_series(source, RunOptions(workers=0))
    with scoped_session(read_only=True) as session:
        assert sorted(runner.state for runner in session.scalars(select(Runner))) == ["dead", "stopped"]
    remains = ResultsFolder(results_directory(current_url())).make_runner(runner.id)
    run_series(source, RunOptions(workers=0))
    assert not remains.exists()


def test_ended_by_an_error(source: Path, told: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is notified hears of an error, which goes on its way."""

    def work(*_arguments: object) -> Ending:
        raise WorkersDieError("they die")

    replace_executor(monkeypatch, work)
    with pytest.raises(WorkersDieError):
        run_series(source)
    assert told == [("s: ended by an error: they die", {"series": "s", "error": "they die"})]


class Remembering(Display):
    """A display that remembers what it is told."""

    every_s = 0.01
    draws_last = True

    def __init__(self) -> None:
        self.shown: list[Any] = []
        self.ends: list[Any] = []

    def update(self, progress: object) -> None:
        self.shown.append(progress)

    def message(self, level: str, text: str) -> None: ...
    def end(self, summary: Any) -> None:
        self.ends.append(summary)


def test_ended_while_the_database_is_away(
    source: Path, told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was stopped while the database was away ends at once, with the counts that are known."""

    def away(*_arguments: object) -> Any:
        raise OperationalError("SELECT", {}, Exception("gone"))

    def work(_assignment: object, observe: Observer) -> Ending:
        monkeypatch.setattr(one_series, "series_summaries", away)
        monkeypatch.setattr("experiments.progress.poller.series_summaries", away)
        observe(RunnerStatus(Stage.DRAINING, away_s=60.0, waiting=1))
        return Ending(stopped_by=int(signal.SIGINT), waiting=1)

    replace_executor(monkeypatch, work)
    display = Remembering()
    summary = run_series(source, RunOptions(workers=1), Reporting(display))
    assert (summary.waiting, summary.exit_code, summary.after.experiments) == (1, 130, 2)
    assert "1 result waits in the journals" in str(summary)
    assert display.ends == [summary.as_data()]


def test_looking_while_it_runs(source: Path, told: list[Any]) -> None:
    """The database is looked at from another thread while experiments run in this one."""
    display = Remembering()
    summary = run_series(source, RunOptions(workers=0), Reporting(display))
    assert summary.exit_code == 0
    assert display.shown[-1].counts.completed == 2
    assert display.shown[-1].remaining_s == 0
    assert 0 < display.shown[-1].elapsed_s <= summary.elapsed_s


def test_times_count_from_the_start_of_the_command(source: Path, told: list[Any]) -> None:
    """The time shown and the total have what came before, of several series the first one's."""
    display = Remembering()
    other = source.with_name("other.yaml")
    other.write_text(source.read_text().replace("name: s", "name: other"))
    begun = clock.monotonic() - 1000
    runs = run_several_series([source, other], RunOptions(workers=0), Reporting(display, begun=begun)).runs
    assert [run.elapsed_s >= 1000 for run in runs] == [True, False]
    assert display.shown[0].elapsed_s >= 1000
    assert display.shown[-1].elapsed_s < 1000


def test_no_process_can_be_started(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the system refuses every new worker the run ends with what it said, and leaves all pending."""

    def refuse(_process: BaseProcess) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    start = BaseProcess.start
    monkeypatch.setattr(BaseProcess, "start", refuse)
    with pytest.raises(
        WorkersDieError, match=r"not be started .*too many open files: it may have \d+ \(ulim"
    ):
        run_series(source, RunOptions(workers=2))
    monkeypatch.setattr(BaseProcess, "start", start)
    assert run_series(source, RunOptions(workers=0)).completed_here == 2


def test_a_process_that_cannot_be_forked(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there is no room for another process, a worker is started a little later, and nothing is lost."""
    refusals = [OSError(errno.EAGAIN, "Resource temporarily unavailable"), EOFError()]
    start = BaseProcess.start

    def refuse_first(process: BaseProcess) -> None:
        if refusals:
            raise refusals.pop()
        start(process)

    monkeypatch.setattr(BaseProcess, "start", refuse_first)
    summary = run_series(source, RunOptions(workers=1))
    assert not refusals
    assert (summary.exit_code, summary.after.completed) == (0, 2)
