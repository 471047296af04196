"""Every step of the claim protocol, applied to an experiment in every state, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.claims import protocol
from database.claims.types import ClaimRequest, Finished, RetryPolicy, Revocation, Token
from database.errors import FencedError
from database.models import Attempt, Experiment, ExperimentStatus, Outcome, ProcessState, Worker
from database.queries import overview
from database.series import cancel_and_release, retry_and_delete
from database.session.lifecycle import SessionLocal
from tests.integration.recording import add_series, add_worker

#: The experiments of the table, by their ids from 1 on. `delayed` is pending and waits for its time.
#: The outcome of the attempt that brings an experiment there.
ENDS = {"completed": Outcome.COMPLETED, "failed": Outcome.ERROR, "cancelled": Outcome.CANCELLED}
STATES = ("pending", "delayed", "claimed", "running", "completed", "failed", "cancelled")
NONE = RetryPolicy(retries={})
ONE = RetryPolicy(retries={Outcome.CRASHED: 1, Outcome.LOST: 1}, delay_s=60.0)


@dataclass
class Table:
    """A series with one experiment in each state; whatever ended, or is owned, is the `owner`'s."""

    session: Session
    series_id: int
    owner: str
    other: str

    def tokens(self) -> list[Token]:
        rows = self.session.execute(
            select(Experiment.id, Experiment.attempt_number).order_by(Experiment.id)
        ).all()
        return [(row[0], row[1]) for row in rows]

    def all_ended(self, outcome: Outcome) -> list[Finished]:
        results = '{"y":1}' if outcome is Outcome.COMPLETED else None
        return [Finished(*token, outcome, results=results) for token in self.tokens()]

    def states(self) -> tuple[str, ...]:
        self.session.commit()
        self.session.expire_all()
        return tuple(
            "delayed" if one.due_at is not None else one.status.value
            for one in self.session.scalars(select(Experiment).order_by(Experiment.id))
        )

    def rows(self) -> set[tuple[int, int, str]]:
        found = self.session.execute(select(Attempt.experiment_id, Attempt.number, Attempt.outcome))
        return {(row[0], row[1], row[2].value) for row in found}


@pytest.fixture
def table(database_url: str) -> Iterator[Table]:
    with SessionLocal() as session:
        series_id = add_series(session, parameters=[{}], repetitions=len(STATES))
        owner, other = add_worker(session), add_worker(session)
        for number, state in enumerate(STATES, 1):
            one = session.get_one(Experiment, number)
            one.status = ExperimentStatus("pending" if state == "delayed" else state)
            one.attempt_number = 0 if state == "pending" else 1
            if state in {"claimed", "running"}:
                one.worker_id = owner
            elif state == "delayed":
                one.due_at = overview.database_now(session) + timedelta(hours=1)
                session.add(Attempt(experiment_id=number, number=1, worker_id=owner, outcome=Outcome.CRASHED))
            elif state != "pending":
                session.add(Attempt(experiment_id=number, number=1, worker_id=owner, outcome=ENDS[state]))
        session.commit()
        yield Table(session, series_id, owner, other)


def record_and_claim(
    table: Table, worker_id: str, outcome: Outcome | None, policy: RetryPolicy = NONE
) -> set[int]:
    """Let a worker say that everything ended so, whether that is its own or not; return what it is told."""
    finished = table.all_ended(outcome) if outcome else []
    got = protocol.record_and_claim(
        table.session, worker_id, finished, request=ClaimRequest(table.series_id), policy=policy
    )
    assert {token for token in table.tokens() if outcome} >= got.recorded | got.refused
    return {token[0] for token in got.recorded}


def claim(table: Table, worker_id: str) -> set[int]:
    got = protocol.record_and_claim(
        table.session, worker_id, [], request=ClaimRequest(table.series_id, claims=9), policy=NONE
    )
    return {one.experiment_id for one in got.claims}


def hand_back(table: Table) -> set[int]:
    request = ClaimRequest(table.series_id, release=table.tokens())
    protocol.record_and_claim(table.session, table.owner, [], request=request, policy=NONE)
    return set()


def record_for(table: Table, *, back: bool) -> int:
    return protocol.record_for(table.session, table.owner, [], current=(4, 1), release=back, policy=NONE)


def finalize_worker(
    table: Table, finished: list[Finished], policy: RetryPolicy, unseen: Outcome | None = None
) -> int:
    return protocol.finalize_worker(
        table.session,
        table.owner,
        finished,
        state=ProcessState.DEAD,
        policy=policy,
        unseen=None if unseen is None else lambda token: Finished(*token, unseen),
    )


def reap(table: Table) -> int:
    table.session.get_one(Worker, table.owner).state = ProcessState.DEAD
    table.session.flush()
    [worker_id] = protocol.orphaned_workers(table.session)
    return finalize_worker(table, [], ONE, Outcome.LOST) if worker_id == table.owner else -1


def revoke(table: Table, outcome: Outcome) -> int:
    return protocol.revoke(table.session, table.owner, Revocation(table.series_id, outcome, "why"))


def cancel(table: Table, *statuses: str) -> cancel_and_release.Cancelled:
    return cancel_and_release.cancel(
        table.session, table.series_id, [ExperimentStatus(one) for one in statuses]
    )


def retry(table: Table, *statuses: str) -> retry_and_delete.Retried:
    return retry_and_delete.retry(table.session, table.series_id, [ExperimentStatus(one) for one in statuses])


def release(table: Table) -> int:
    return cancel_and_release.release(table.session, table.series_id, force=True).experiments


Step = Callable[[Table], object]
BOTH = ("pending", "running")
CASES: dict[str, tuple[Step, object, str, set[tuple[int, int, str]]]] = {
    # what is done, what it answers, the states then (as STATES), the rows of attempts that are new
    "another claims": (lambda t: claim(t, t.other), {1}, "RD.....", set()),
    "the owner claims": (lambda t: claim(t, t.owner), {3, 4}, "..R....", set()),
    "completed": (
        lambda t: record_and_claim(t, t.owner, Outcome.COMPLETED),
        {3, 4, 5},
        "..CC...",
        {(3, 1, "completed"), (4, 1, "completed")},
    ),
    "failed": (
        lambda t: record_and_claim(t, t.owner, Outcome.ERROR),
        {3, 4, 6},
        "..FF...",
        {(3, 1, "error"), (4, 1, "error")},
    ),
    "crashed, no retry left": (
        lambda t: record_and_claim(t, t.owner, Outcome.CRASHED),
        {2, 3, 4},
        "..FF...",
        {(3, 1, "crashed"), (4, 1, "crashed")},
    ),
    "crashed, a retry left": (
        lambda t: record_and_claim(t, t.owner, Outcome.CRASHED, ONE),
        {2, 3, 4},
        "..DD...",
        {(3, 1, "crashed"), (4, 1, "crashed")},
    ),
    "lost, a retry left": (
        lambda t: record_and_claim(t, t.owner, Outcome.LOST, ONE),
        {3, 4},
        "..PP...",
        {(3, 1, "lost"), (4, 1, "lost")},
    ),
    "cancelled by itself": (
        lambda t: record_and_claim(t, t.owner, Outcome.CANCELLED),
        {3, 4, 7},
        "..XX...",
        {(3, 1, "cancelled"), (4, 1, "cancelled")},
    ),
    "another records": (lambda t: record_and_claim(t, t.other, Outcome.COMPLETED), set(), ".......", set()),
    "given back": (hand_back, set(), "..PP...", {(3, 1, "released"), (4, 1, "released")}),
    "recorded for": (lambda t: record_for(t, back=False), 0, ".......", set()),
    "recorded for, the rest given back": (
        lambda t: record_for(t, back=True),
        1,
        "..P....",
        {(3, 1, "released")},
    ),
    "its worker ends": (
        lambda t: finalize_worker(t, [Finished(4, 1, Outcome.COMPLETED, results="{}")], NONE),
        1,
        "..PC...",
        {(3, 1, "released"), (4, 1, "completed")},
    ),
    "its worker dies in it": (
        lambda t: finalize_worker(t, [Finished(4, 1, Outcome.CRASHED)], NONE),
        1,
        "..PF...",
        {(3, 1, "released"), (4, 1, "crashed")},
    ),
    "its worker goes silent": (reap, 2, "..PP...", {(3, 1, "released"), (4, 1, "lost")}),
    "its worker goes silent once too often": (
        lambda t: finalize_worker(t, [], NONE, Outcome.LOST),
        1,
        "..PF...",
        {(3, 1, "released"), (4, 1, "lost")},
    ),
    "taken away": (
        lambda t: revoke(t, Outcome.CANCELLED),
        2,
        "..XX...",
        {(3, 1, "cancelled"), (4, 1, "cancelled")},
    ),
    "taken back": (
        lambda t: revoke(t, Outcome.LOST),
        2,
        "..PP...",
        {(3, 1, "released"), (4, 1, "lost")},
    ),
    "cancel": (
        lambda t: cancel(t, *BOTH),
        cancel_and_release.Cancelled(2, 2),
        "XXXX...",
        {(3, 1, "cancelled"), (4, 1, "cancelled")},
    ),
    "cancel failed": (lambda t: cancel(t, "failed"), cancel_and_release.Cancelled(1, 0), ".....X.", set()),
    "retry": (lambda t: retry(t, "failed"), retry_and_delete.Retried(1, 1), ".P...P.", set()),
    "retry cancelled": (lambda t: retry(t, "cancelled"), retry_and_delete.Retried(1, 0), "......P", set()),
    "release": (release, 2, "..PP...", {(3, 1, "released"), (4, 1, "lost")}),
}
LETTERS = {state[0].upper(): state for state in STATES} | {"C": "completed", "X": "cancelled"}


def states_after(pattern: str) -> tuple[str, ...]:
    return tuple(
        before if letter == "." else LETTERS[letter] for before, letter in zip(STATES, pattern, strict=True)
    )


@pytest.mark.parametrize("case", CASES)
def test_transition(table: Table, case: str) -> None:
    """Each step changes the states that it may and no others, and every attempt that ends has its row."""
    step, answer, pattern, new = CASES[case]
    before = table.rows()
    assert step(table) == answer
    assert table.states() == states_after(pattern)
    assert table.rows() == before | new


@pytest.mark.parametrize(
    "case", sorted(set(CASES) - {"another claims", "the owner claims", "its worker goes silent"})
)
def test_transition_again(table: Table, case: str) -> None:
    """The same step after an answer was lost changes nothing more."""
    step, _, pattern, new = CASES[case]
    before = table.rows()
    for _ in range(2):
        step(table)
        table.session.commit()
    assert table.states() == states_after(pattern)
    assert table.rows() == before | new


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.ERROR])
def test_fenced_owner(table: Table, outcome: Outcome) -> None:
    """Who was declared dead changes nothing, whatever it says."""
    before = table.rows()
    table.session.get_one(Worker, table.owner).state = ProcessState.DEAD
    table.session.commit()
    steps: list[Step] = [
        lambda t: record_and_claim(t, t.owner, outcome),
        lambda t: claim(t, t.owner),
        lambda t: record_for(t, back=True),
    ]
    for step in steps:
        with pytest.raises(FencedError):
            step(table)
        table.session.rollback()
    assert table.states() == STATES
    assert table.rows() == before
