"""Where a worker dies decides what becomes of its attempts: what has begun is recorded, the rest released.

The worker's loop, its journal, the reader and the database are the real ones; only the target is made up.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.claims import protocol
from database.claims.types import Finished, RetryPolicy, Token
from database.code_names import code_id
from database.models import Attempt, Experiment, ExperimentSeries, ExperimentStatus, Outcome, ProcessState
from database.models import Worker as WorkerRow
from database.session.lifecycle import SessionLocal
from experiments import journal
from experiments.attempt.in_process import Attempts
from experiments.attempt.single import Task
from experiments.execution.options import Execution
from experiments.execution.worker_config import WorkerConfig
from experiments.execution.worker_control import WorkerControl
from experiments.journal import JournalReader, RecordKind
from experiments.processes.exit_status import ExitStatus
from experiments.supervisor.recovery import WorkerDeath, collect_unrecorded
from experiments.worker import loop
from experiments.worker.loop import Worker
from tests.integration.databases import on_sqlite
from tests.integration.recording import add_series, add_worker

POLICY = RetryPolicy({Outcome.CRASHED: 2}, delay_s=0.0)
DEATH = WorkerDeath(Outcome.CRASHED, ExitStatus.of(1))
CODE = {"train.py": "digest"}
HEAD = struct.Struct("<4sBqIdII")


class Died(BaseException):
    """The end of the worker's process."""


@dataclass
class Pen(Attempts):
    """What a worker's journal is written with, and what its experiments do: it dies at a record.

    `breaks` is the record, counted from 0, from which on finishes are written as by a process in which an
    experiment has replaced `len`.
    """

    dies_at: int
    breaks: int = 10**9
    written: list[tuple[RecordKind, Token, bytes]] = field(default_factory=list)
    begun: list[Token] = field(default_factory=list)

    def write(self, file: int, data: memoryview) -> int:
        head = list(HEAD.unpack_from(data))
        if head[1] == RecordKind.FINISHED and len(self.written) >= self.breaks:
            head[5] = 3
            data = memoryview(HEAD.pack(*head) + bytes(data[HEAD.size :]))
        self.written.append((RecordKind(head[1]), (head[2], head[3]), bytes(data)))
        if len(self.written) > self.dies_at:
            raise Died
        return real_write(file, data)

    @property
    def code(self) -> Mapping[str, str]:
        return CODE

    def notify(self, on_edit: Callable[[], None]) -> None:
        pass

    def attempt(self, task: Task) -> Finished:
        self.begun.append(task.claim.token)
        return Finished(*task.claim.token, Outcome.COMPLETED, 1.0, 1.5, 0.01, results='{"y":1}')


real_write = journal.write


@dataclass
class Life:
    """One worker, from its registration to its death."""

    worker_id: str
    path: Path
    pen: Pen

    def read(self, *, is_read_before: bool = False) -> tuple[list[Finished], bool]:
        """Return what the supervisor finds: the attempts to record, and whether the journal is whole."""
        reader = JournalReader(self.path)
        if is_read_before:
            reader.poll()
        finished = collect_unrecorded(reader, Path("/dev/null"), lambda _: None, DEATH)
        reader.close()
        return finished, reader.is_whole()

    def finalize(self, session: Session, found: tuple[list[Finished], bool]) -> dict[Token, Outcome]:
        """Record and release as the supervisor does; return the outcomes. The caller commits."""
        protocol.finalize_worker(
            session,
            self.worker_id,
            found[0],
            state=ProcessState.DEAD,
            policy=POLICY,
            unseen=None if found[1] else DEATH.unseen,
        )
        session.expire_all()
        left = select(Experiment).where(Experiment.worker_id == self.worker_id)
        assert session.scalars(left).first() is None
        rows = session.scalars(select(Attempt).where(Attempt.worker_id == self.worker_id))
        return {(row.experiment_id, row.number): row.outcome for row in rows}


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def live(session: Session, series_id: int, folder: Path, pen: Pen) -> Life:
    """Let a worker work until it dies."""
    worker_id = add_worker(session)
    runner_id = session.get_one(WorkerRow, worker_id).runner_id
    config = WorkerConfig(
        results_directory=str(folder),
        runner_id=runner_id,
        worker_id=worker_id,
        series_id=series_id,
        execution=Execution(policy=POLICY),
    )
    series = session.get_one(ExperimentSeries, series_id)
    config.folder().make_runner(runner_id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "write", pen.write)
        patch.setattr(loop, "BATCH_S", 1000.0)  # the sizes of batches do not depend on the host: 1, 2
        patch.setattr(loop, "RECORD_EVERY_S", 1000.0)
        worker = Worker(session, config, series, attempts=pen, control=WorkerControl(None))
        session.rollback()
        try:
            worker.run()
        except Died:
            session.rollback()
    return Life(worker_id, config.folder().journal(runner_id, worker_id), pen)


def expected(life: Life, complete: int) -> dict[Token, Outcome]:
    """Return the outcome of each attempt of which a record is complete."""
    found = {}
    for kind, token, _ in life.pen.written[:complete]:
        if kind is RecordKind.STARTED:
            found[token] = Outcome.CRASHED
        elif kind is RecordKind.FINISHED:
            found[token] = Outcome.COMPLETED
    return found


def test_death_before_in_and_after_each_record(session: Session, tmp_path: Path) -> None:
    """A worker that dies before, in or after a record: what has begun has its outcome, the rest is released.

    The tail is cut at each byte.
    """
    ends = Counter[Outcome]()
    for record in range(100):
        series_id = add_series(session, f"s{record}", parameters=[{"x": 1}], repetitions=3)
        life = live(session, series_id, tmp_path, Pen(record))
        if len(life.pen.written) <= record:
            break
        before, last = life.path.read_bytes(), life.pen.written[-1][2]
        outcomes: dict[str, dict[Token, Outcome]] = {}  # the database need not be asked twice for the same
        for cut in range(len(last) + 1):
            life.path.write_bytes(before + last[:cut])
            finished, is_whole = life.read()
            found = str(([(one.token, one.outcome) for one in finished], is_whole))
            if found not in outcomes:
                outcomes[found] = life.finalize(session, (finished, is_whole))
                session.rollback()
            begun = {token: end for token, end in outcomes[found].items() if end is not Outcome.RELEASED}
            assert begun == expected(life, record + (cut == len(last))), (record, cut)
            assert set(life.pen.begun) <= set(begun)
            assert {one.code for one in finished} <= {code_id(CODE)}
            ends.update(outcomes[found].values())
    assert record == 12
    assert set(ends) == {Outcome.COMPLETED, Outcome.CRASHED, Outcome.RELEASED}


@on_sqlite
@pytest.mark.parametrize(
    "damage", ["missing", "empty", "garbage", "cut", "garbage behind", "overwritten end"]
)
def test_journal_that_cannot_be_read(session: Session, tmp_path: Path, damage: str) -> None:
    """Then what the database shows as running is charged, as it may have begun; the rest is not."""
    series_id = add_series(session, parameters=[{"x": 1}], repetitions=4)
    life = live(
        session, series_id, tmp_path, Pen(5)
    )  # 1 is recorded, 2 and 3 are claimed, none of them begun
    data = life.path.read_bytes()
    [two, three] = session.scalars(select(Experiment).where(Experiment.worker_id == life.worker_id))
    assert (two.status, three.status) == (ExperimentStatus.RUNNING, ExperimentStatus.CLAIMED)
    tokens = [(one.id, one.attempt_number) for one in (two, three)]
    session.rollback()
    if damage == "missing":
        life.path.unlink()
    elif damage == "garbage behind":  # of a start that may be the next record
        life.path.write_bytes(data + b"\0" * 40)
    else:
        damaged = {
            "empty": b"",
            "garbage": b"?" * 70,
            "cut": data[40:],
            "overwritten end": data[:-9] + b"!" * 9,
        }
        life.path.write_bytes(damaged[damage])
    found = life.finalize(session, life.read())
    assert [found[token] for token in tokens] == [Outcome.CRASHED, Outcome.RELEASED]
    messages = session.scalars(select(Attempt.error_message).where(Attempt.outcome == Outcome.CRASHED)).all()
    assert messages[-1] == "its worker died, and the journal that tells what it ran is missing or damaged"


@on_sqlite
@given(lives=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=8))
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_nothing_begins_for_ever(
    session: Session, tmp_path: Path, lives: list[tuple[int, int, bool]]
) -> None:
    """However workers die, also broken ones: no experiment begins more often than its retries and one."""
    series_id = add_series(session, f"s{len(list(tmp_path.iterdir()))}", [{"x": 1}], repetitions=3)
    folder = tmp_path / str(series_id)
    folder.mkdir()
    begun: Counter[int] = Counter()
    for number in range(40):
        # The last ones all die in their first experiment.
        dies_at, breaks, is_read = lives[number] if number < len(lives) else (4, 0, False)
        life = live(session, series_id, folder, Pen(dies_at, breaks))
        begun.update(token[0] for token in life.pen.begun)
        found = life.finalize(session, life.read(is_read_before=is_read))
        session.commit()
        assert Outcome.RELEASED not in [found[token] for token in life.pen.begun]
        statuses = set(session.scalars(select(Experiment.status).where(Experiment.series_id == series_id)))
        session.commit()
        if statuses <= {ExperimentStatus.COMPLETED, ExperimentStatus.FAILED}:
            break
    else:
        raise AssertionError("the work does not end")
    assert max(begun.values(), default=0) <= 3
