"""Who is dead and who decides it: sweeps, silent runners, processes that are gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from database.claims import lookups, protocol, runners
from database.claims.runners import LivenessMonitor
from database.claims.types import ClaimRequest, Finished
from database.models import (
    ExperimentSeries,
    Outcome,
    ProcessState,
    Worker,
)
from database.process_identity import ProcessIdentity, others_alive
from database.session.lifecycle import SessionLocal
from database.session.retry import retrying_transaction
from experiments.series_file.sections.execute import recorded_policy
from tests.integration.database.claiming import (
    make_series,
    make_worker,
    record_and_claim,
    statuses,
)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def test_sweep_finds_every_orphan(session: Session) -> None:
    """Claims of a missing worker, a dead one, or one under a dead runner are found; live ones are not."""
    series_id = make_series(session, 4)
    owners = [make_worker(session) for _ in range(4)]
    for owner in owners:
        record_and_claim(session, owner, request=ClaimRequest(series_id, claims=1))
    live, missing, dead, under_dead = owners
    session.execute(text("DELETE FROM worker WHERE id = :id"), {"id": missing})
    session.execute(text("UPDATE worker SET state = 'dead' WHERE id = :id"), {"id": dead})
    runner_id = session.get_one(Worker, under_dead).runner_id
    session.execute(text("UPDATE runner SET state = 'dead' WHERE id = :id"), {"id": runner_id})
    session.commit()
    found = retrying_transaction(session, protocol.orphaned_workers)
    assert set(found) == {missing, dead, under_dead}
    assert live not in found


def test_judging_silence(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that lives is dead only when its lease is over AND it stayed silent while watched."""
    worker = make_worker(session)
    runner_id = session.get_one(Worker, worker).runner_id
    me = runners.new_id()
    (seen,) = others_alive(session, me)
    session.commit()
    assert seen.runner_id == runner_id
    assert not seen.identity.is_gone()
    now = [1000.0]
    monkeypatch.setattr("database.clock.monotonic", lambda: now[0])
    seen = replace(seen, age_s=50.0)
    assert not LivenessMonitor(lease_s=60.0, heartbeat_s=10.0).is_dead(seen)
    hasty = LivenessMonitor(lease_s=0.0, heartbeat_s=0.0)
    assert not hasty.is_dead(seen)  # the first look cannot know how long it has been silent
    now[0] += 0.1
    assert hasty.is_dead(seen)
    assert not LivenessMonitor(lease_s=0.0, heartbeat_s=10.0).is_dead(seen)


def test_who_could_not_look_cannot_judge(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that was silent while the database was away is not dead: nobody could have heard it."""
    make_worker(session)
    (seen,) = others_alive(session, "me")
    seen = replace(seen, age_s=90.0)
    watch = LivenessMonitor(lease_s=0.0, heartbeat_s=10.0)
    now = [1000.0]
    monkeypatch.setattr("database.clock.monotonic", lambda: now[0])
    assert not watch.is_dead(seen)
    now[0] += 60.0  # the database was away
    assert not watch.is_dead(seen)
    for _ in range(2):
        now[0] += 10.5
        dead = watch.is_dead(seen)
    assert dead


def test_dead_runner_is_declared_once(session: Session) -> None:
    """A sign of life since the look wins against the verdict."""
    worker = make_worker(session)
    runner_id = session.get_one(Worker, worker).runner_id
    (seen,) = others_alive(session, "me")
    runners.heartbeat(session, runner_id)
    session.commit()
    assert not runners.declare_dead(session, seen)
    (seen,) = others_alive(session, "me")
    assert runners.declare_dead(session, seen)
    session.commit()
    assert others_alive(session, "me") == []
    assert session.get_one(Worker, worker).state is ProcessState.DEAD


def _other_namespace() -> str:
    return ProcessIdentity.own().boot_id.partition("/")[0] + "/pid:[1]"


def test_gone_process_is_known_at_once(session: Session) -> None:
    """On this host a runner whose process is gone, or whose host has rebooted, needs no lease."""
    make_worker(session)
    session.execute(text("UPDATE runner SET pid_start = pid_start + 1"))
    session.commit()
    (seen,) = others_alive(session, "me")
    assert seen.identity.is_gone()
    session.execute(text("UPDATE runner SET pid_start = pid_start - 1, boot_id = 'before'"))
    session.commit()
    (seen,) = others_alive(session, "me")
    assert seen.identity.is_gone()
    session.execute(text("UPDATE runner SET boot_id = :other"), {"other": _other_namespace()})
    session.commit()
    (seen,) = others_alive(session, "me")
    assert not seen.identity.is_gone()  # in another container its pid means nothing here
    session.execute(text("UPDATE runner SET host = 'elsewhere'"))
    session.commit()
    (seen,) = others_alive(session, "me")
    assert not seen.identity.is_gone()


def test_left_behind_is_judged_by_its_own_series(session: Session) -> None:
    """Without a policy of the caller's, what a dead worker leaves follows the file of its series."""
    series_id = make_series(session, 2)
    session.get_one(ExperimentSeries, series_id).resolved = {
        "execute": {"retries": {"lost": 0, "crashed": 1, "delay": 50.0}}
    }
    session.commit()
    worker = make_worker(session)
    record_and_claim(session, worker, request=ClaimRequest(series_id, claims=2))
    last = [Finished(1, 1, Outcome.LOST), Finished(2, 1, Outcome.CRASHED)]
    protocol.finalize_worker(session, worker, last, state=ProcessState.DEAD, policy=recorded_policy)
    session.commit()
    assert statuses(session) == ["failed", "pending"]
    due_in_s = lookups.claimable_work(session, series_id, limit=1).due_in_s
    assert due_in_s == pytest.approx(50.0, abs=10)
