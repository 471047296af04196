"""The check of the storms finds what it is there to find: it is shown databases and notes that are wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from database.session.lifecycle import scoped_session
from experiments.creation import create_series
from experiments.series_file.loading import load_series_file
from tests.chaos.checker import Evidence, ExperimentRow, leftovers, violations
from tests.chaos.plan import Plan
from tests.chaos.series import CRASHES_FORGIVEN, POINTS, Notes, right_value, write_series

PLAN = Plan(seed=1, experiments=6, poison=1)
[POISON] = PLAN.poisonous
COUNTED = {"experiments": 6, "completed": 5, "failed": 1, "cancelled": 0}


def good_row(x: int) -> ExperimentRow:
    if x == POISON:
        return ExperimentRow(x, 100 + x, "failed", CRASHES_FORGIVEN + 2, None, {})
    results = {"y": right_value(x, 100 + x), "attempt": 2}
    return ExperimentRow(x, 100 + x, "completed", 2, None, results)


def good_evidence() -> Evidence:
    attempts = {x: [(1, "lost"), (2, "completed")] for x in range(6)}
    attempts[POISON] = [(1, "lost"), *((number + 2, "crashed") for number in range(CRASHES_FORGIVEN + 1))]
    points = Counter({(x, 2): POINTS for x in range(0, 6, 5)})
    return Evidence([good_row(x) for x in range(6)], attempts, points, 0, "ok", COUNTED)


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    """Return what the experiments noted themselves."""
    notes = Notes(tmp_path / "journal")
    lines = [f"start {x} {number} 77" for x in range(6) for number in (1, 2)]
    lines += [f"logged {x} {number} 77" for x in range(0, 6, 5) for number in (1, 2)]
    lines += [f"end {x} 2 77" for x in range(6) if x != POISON]
    notes.path.write_text("\n".join([*lines, "start 5"]))  # the last line is being written
    assert notes.update()
    return notes


def change_row(x: int, **values: object) -> Callable[[Evidence], Evidence]:
    """Let the database say something else of one experiment."""

    def change(evidence: Evidence) -> Evidence:
        rows = [replace(row, **values) if row.x == x else row for row in evidence.experiments]  # type: ignore[arg-type]
        return replace(evidence, experiments=rows)

    return change


def change_attempts(x: int, *attempts: tuple[int, str]) -> Callable[[Evidence], Evidence]:
    """Let the database say something else of one experiment's attempts."""
    return lambda evidence: replace(evidence, attempts={**evidence.attempts, x: list(attempts)})


BROKEN: dict[str, tuple[Callable[[Evidence], Evidence], str]] = {
    "a row is lost": (
        lambda evidence: replace(evidence, experiments=evidence.experiments[1:]),
        "each experiment has one row",
    ),
    "a row is double": (
        lambda evidence: replace(evidence, experiments=[*evidence.experiments, good_row(0)]),
        "each experiment has one row",
    ),
    "stuck in running": (change_row(1, status="running", worker_id="w"), "nobody holds it"),
    "never done": (change_row(1, status="pending"), "it is completed"),
    "wrong value": (change_row(1, results={"y": 0, "attempt": 2}), "its result is the right one"),
    "no value": (change_row(1, results={}), "its result is the right one"),
    "value of another attempt": (
        change_row(1, results={"y": right_value(1, 101), "attempt": 1}),
        "its result is the right one",
    ),
    "completed twice": (change_attempts(1, (1, "completed"), (2, "completed")), "one completed attempt"),
    "one number twice": (
        change_attempts(1, (1, "lost"), (1, "lost"), (2, "completed")),
        "each number that was claimed has one outcome",
    ),
    "a number without outcome": (
        change_attempts(1, (2, "completed")),
        "each attempt that was started has its outcome",
    ),
    "completed, then lost": (
        change_attempts(1, (1, "completed"), (2, "lost")),
        "it has one completed attempt, its last",
    ),
    "poison tried too often": (
        change_attempts(POISON, *((n, "crashed") for n in range(1, 20))),
        "as often as",
    ),
    "poison given up too early": (change_attempts(POISON, (1, "lost"), (2, "crashed")), "as often as"),
    "poison completed": (change_row(POISON, status="completed"), "poison ends as failed"),
    "poison with a result": (change_row(POISON, results={"y": 1}), "poison has no result"),
    "metrics lost": (lambda evidence: replace(evidence, points=Counter()), "its metrics are there"),
    "metrics double": (
        lambda evidence: replace(evidence, points=evidence.points + evidence.points),
        "its metrics are there",
    ),
    "metrics of a crash lost": (
        change_attempts(0, (1, "crashed"), (2, "completed")),
        "what an attempt has logged outlives it",
    ),
    "a runner that never ended": (lambda evidence: replace(evidence, alive=1), "held for alive"),
    "a wrong counter": (
        lambda evidence: replace(evidence, counted={**COUNTED, "failed": 2}),
        "the counters are the counts",
    ),
    "a damaged file": (lambda evidence: replace(evidence, integrity="page 7"), "the file is whole"),
}


def test_good(notes: Notes) -> None:
    """When all rules hold it finds nothing."""
    assert violations(PLAN, good_evidence(), notes) == []


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str, notes: Notes) -> None:
    """Each thing that may be wrong in the database is found, and its rule named."""
    change, rule = BROKEN[name]
    assert rule in "\n".join(violations(PLAN, change(good_evidence()), notes))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda notes: notes.starts.update([(1, 2)]), "no attempt is started twice"),
        (lambda notes: notes.starts.update([(1, 3)]), "each attempt that was started has its outcome"),
        (lambda notes: notes.ends.pop((1, 2)), "that attempt came to its end"),
        (lambda notes: [notes.starts.pop((1, number)) for number in (1, 2)], "it was executed"),
    ],
    ids=["twice", "unknown", "unfinished", "never"],
)
def test_notes_against_the_database(change: Callable[[Notes], object], rule: str, notes: Notes) -> None:
    """What the experiments noted and the database does not bear out is found."""
    change(notes)
    assert rule in "\n".join(violations(PLAN, good_evidence(), notes))


def test_reads_what_is_there(database_url: str, tmp_path: Path) -> None:
    """It reads rows, attempts, points and who is alive from both databases."""
    target, series = write_series(PLAN)
    for name, content in (("target.py", target), ("s.yaml", series)):
        (tmp_path / name).write_text("\n".join(line[4:] for line in content.splitlines()))
    with scoped_session() as session:
        create_series(session, load_series_file(tmp_path / "s.yaml"))
        session.execute(
            text("UPDATE experiment SET status = 'completed', attempt_number = 1, results = '{\"y\": 1}'")
        )
        session.execute(
            text(
                "INSERT INTO attempt (experiment_id, number, worker_id, outcome) "
                "SELECT id, 1, 'w', 'completed' FROM experiment"
            )
        )
        session.execute(
            text(
                "INSERT INTO metric_chunk "
                "(experiment_id, attempt_number, metric, number, count, steps, readings, seconds) "
                "SELECT id, 1, 'm', 0, 2, '', '', '' FROM experiment"
            )
        )
    evidence = Evidence.read(database_url)
    assert sorted(row.x for row in evidence.experiments) == list(range(6))
    assert {(row.status, row.attempt_number, row.worker_id) for row in evidence.experiments} == {
        ("completed", 1, None)
    }
    assert all(row.results == {"y": 1} for row in evidence.experiments)
    assert evidence.attempts == {x: [(1, "completed")] for x in range(6)}
    assert evidence.points == {(x, 1): 2 for x in range(6)}
    assert (evidence.alive, evidence.integrity) == (0, "ok")
    assert evidence.counted == {"experiments": 6, "completed": 0, "failed": 0, "cancelled": 0}


def test_reads_an_index_that_lies(sqlite_url: str, tmp_path: Path) -> None:
    """An SQLite file whose index and table differ is not whole."""
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO worker (id, runner_id, state) VALUES ('w', 'r', 'alive')")
        connection.exec_driver_sql("PRAGMA writable_schema = ON")
        connection.exec_driver_sql(
            "UPDATE sqlite_schema SET sql = replace(sql, 'alive', 'dead') WHERE name = 'ix_worker_runner_id'"
        )
    engine.dispose()
    assert Evidence.read(sqlite_url).integrity != "ok"


def test_leftovers(tmp_path: Path) -> None:
    """Folders of runners, half-written files and whatever is in the temporary folder are found."""
    results, temporary = tmp_path / "results", tmp_path / "tmp"
    (results / "storm" / "logs").mkdir(parents=True)
    temporary.mkdir()
    assert leftovers([results], temporary) == []
    (results / ".runners").mkdir()
    (results / "storm" / "logs" / ".1-1.log.7.tmp").touch()
    (temporary / "pymp-1").mkdir()
    assert leftovers([results], temporary) == [
        f"left behind: {results}/.runners",
        f"left behind: {results}/storm/logs/.1-1.log.7.tmp",
        f"left behind: {temporary}/pymp-1",
    ]
