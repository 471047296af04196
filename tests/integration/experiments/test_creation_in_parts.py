"""Creating large series in parts: what is committed when, and who else may write or create meanwhile."""

from __future__ import annotations

import multiprocessing
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from database.engine.registry import get_engine
from database.models import Experiment, SeriesState
from database.session.lifecycle import configure, scoped_session
from experiments import creation
from experiments.creation import SeriesChangedError, create_series
from tests.integration.experiments.creating import Write, create, rows, series_row


@pytest.mark.parametrize(("configurations", "seeds"), [(1, 11), (3, 5), (4, 4), (5, 3), (11, 1), (9, 2)])
@pytest.mark.usefixtures("small_batches")
def test_batches_cover_each_experiment_once(
    database_url: str, write: Write, configurations: int, seeds: int
) -> None:
    """However configurations and repetitions are cut, all experiments are there in breadth-first order."""
    lrs = list(range(configurations))
    created = create(write(f"grid: {{lr: {lrs}}}\nrepeat: {{seeds: {seeds}}}"))
    assert created.new == configurations * seeds
    assert rows() == [
        ({"lr": lr}, repetition, repetition * configurations + lr)
        for repetition in range(seeds)
        for lr in lrs
    ]
    with scoped_session(read_only=True) as session:
        by_id = session.scalars(select(Experiment.position).order_by(Experiment.id)).all()
    assert by_id == sorted(by_id)


@pytest.mark.alone
def test_a_large_series_is_synchronised_in_linear_time(database_url: str, write: Write) -> None:
    """A planner whose statistics know only other series does not compare all rows with all rows."""
    other = write(f"grid: {{lr: {list(range(5000))}}}", name="other", file="other.yaml")
    start = time.perf_counter()
    create(other)
    pace_s = time.perf_counter() - start  # of this machine, with all that it has to do just now
    with scoped_session() as session:
        session.execute(text("ANALYZE"))
    path = write(f"grid: {{lr: {list(range(100))}, depth: {list(range(100))}}}\nrepeat: {{seeds: 4}}")
    start = time.perf_counter()
    assert create(path).new == 40_000
    elapsed_s = time.perf_counter() - start
    assert elapsed_s < max(5, 12 * pace_s)


@pytest.mark.usefixtures("small_batches")
def test_batches_are_committed_and_a_died_creation_is_completed(database_url: str, write: Write) -> None:
    """What was written before a death stays with state `creating`; the next creation completes it."""
    path = write("grid: {lr: [1, 2, 3]}\nrepeat: {seeds: 4}")
    with pytest.MonkeyPatch.context() as patch:
        blocks = iter(range(2))
        insert = creation.statements.insert_experiments

        def die_at_third(*arguments: Any) -> int:
            if next(blocks, None) is None:
                raise KeyboardInterrupt
            return insert(*arguments)

        patch.setattr(creation.statements, "insert_experiments", die_at_third)
        with pytest.raises(KeyboardInterrupt):
            create(path)
    assert series_row().state is SeriesState.CREATING
    assert len(rows()) == 6
    created = create(path)
    assert (created.new, created.existing) == (6, 6)
    series = series_row()
    assert (series.state, series.revision) == (SeriesState.READY, 1)


@pytest.mark.usefixtures("small_batches")
def test_a_nested_scope_decides_with_the_outer_one(database_url: str, write: Write) -> None:
    """Inside a nested scope no batch is committed: undoing the outer scope undoes all."""
    with pytest.raises(ZeroDivisionError), scoped_session():
        with scoped_session() as inner:
            assert create_series(inner, write(f"grid: {{lr: {list(range(20))}}}")).new == 20
        raise ZeroDivisionError
    assert rows() == []


@pytest.mark.usefixtures("small_batches")
def test_a_series_replaced_or_deleted_meanwhile_stops_its_creation(database_url: str, write: Write) -> None:
    """Between two batches another process may change the series: two files are never mixed."""
    path = write("grid: {lr: [1, 2, 3, 4, 5]}")
    changes = {
        "created from a different file": "UPDATE experiment_series SET revision = revision + 1",
        "deleted": "DELETE FROM experiment_series",
    }
    for what, change in changes.items():
        with pytest.MonkeyPatch.context() as patch:
            commit = creation.commit_part

            def commit_and_change(
                session: Session, commit: Callable[[Session], None] = commit, change: str = change
            ) -> None:
                commit(session)
                with get_engine().begin() as other:
                    other.execute(text(change))

            patch.setattr(creation, "commit_part", commit_and_change)
            with pytest.raises(SeriesChangedError, match=f"series s was {what} by another process meanwhile"):
                create(path)
    assert create(path).new == 5


def _create_when_told(url: str, path: str, *, start: Any, answers: Any, batch_rows: int) -> None:
    configure(url)
    creation.BATCH_ROWS = batch_rows
    get_engine()
    start.wait(60)
    try:
        created = create(path)
        answers.put((created.new, created.existing))
    except BaseException as error:
        answers.put(repr(error))
        raise


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("batch_rows", [50_000, 50])
def test_two_processes_create_the_same_series_at_once(
    database_url: str, write: Write, batch_rows: int
) -> None:
    """Both succeed, each row is created once, and together they count each experiment as new once."""
    path = write(f"grid: {{lr: {list(range(60))}}}\nrepeat: {{seeds: 5}}")
    context = multiprocessing.get_context("fork")
    start, answers = context.Barrier(2), context.Queue()
    options = {"start": start, "answers": answers, "batch_rows": batch_rows}
    processes = [
        context.Process(target=_create_when_told, args=(database_url, str(path)), kwargs=options)
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    found = [answers.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(60)
    assert sum(new for new, _ in found) == 300, found
    assert all(new + existing == 300 for new, existing in found)
    assert rows() == [
        ({"lr": lr}, repetition, repetition * 60 + lr) for repetition in range(5) for lr in range(60)
    ]
    assert series_row().state is SeriesState.READY


@pytest.mark.usefixtures("small_batches")
def test_no_other_writer_waits_for_a_whole_creation(sqlite_url: str, write: Write, tmp_path: Path) -> None:
    """On SQLite the write lock is free between two batches."""
    database = sqlite_url.removeprefix("sqlite:///")
    written = 0

    def write_beside(_session: Session) -> None:
        nonlocal written
        beside = sqlite3.connect(database, timeout=0)
        beside.execute("UPDATE experiment SET priority = priority")
        beside.commit()
        beside.close()
        written += 1

    event.listen(Session, "after_commit", write_beside)
    try:
        create(write(f"grid: {{lr: {list(range(20))}}}"))
    finally:
        event.remove(Session, "after_commit", write_beside)
    assert written >= 10
