"""A model of all who use the claim protocol, for random histories with a clock that is moved by hand."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlalchemy.orm import Session

from database import counters
from database.claims import protocol, runners
from database.claims.runners import Provenance
from database.claims.types import Claim, ClaimRequest, Finished, RetryPolicy, Token
from database.counters import StatusCounts
from database.errors import FencedError
from database.models import Base, ExperimentStatus, Outcome, ProcessState
from database.process_identity import others_alive
from database.series import cancel_and_release, creation, retry_and_delete
from database.series.selection import Selection
from database.session.lifecycle import SessionLocal
from tests.integration.database.moved_clock import Clock
from tests.integration.recording import add_series

EXPERIMENTS = 5
LEASE_S = 60.0
POLICY = RetryPolicy({Outcome.LOST: 3, Outcome.CRASHED: 1, Outcome.INTERRUPTED: 3}, delay_s=20.0)


PICK = st.integers(0, 5)
#: By weight: mostly there is work.
WORKERS_EVENTS = ("claim", "hand_back", "work_on", "worker_dies")
EVENTS = st.sampled_from(
    ["claim"] * 8
    + ["work_on"] * 2
    + ["hand_back", "worker_dies", "start_runner", "runner_is_killed", "beat", "stop_or_resume"]
    + ["clock_jumps", "clock_jumps", "reap", "cancel", "retry", "release", "file_changes"]
)
DONE = st.lists(st.sampled_from(["completed", "completed", "error", "crashed"]), max_size=3)


@dataclass
class WorkerModel:
    """A process: what it has claimed, and what it has finished and not recorded (its journal)."""

    worker_id: str
    queue: deque[Claim] = field(default_factory=deque)
    finished: list[Finished] = field(default_factory=list)


@dataclass
class RunnerModel:
    """A host's supervisor with its workers; when it is stopped, all of them are."""

    runner_id: str
    workers: list[WorkerModel]
    stopped: bool = False


def token_of(one: Claim | Finished) -> Token:
    return (one.experiment_id, one.attempt_number)


def ended(claim: Claim, outcome: Outcome) -> Finished:
    """Return an end whose result names the attempt that made it."""
    results = f'{{"y":{claim.attempt_number}}}' if outcome is Outcome.COMPLETED else None
    return Finished(*token_of(claim), outcome, results=results)


class Protocol(RuleBasedStateMachine):
    """Runners, workers and users in any order; after each step the database must make sense."""

    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self.session = SessionLocal()
        for table in reversed(Base.metadata.sorted_tables):
            self.session.execute(table.delete())
        self.session.commit()
        self.clock.now_s = 0.0
        self.series_id = add_series(self.session, parameters=[{}], repetitions=EXPERIMENTS)
        self.first = self.session.execute(text("SELECT min(id) FROM experiment")).scalar_one()
        self.session.commit()
        self.runners: list[RunnerModel] = []
        self.numbers: dict[int, int] = {}
        self.acknowledged: dict[Token, Outcome] = {}
        self.refused: set[Token] = set()
        self.cancelled: set[int] = set()
        self.start_runner(1)

    def teardown(self) -> None:
        """Let everybody be gone: one worker that comes later brings the series to its end."""
        try:
            self._finish()
        finally:
            self.session.close()

    # What happens

    @rule(what=EVENTS, pick=PICK, done=DONE, count=st.integers(1, 3), twice=st.booleans())
    def happens(self, *, what: str, pick: int, done: list[str], count: int, twice: bool) -> None:
        """Let one thing happen; as one rule, because of several a history uses a few only.

        `twice` means that the answer to a transaction was lost, and it is run again.
        """
        if what in WORKERS_EVENTS:
            able = [one for runner in self.runners if not runner.stopped for one in runner.workers]
            if able:
                getattr(self, what)(able[pick % len(able)], done, count, twice)
        else:
            getattr(self, what)(pick)

    def claim(self, worker: WorkerModel, done: list[str], count: int, twice: bool) -> None:
        """Work, record and claim."""
        self._work(worker, done)
        held = [token_of(one) for one in worker.queue]
        self._record_and_claim(worker, ClaimRequest(self.series_id, claims=count, keep=held), twice)

    def hand_back(self, worker: WorkerModel, done: list[str], _count: int, twice: bool) -> None:
        """Record, and claim no more: the worker was told to stop, and then goes on after all."""
        self._work(worker, done)
        held = [token_of(one) for one in worker.queue]
        self._record_and_claim(worker, ClaimRequest(self.series_id, release=held), twice)

    def work_on(self, worker: WorkerModel, done: list[str], count: int, _twice: bool) -> None:
        """Work without recording; the supervisor records for a worker that is at the next one."""
        self._work(worker, done)
        if not worker.queue:
            return
        current = token_of(worker.queue[0])
        try:
            self._do(
                lambda each: protocol.record_for(
                    each,
                    worker.worker_id,
                    worker.finished,
                    current=current,
                    release=count > 1,
                    policy=POLICY,
                )
            )
        except FencedError:
            self._vanish(worker)

    def worker_dies(self, worker: WorkerModel, done: list[str], _count: int, twice: bool) -> None:
        """Settle it from its journal, as its supervisor, and start another one."""
        self._work(worker, done)
        if worker.queue:
            worker.finished.append(ended(worker.queue[0], Outcome.CRASHED))
        for _ in range(1 + twice):
            self._do(
                lambda each: protocol.finalize_worker(
                    each, worker.worker_id, worker.finished, state=ProcessState.DEAD, policy=POLICY
                )
            )
        self._hire(self._vanish(worker))

    def start_runner(self, pick: int) -> None:
        if len(self.runners) == 3:
            return
        runner = RunnerModel(runners.new_id(), [])
        self._do(lambda each: runners.register_runner(each, runner.runner_id, Provenance(), None))
        self._do(
            lambda each: each.execute(  # on a host of its own: nobody sees its process
                text("UPDATE runner SET host = 'far', boot_id = 'b' WHERE id = :id"),
                {"id": runner.runner_id},
            )
        )
        self.runners.append(runner)
        for _ in range(1 + pick % 2):
            self._hire(runner)

    def runner_is_killed(self, pick: int) -> None:
        if len(self.runners) > 1:
            self.runners.pop(pick % len(self.runners))

    def stop_or_resume(self, pick: int) -> None:
        if self.runners:
            runner = self.runners[pick % len(self.runners)]
            runner.stopped = not runner.stopped

    def beat(self, _pick: int) -> None:
        for runner in list(self.runners):
            if runner.stopped:
                continue
            try:
                self._do(lambda each: runners.heartbeat(each, runner.runner_id))  # noqa: B023 - run at once
            except FencedError:
                self.runners.remove(runner)

    def clock_jumps(self, pick: int) -> None:
        self.clock.now_s = max(0.0, self.clock.now_s + [1.0, 15.0, 30.0, 45.0, 90.0, -30.0][pick])

    def reap(self, _pick: int) -> None:
        """Declare the silent dead, as whoever looks, and give back what such own."""
        for liveness in self._do(lambda each: others_alive(each, "")):
            if liveness.age_s > LEASE_S:
                self._do(lambda each: runners.declare_dead(each, liveness))  # noqa: B023 - run at once
        for worker_id in self._do(protocol.orphaned_workers):
            self._do(
                lambda each: protocol.finalize_worker(
                    each,
                    worker_id,  # noqa: B023 - run at once
                    (),
                    state=ProcessState.DEAD,
                    policy=POLICY,
                    unseen=lambda token: Finished(*token, Outcome.LOST),
                )
            )

    def cancel(self, pick: int) -> None:
        experiment_id = self.first + pick % EXPERIMENTS
        one = Selection((experiment_id,))
        done = self._do(lambda each: cancel_and_release.cancel(each, self.series_id, selection=one))
        if done.unowned + done.revoked:
            self.cancelled.add(experiment_id)

    def retry(self, _pick: int) -> None:
        both = (ExperimentStatus.FAILED, ExperimentStatus.CANCELLED)
        self._do(lambda each: retry_and_delete.retry(each, self.series_id, both))
        self.cancelled.intersection_update(
            row[0] for row in self._rows("SELECT id FROM experiment WHERE retired")
        )

    def file_changes(self, pick: int) -> None:
        """Name only the first repetitions from now on, as a creation from a changed file does."""

        def finalize_worker(each: Session) -> None:
            series = creation.lock_series(each, self.series_id)
            assert series is not None
            creation.sync_experiments(each, series, configurations=1, repetitions=pick)
            counters.recount(each, self.series_id)

        self._do(finalize_worker)

    def release(self, pick: int) -> None:
        self._do(lambda each: cancel_and_release.release(each, self.series_id, force=pick % 2 > 0))

    @invariant()
    def database_makes_sense(self) -> None:
        attempts = {
            (row[0], row[1]): Outcome(row[2])
            for row in self._rows("SELECT experiment_id, number, outcome FROM attempt")
        }
        rows = self._rows(
            "SELECT e.id, e.attempt_number, e.status, e.due_at IS NOT NULL, "
            "CAST(e.results ->> 'y' AS integer), e.worker_id, w.state = 'alive' AND r.state = 'alive' "
            "FROM experiment e LEFT JOIN worker w ON w.id = e.worker_id "
            "LEFT JOIN runner r ON r.id = w.runner_id"
        )
        for experiment_id, number, status, waits, value, worker_id, _ in rows:
            ends = {token[1]: outcome for token, outcome in attempts.items() if token[0] == experiment_id}
            # One result at most, and it is that of the attempt that completed.
            results = [end for end, outcome in ends.items() if outcome is Outcome.COMPLETED]
            assert results == ([value] if status == "completed" else [])
            # The fencing token only grows, and every attempt that ended left exactly one row.
            assert number >= self.numbers.get(experiment_id, 0)
            self.numbers[experiment_id] = number
            assert (worker_id is not None) == (status in {"claimed", "running"})
            assert sorted(ends) == list(range(1, number + (worker_id is None)))
            assert status == "pending" or not waits
            # Nothing brings back what a person took out, and nothing else takes out.
            assert (status == "cancelled") == (experiment_id in self.cancelled)
        # Owners are alive, with their runners, or found by a sweep.
        lost = {row[5] for row in rows if row[5] is not None and not row[6]}
        assert lost == set(protocol.orphaned_workers(self.session))
        self.session.commit()
        # What a worker was told to be recorded is there, and what was refused is not.
        assert {token: attempts.get(token) for token in self.acknowledged} == self.acknowledged
        assert all(attempts[token] is not Outcome.COMPLETED for token in self.refused)

    @invariant()
    def check_counters(self) -> None:
        rows = self._rows("SELECT status, retired FROM experiment")
        live = Counter(status for status, retired in rows if not retired)
        [counts] = counters.read_counters(self.session, [self.series_id]).values()
        self.session.commit()
        ends = [live[status] for status in ("running", "completed", "failed", "cancelled")]
        assert counts == StatusCounts(live.total() - sum(ends), *ends, retired=len(rows) - live.total())

    # Helpers

    def _do(self, work: Callable[[Session], Any]) -> Any:
        try:
            result = work(self.session)
            self.session.commit()
        except BaseException:
            self.session.rollback()
            raise
        self.session.expunge_all()
        return result

    def _rows(self, statement: str) -> Sequence[Any]:
        rows = self.session.execute(text(statement)).all()
        self.session.commit()
        return rows

    def _work(self, worker: WorkerModel, outcomes: list[str]) -> None:
        for outcome in outcomes[: len(worker.queue)]:
            worker.finished.append(ended(worker.queue.popleft(), Outcome(outcome)))

    def _record_and_claim(self, worker: WorkerModel, request: ClaimRequest, twice: bool) -> None:
        try:
            for _ in range(1 + twice):
                got = self._do(
                    lambda each: protocol.record_and_claim(
                        each, worker.worker_id, worker.finished, request=request, policy=POLICY
                    )
                )
        except FencedError:
            self._vanish(worker)
            return
        self._note(worker.finished, got.recorded, got.refused)
        worker.finished = []
        kept = [one for one in worker.queue if token_of(one) in got.kept]
        worker.queue = deque([*kept, *got.claims])
        # It knows all that it owns: what it forgot nobody would ever run.
        owned = self._rows("SELECT id, attempt_number, worker_id FROM experiment")
        assert {(row[0], row[1]) for row in owned if row[2] == worker.worker_id} == set(
            map(token_of, worker.queue)
        )

    def _hire(self, runner: RunnerModel) -> None:
        worker = WorkerModel(runners.new_id())
        try:
            self._do(lambda each: runners.register_worker(each, runner.runner_id, worker.worker_id))
        except FencedError:
            return
        runner.workers.append(worker)

    def _vanish(self, worker: WorkerModel) -> RunnerModel:
        [runner] = [one for one in self.runners if worker in one.workers]
        runner.workers.remove(worker)
        return runner

    def _note(self, finished: list[Finished], recorded: frozenset[Token], refused: frozenset[Token]) -> None:
        outcomes = {token_of(one): one.outcome for one in finished}
        assert recorded | refused == set(outcomes)
        self.acknowledged.update({token: outcomes[token] for token in recorded})
        self.refused.update(token for token in refused if outcomes[token] is Outcome.COMPLETED)

    def _finish(self) -> None:
        self.runners.clear()
        self.file_changes(EXPERIMENTS)
        self.clock.now_s += 10 * LEASE_S
        self.reap(0)
        self.start_runner(0)
        [last] = self.runners[0].workers
        finished: list[Finished] = []
        for _ in range(EXPERIMENTS * 3):
            self.clock.now_s += 10 * LEASE_S
            request = ClaimRequest(self.series_id, claims=2)
            got = self._do(
                lambda each: protocol.record_and_claim(
                    each,
                    last.worker_id,
                    finished,  # noqa: B023 - run at once
                    request=request,  # noqa: B023 - run at once
                    policy=POLICY,
                )
            )
            finished = [ended(one, Outcome.COMPLETED) for one in got.claims]
        left = {row[0] for row in self._rows("SELECT status FROM experiment")}
        assert left <= {"completed", "failed", "cancelled"}
        self.database_makes_sense()
        self.check_counters()


def explore(machine: type[Protocol], examples: int) -> None:
    """Let random histories look for one that breaks a rule."""
    _explore(machine, max_examples=examples, phases=(Phase.generate, Phase.shrink))


def find(machine: type[Protocol], examples: int) -> None:
    """Expect that histories break a rule, the same ones each time."""
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        _explore(machine, max_examples=examples, phases=(Phase.generate,), derandomize=True)


def _explore(machine: type[Protocol], **chosen: Any) -> None:
    checks = list(HealthCheck)
    fixed = settings(stateful_step_count=40, deadline=None, database=None, suppress_health_check=checks)
    run_state_machine_as_test(machine, settings=settings(fixed, **chosen))
