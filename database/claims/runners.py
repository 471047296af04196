"""Who is at work: registering runners and workers, heartbeats, and finding the dead.

A runner's one row stands for all its workers: the supervisor sends the heartbeat, never a process
that runs user code. On its own host a runner is found dead at once, by its process, and in its own
process when it is not at work there; on another host when its lease is over by the database's clock
and it stayed silent while we watched.
"""

from __future__ import annotations

import os
import platform
import socket
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from database.claims.statements import NOW
from database.errors import FencedError
from database.models import Base, ProcessState, Runner, Worker
from database.settings import Settings


@dataclass(frozen=True)
class ProcessIdentity:
    """What tells one process from all others, also after a reboot and a reuse of its pid."""

    host: str
    boot_id: str
    pid: int
    pid_start: int

    @classmethod
    def own(cls) -> ProcessIdentity:
        """Return that of this process."""
        return cls(_host(), _boot_id(), os.getpid(), _start_ticks(os.getpid()))

    def is_gone(self) -> bool:
        """Say whether it provably lives no more; False when that cannot be seen from here."""
        own = _boot_id()
        if self.host != _host() or not self.boot_id or not own:
            return False
        boot, _, namespace = self.boot_id.partition("/")
        own_boot, _, own_namespace = own.partition("/")
        if boot != own_boot:
            return True
        # In another container on the same kernel its pid means nothing here.
        return namespace == own_namespace and _start_ticks(self.pid) != self.pid_start


def _host() -> str:
    return Settings.from_environment().host or socket.gethostname()


def _boot_id() -> str:
    """Return the kernel's id of this boot and the namespace of pids, or nothing where there is no /proc."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start_ticks(pid: int) -> int:
    """Return when the kernel started `pid`, in clock ticks since boot; -1 when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return -1
    return -1 if fields[0] in "ZX" else int(fields[19])


#: The rows of a process that lives may be of runs that have ended in it, as one after another does in a
#: notebook: these are not.
_at_work: set[str] = set()


def has_ended(runner_id: str, identity: ProcessIdentity) -> bool:
    """Say whether a runner provably is not at work: its process is gone, or it is ours and has gone on."""
    if identity.is_gone():
        return True
    return bool(identity.boot_id) and runner_id not in _at_work and identity == ProcessIdentity.own()


def leave(runner_id: str) -> None:
    """Note that a runner is at work in this process no more, whatever its row says."""
    _at_work.discard(runner_id)


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
    """Return a fresh id: names and pids come back, and then hide the dead."""
    return uuid.uuid4().hex


def register_runner(
    session: Session, runner_id: str, provenance: Provenance, journal_directory: Path | None
) -> None:
    """Register a runner as alive and at work here, until it leaves; repeating it changes nothing."""
    _at_work.add(runner_id)
    identity = ProcessIdentity.own()
    now = text(NOW[session.get_bind().dialect.name])
    session.execute(
        _insert_once(session, Runner).values(
            id=runner_id,
            host=identity.host,
            boot_id=identity.boot_id,
            pid=identity.pid,
            pid_start=identity.pid_start,
            beat_at=now,
            started_at=now,
            journal_directory=str(journal_directory) if journal_directory else None,
            user=provenance.user,
            arguments=provenance.arguments,
            git_commit=provenance.git_commit,
            git_dirty=provenance.git_dirty,
            python_version=provenance.python_version,
            platform=provenance.platform,
            packages=provenance.packages,
        )
    )


def register_worker(session: Session, runner_id: str, worker_id: str) -> None:
    """Register a worker before its process exists; repeating it changes nothing.

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
        _insert_once(session, Worker).values(id=worker_id, runner_id=runner_id, state=ProcessState.ALIVE)
    )


def _insert_once(session: Session, model: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that does nothing where the row is there already.

    To look first would not do: an earlier COMMIT of the same, whose answer was lost, may land in between.
    """
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(model).on_conflict_do_nothing(index_elements=["id"])
    return sqlite.insert(model).on_conflict_do_nothing(index_elements=["id"])


def heartbeat(session: Session, runner_id: str) -> None:
    """Say that the runner is alive.

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
        raise FencedError("this runner was declared dead, because it was silent for longer than its lease")


def end_runner(session: Session, runner_id: str, state: ProcessState) -> None:
    """Note that a runner and its workers have ended, or are held for dead."""
    now = NOW[session.get_bind().dialect.name]
    session.execute(
        text(f"UPDATE runner SET state = :state, finished_at = {now} WHERE id = :runner AND state = 'alive'"),
        {"state": state.value, "runner": runner_id},
    )
    session.execute(
        text("UPDATE worker SET state = :state WHERE runner_id = :runner AND state = 'alive'"),
        {"state": state.value, "runner": runner_id},
    )


@dataclass(frozen=True)
class Silence:
    """A runner that claims to be alive, as seen now."""

    runner_id: str
    identity: ProcessIdentity
    beat: int
    age_s: float
    journal_directory: Path | None

    def has_ended(self) -> bool:
        """Say whether it provably is not at work any more; see `has_ended`."""
        return has_ended(self.runner_id, self.identity)


def others_alive(session: Session, runner_id: str) -> list[Silence]:
    """Return all other runners that are not known to have ended."""
    age = (
        "(julianday('now') - julianday(beat_at)) * 86400.0"
        if session.get_bind().dialect.name == "sqlite"
        else "extract(epoch FROM clock_timestamp() - beat_at)"
    )
    rows = session.execute(
        text(
            f"SELECT id, host, boot_id, pid, pid_start, beat, {age}, journal_directory FROM runner "
            "WHERE state = 'alive' AND id <> :runner"
        ),
        {"runner": runner_id},
    )
    return [
        Silence(row[0], ProcessIdentity(*row[1:5]), row[5], float(row[6]), Path(row[7]) if row[7] else None)
        for row in rows
    ]


def declare_dead(session: Session, silence: Silence) -> bool:
    """Declare a runner and its workers dead, unless it has given a sign of life since it was seen."""
    changed = session.execute(
        text("UPDATE runner SET state = 'dead' WHERE id = :runner AND beat = :beat AND state = 'alive'"),
        {"runner": silence.runner_id, "beat": silence.beat},
    )
    if changed.rowcount == 0:  # type: ignore[attr-defined]  # a cursor result, as for every UPDATE
        return False
    session.execute(
        text("UPDATE worker SET state = 'dead' WHERE runner_id = :runner AND state = 'alive'"),
        {"runner": silence.runner_id},
    )
    return True


def ended_among(session: Session, runner_ids: Collection[str]) -> dict[str, ProcessIdentity]:
    """Return those of these runners that the database does not hold for alive, and their processes."""
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


#: A look may come this late without counting as a gap.
_LOOK_SLACK_S = 0.5


class Watch:
    """Remembers since when each other runner has been silent, by a clock that does not jump.

    Parameters
    ----------
    lease_s, heartbeat_s : float
        A runner that cannot be looked at is dead when its lease is over by the database's clock and
        its beat has not changed for two heartbeats: a clock that jumps kills nobody.
    """

    def __init__(self, lease_s: float, heartbeat_s: float) -> None:
        self._lease_s = lease_s
        self._heartbeat_s = heartbeat_s
        self._seen: dict[str, tuple[int, float, float]] = {}
        self._left: set[str] = set()

    def is_left_first(self, runner_id: str) -> bool:
        """Note that nobody can record what a dead runner has finished; return whether that is new."""
        is_new = runner_id not in self._left
        self._left.add(runner_id)
        return is_new

    def is_dead(self, silence: Silence) -> bool:
        """Judge a runner that was seen now."""
        if silence.has_ended():
            return True
        now = time.monotonic()
        beat, since, looked_at = self._seen.get(silence.runner_id, (-1, now, now))
        # Who could not look, because the database was away, cannot say that the other was silent.
        if beat != silence.beat or now - looked_at > 2 * self._heartbeat_s + _LOOK_SLACK_S:
            since = now
        self._seen[silence.runner_id] = (silence.beat, since, now)
        return silence.age_s > self._lease_s and now - since > 2 * self._heartbeat_s
