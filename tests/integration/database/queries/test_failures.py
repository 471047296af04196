"""Failures by cause, on both databases."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from database.models import Experiment, Outcome
from database.queries.failures import MAX_MESSAGES, Cause, failure_groups
from database.queries.overview import failure_counts
from database.session.lifecycle import SessionLocal
from tests.integration.recording import TRACEBACK, add_series, add_worker, completed, raised, record


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def test_failures_are_grouped_by_cause(session: Session) -> None:
    """One cause is an outcome, a type of error and the place where it was raised."""
    series_id = add_series(session, repetitions=6)
    ends = [
        raised(3, "0.1"),
        raised(3, "0.2"),
        raised(9, "0.3"),
        raised(3, error_type="KeyError"),
        {"outcome": Outcome.TIMED_OUT, "log_tail": "step 7"},
        raised(3, "0.4"),
        completed(a=1),
    ]
    ids = record(session, add_worker(session), series_id, ends)
    groups = failure_groups(session, series_id)
    line_3, line_9 = (f"/home/user/helpers.py:{line} in helper" for line in (3, 9))
    assert [(group.cause, group.count, group.example_id) for group in groups] == [
        (Cause("error", "ValueError", line_3, "N"), 3, ids[0]),
        (Cause("error", "KeyError", line_3, "N"), 1, ids[3]),
        (Cause("error", "ValueError", line_9, "N"), 1, ids[2]),
        (Cause("timed_out", "", ""), 1, ids[4]),
    ]
    assert groups[0].example_parameters == {"lr": 0.1}
    assert groups[0].first_at is not None
    assert groups[0].last_at is not None
    assert groups[0].first_at <= groups[0].last_at
    assert groups[0].example_message == "0.1"
    assert (groups[0].example_traceback or "").endswith("ValueError: 0.1\n")
    assert groups[3].example_log_tail == "step 7"
    assert failure_counts(session, series_id) == {"error": 5, "timed_out": 1}


def test_the_last_failures_are_counted_alone(session: Session) -> None:
    """What is to be quick looks at those that failed last, and at no retired ones."""
    series_id = add_series(session, repetitions=4)
    now = time.time()
    ends = [{**raised(), "finished_at": now - 9 + n} for n in range(3)]
    ends += [{"outcome": Outcome.TIMED_OUT, "finished_at": now - n} for n in range(3)]
    ids = record(session, add_worker(session), series_id, ends)
    assert failure_counts(session, series_id, latest=4) == {"timed_out": 3, "error": 1}
    session.execute(text("UPDATE experiment SET retired = true WHERE id = :id"), {"id": ids[5]})
    assert failure_counts(session, series_id, latest=4) == {"error": 2, "timed_out": 2}


def test_messages_tell_failures_apart(session: Session) -> None:
    """At one place, different words are different causes; different numbers and addresses are not."""
    series_id = add_series(session, repetitions=4)
    messages = ("no file 12", "no file 7", "bad 0x7f3a", "bad 0xBEE")
    record(session, add_worker(session), series_id, [raised(3, message) for message in messages])
    assert [(group.cause.message, group.count) for group in failure_groups(session, series_id)] == [
        ("bad N", 2),
        ("no file N", 2),
    ]


def test_a_place_with_too_many_messages(session: Session) -> None:
    """A place that says something else each time is one cause; other places keep theirs."""
    count = MAX_MESSAGES + 5
    series_id = add_series(session, repetitions=count)
    words = ["".join(chr(ord("a") + int(digit)) for digit in str(number)) for number in range(count)]
    ids = record(
        session,
        add_worker(session),
        series_id,
        [raised(3, f"no {word}") for word in words] + [raised(9, "a"), raised(9, "b")],
    )
    first, *others = failure_groups(session, series_id)
    assert (first.cause.message, first.count, first.example_id) == ("", count, ids[0])
    assert [(group.cause.message, group.count) for group in others] == [("a", 1), ("b", 1)]


def test_deaths_tell_failures_apart(session: Session) -> None:
    """What ended the process is part of the cause: the signal, or the exit code."""
    series_id = add_series(session, repetitions=3)
    died = {"outcome": Outcome.CRASHED, "error_type": "WorkerDied"}
    ends = [
        {**died, "signal": 11, "error_message": "killed by SIGSEGV"},
        {**died, "exit_code": 3, "error_message": "exited with code 3"},
        {**died, "exit_code": 4, "error_message": "exited with code 4"},
        {**died, "signal": 99},
    ]
    record(session, add_worker(session), series_id, ends)
    assert sorted(group.cause.death for group in failure_groups(session, series_id)) == [
        "SIGSEGV",
        "exit code 3",
        "exit code 4",
        "signal 99",
    ]


def test_crashes_are_grouped_by_place(session: Session) -> None:
    """The dump of a crash tells where it was; an earlier version left it in the output of the example."""
    series_id = add_series(session, repetitions=3)
    dump = (
        "Fatal Python error: Segmentation fault\n\n"
        'Current thread (most recent call first):\n  File "/home/ada/t.py", line {} in main\n'
    )
    died = {"outcome": Outcome.CRASHED, "signal": 11, "error_message": "its process was killed by SIGSEGV"}
    ends = [{**died, "traceback": dump.format(line), "log_tail": f"step {line}"} for line in (3, 3, 7)]
    record(
        session, add_worker(session), series_id, [*ends, {**died, "log_tail": f"step 9\n{dump.format(9)}"}]
    )
    groups = failure_groups(session, series_id)
    assert sorted((group.place, group.count, group.example_reason.output) for group in groups) == [
        ("/home/ada/t.py:3 in main", 2, "step 3"),
        ("/home/ada/t.py:7 in main", 1, "step 7"),
        ("/home/ada/t.py:9 in main", 1, "step 9"),
    ]
    assert {group.summary for group in groups} == {"its process was killed by SIGSEGV"}


def test_numbers_are_left_out_only_where_they_differ(session: Session) -> None:
    """The summary of a group is its message; with N where that of each has other numbers."""
    series_id = add_series(session, repetitions=2)
    ends = [raised(3, "base 10"), raised(3, "base 10"), raised(9, "seed 7"), raised(9, "seed 8\nx")]
    record(session, add_worker(session), series_id, ends)
    assert [(group.summary, group.details) for group in failure_groups(session, series_id)] == [
        ("ValueError: base 10", []),
        ("ValueError: seed N", ["ValueError: seed 7"]),
    ]


@pytest.mark.alone
def test_a_hundred_thousand_failures(session: Session) -> None:
    """Many failures with messages of their own are grouped within seconds, in little memory."""
    count = 100_000
    series_id = add_series(session, repetitions=1)
    _insert_failures(session, series_id, count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    session.execute(text("SELECT error_message, traceback FROM attempt LIMIT 20000")).all()
    pace_s = 5 * (time.perf_counter() - began)  # of this machine, with all that it has to do just now
    began = time.perf_counter()
    groups = failure_groups(session, series_id)
    elapsed_s = time.perf_counter() - began
    assert [(group.cause.place, group.cause.message, group.count) for group in groups] == [
        (f"/home/user/helpers.py:{line} in helper", "no luck with N and N", count // 2) for line in (0, 1)
    ]
    assert elapsed_s < max(3, 12 * pace_s)  # 0.5 to 0.7 s, 2 to 4 times as long as bare reading
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_failures_of_other_experiments(session: Session) -> None:
    """Experiments that run again, are retired, or belong to another series have not failed."""
    series_id = add_series(session)
    other_id = add_series(session, "other")
    worker_id = add_worker(session)
    ids = record(session, worker_id, series_id, [raised(), raised()])
    record(session, worker_id, other_id, [raised()])
    session.execute(update(Experiment).where(Experiment.id == ids[0]).values(status="pending"))
    session.execute(update(Experiment).where(Experiment.id == ids[1]).values(retired=True))
    assert failure_groups(session, series_id) == []
    assert failure_counts(session, series_id) == {}
    assert failure_counts(session, other_id) == {"error": 1}


def _insert_failures(session: Session, series_id: int, count: int) -> None:
    """Add failed experiments that raised at two places, each with a message of its own."""
    counting = "n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)"
    numbers = f"(WITH RECURSIVE {counting} SELECT i FROM n)"
    session.execute(
        text(
            "INSERT INTO experiment (id, series_id, configuration_id, repetition, position, seed, priority, "
            "status, retired, attempt_number) SELECT 1000000 + i, :series, "
            f"(SELECT min(id) FROM configuration), 10 + i, 10 + i, 1, 0, 'failed', false, 1 "
            f"FROM {numbers} AS numbers"
        ),
        {"count": count, "series": series_id},
    )
    message = "'no luck with ' || (7919 * CAST(i AS bigint)) || ' and ' || i"
    session.execute(
        text(
            "INSERT INTO attempt (experiment_id, number, worker_id, outcome, error_type, error_message, "
            f"traceback) SELECT 1000000 + i, 1, 'w', 'error', 'ValueError', {message}, "
            f"replace(replace(:traceback, 'LINE', CAST(i % 2 AS varchar)), 'MESSAGE', {message}) "
            f"FROM {numbers} AS numbers"
        ),
        {"count": count, "traceback": TRACEBACK.format(line="LINE", message="MESSAGE")},
    )
    session.commit()
