"""Runners and workers: registering them, heartbeats, and detecting dead ones.

One row represents a runner with all its workers: the supervisor sends the heartbeat, never a process
that runs user code. On its own host a runner is detected as dead at once, by its process, and in its own
process when it has left it; on another host when its lease has expired by the database's clock
and no heartbeat came while it was observed.
"""

from __future__ import annotations

import platform
import uuid
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from database import clock, process_identity
from database.claims.statements import NOW
from database.errors import FencedError
from database.insert_missing import insert_missing
from database.models import ProcessState, Runner, Worker
from database.process_identity import ProcessIdentity, RunnerLiveness


@dataclass(frozen=True)
class Provenance:
    """Where a runner's results come from."""

    user: str = ""
    arguments: list[str] = field(default_factory=list)
    git_commit: str | None = None
    git_dirty: bool | None = None
    python_version: str = field(default_factory=platform.python_version)
    platform: str = field(default_factory=platform.platform)
    packages: dict[str, str] = field(default_factory=dict)


def new_id() -> str:
    """Return a fresh id; names and pids are reused, and would be confused with those of dead processes."""
    return uuid.uuid4().hex


def register_runner(
    session: Session, runner_id: str, provenance: Provenance, journal_directory: Path | None
) -> None:
    """Register a runner as alive, and as running in this process until it leaves; safe to repeat."""
    process_identity.enter(runner_id)
    now = text(NOW[session.get_bind().dialect.name])
    session.execute(
        insert_missing(session, Runner).values(
            id=runner_id,
            **asdict(ProcessIdentity.own()),
            beat_at=now,
            started_at=now,
            journal_directory=str(journal_directory) if journal_directory else None,
            **asdict(provenance),
        )
    )


def register_worker(session: Session, runner_id: str, worker_id: str) -> None:
    """Register a worker before its process exists; safe to repeat.

    Raises
    ------
    FencedError
        The runner was declared dead: its workers could never claim anything.
    """
    lock = " FOR SHARE" if session.get_bind().dialect.name == "postgresql" else ""
    alive = text(f"SELECT 1 FROM runner WHERE id = :runner AND state = 'alive'{lock}")
    if session.execute(alive, {"runner": runner_id}).first() is None:
        raise FencedError("this runner was declared dead; it must register again")
    session.execute(
        insert_missing(session, Worker).values(id=worker_id, runner_id=runner_id, state=ProcessState.ALIVE)
    )


def heartbeat(session: Session, runner_id: str) -> None:
    """Record that the runner is alive.

    Raises
    ------
    FencedError
        It was declared dead meanwhile.
    """
    now = NOW[session.get_bind().dialect.name]
    changed = session.execute(
        text(f"UPDATE runner SET beat = beat + 1, beat_at = {now} WHERE id = :runner AND state = 'alive'"),
        {"runner": runner_id},
    )
    if changed.rowcount == 0:  # type: ignore[attr-defined]  # a cursor result, as for every UPDATE
        raise FencedError(
            "this runner was declared dead, because it sent no heartbeat for longer than its lease"
        )


def end_runner(session: Session, runner_id: str, state: ProcessState) -> None:
    """Record that a runner and its workers have ended, or are dead."""
    now = NOW[session.get_bind().dialect.name]
    session.execute(
        text(f"UPDATE runner SET state = :state, finished_at = {now} WHERE id = :runner AND state = 'alive'"),
        {"state": state.value, "runner": runner_id},
    )
    _end_workers(session, runner_id, state)


def _end_workers(session: Session, runner_id: str, state: ProcessState) -> None:
    session.execute(
        text("UPDATE worker SET state = :state WHERE runner_id = :runner AND state = 'alive'"),
        {"state": state.value, "runner": runner_id},
    )


def declare_dead(session: Session, runner: RunnerLiveness) -> bool:
    """Declare a runner and its workers dead, unless it has sent a heartbeat since it was read.

    Returns
    -------
    bool
        Whether it was declared dead.
    """
    changed = session.execute(
        text("UPDATE runner SET state = 'dead' WHERE id = :runner AND beat = :beat AND state = 'alive'"),
        {"runner": runner.runner_id, "beat": runner.beat},
    )
    if changed.rowcount == 0:  # type: ignore[attr-defined]  # a cursor result, as for every UPDATE
        return False
    _end_workers(session, runner.runner_id, ProcessState.DEAD)
    return True


def any_alive(session: Session) -> bool:
    """Return whether any runner is registered as alive; it may be dead by now."""
    return session.scalar(select(Runner.id).where(Runner.state == ProcessState.ALIVE).limit(1)) is not None


def ended_among(session: Session, runner_ids: Collection[str]) -> dict[str, ProcessIdentity]:
    """Return those of these runners that the database knows as ended, with their processes."""
    rows = session.execute(
        select(Runner.id, Runner.host, Runner.boot_id, Runner.pid, Runner.pid_start).where(
            Runner.id.in_(runner_ids), Runner.state != ProcessState.ALIVE
        )
    )
    return {row[0]: ProcessIdentity(*row[1:]) for row in rows}


def workers_of(session: Session, runner_id: str) -> list[str]:
    """Return the ids of all workers a runner ever had."""
    return list(
        session.execute(
            text("SELECT id FROM worker WHERE runner_id = :runner"), {"runner": runner_id}
        ).scalars()
    )


#: An observation may come this late without counting as a gap.
_SLACK_S = 0.5


class LivenessMonitor:
    """Measures how long other runners have sent no heartbeat, by a monotonic clock.

    Parameters
    ----------
    lease_s, heartbeat_s : float
        In seconds. A runner on another host is dead when its lease has expired by the database's clock
        and its `beat` has not changed for two heartbeats: no runner is declared dead by a clock that jumps.
    """

    def __init__(self, lease_s: float, heartbeat_s: float) -> None:
        self._lease_s = lease_s
        self._heartbeat_s = heartbeat_s
        #: By runner: its last `beat`, since when `beat` has had that value, and the last observation.
        self._observed: dict[str, tuple[int, float, float]] = {}
        self._left: set[str] = set()

    def note_left(self, runner_id: str) -> bool:
        """Note a dead runner whose journals cannot be read; return whether it was not noted before."""
        is_new = runner_id not in self._left
        self._left.add(runner_id)
        return is_new

    def is_dead(self, runner: RunnerLiveness) -> bool:
        """Return whether a runner is dead, and store this observation of it."""
        if runner.has_ended():
            return True
        now = clock.monotonic()
        beat, since, observed_at = self._observed.get(runner.runner_id, (-1, now, now))
        # After a gap, because the database was away, it is unknown whether the runner sent heartbeats.
        if beat != runner.beat or now - observed_at > 2 * self._heartbeat_s + _SLACK_S:
            since = now
        self._observed[runner.runner_id] = (runner.beat, since, now)
        return runner.age_s > self._lease_s and now - since > 2 * self._heartbeat_s
