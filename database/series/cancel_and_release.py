"""Cancelling experiments, and releasing those that dead runners own, while other runners run.

What a worker owns is taken from it by the protocol's `claims.revoke`: what it records of it afterwards
is refused, and its supervisor ends it. Both commit in batches and are safe to repeat.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from database.claims import protocol
from database.claims.types import Revocation
from database.engine.wrong_use import takes_session
from database.errors import ExperimentsError, NotFoundError
from database.models import Experiment, ExperimentStatus, Outcome, Runner, Worker
from database.process_identity import ProcessIdentity, RunnerLiveness, current_user, others_alive
from database.series.selection import EVERYTHING, Selection, change_in_batches
from database.session.lifecycle import commit_part
from database.settings import Settings

#: What can be cancelled; a completed experiment cannot: its result is final.
CANCELLABLE = (ExperimentStatus.PENDING, ExperimentStatus.RUNNING, ExperimentStatus.FAILED)
#: A runner on another host that has missed more heartbeats is not alive to a user who asks.
_MISSED_BEATS = 2


@dataclass(frozen=True)
class Cancelled:
    """How many experiments `cancel` has cancelled.

    Attributes
    ----------
    unowned : int
        Experiments that no worker owned.
    revoked : int
        Experiments that were taken from workers.
    """

    unowned: int
    revoked: int


@takes_session
def cancel(
    session: Session,
    series_id: int,
    statuses: Collection[ExperimentStatus] = (ExperimentStatus.PENDING, ExperimentStatus.RUNNING),
    *,
    selection: Selection = EVERYTHING,
) -> Cancelled:
    """Cancel experiments of a series, also those that run; `retry` makes them pending again.

    Retired experiments that no worker owns stay as they are: nothing would run them.

    Raises
    ------
    ExperimentsError
        For a status that cannot be cancelled.
    """
    impossible = [status.value for status in statuses if status not in CANCELLABLE]
    if impossible:
        raise ExperimentsError(
            f"{impossible[0]} experiments cannot be cancelled; those with status "
            f"{', '.join(status.value for status in CANCELLABLE)} can"
        )
    unowned_statuses = set(statuses) - {ExperimentStatus.RUNNING}
    owned_statuses = set(statuses) & {ExperimentStatus.RUNNING}
    if ExperimentStatus.PENDING in statuses:
        owned_statuses.add(ExperimentStatus.CLAIMED)  # shown as pending
    revocation = Revocation(
        series_id, Outcome.CANCELLED, f"cancelled by {current_user()}", owned_statuses, selection.conditions()
    )
    cancelled = {"status": ExperimentStatus.CANCELLED, "due_at": None}
    unowned = revoked = 0
    while True:  # what is claimed or released between the two statements is found in the next round
        more_unowned = sum(
            change_in_batches(session, series_id, selection, before=status, values=cancelled)
            for status in unowned_statuses
        )
        owning = owners(session, series_id, selection) if owned_statuses else ()
        more_revoked = _revoke(session, owning, revocation)
        unowned, revoked = unowned + more_unowned, revoked + more_revoked
        if not more_unowned and not more_revoked:
            return Cancelled(unowned, revoked)


@dataclass(frozen=True)
class Owner:
    """A runner whose workers own experiments of a series.

    Attributes
    ----------
    runner_id : str
        The runner; empty when the workers are unknown to the database.
    identity : ProcessIdentity or None
        Its process, where it is known.
    alive : str or None
        Why it counts as alive, in words; None when it does not.
    workers : tuple of str
        Its workers that own any.
    experiments : int
        How many they own.
    """

    runner_id: str
    identity: ProcessIdentity | None
    alive: str | None
    workers: tuple[str, ...]
    experiments: int

    def __str__(self) -> str:
        where = f" (process {self.identity.pid} on {self.identity.host})" if self.identity else ""
        return f"runner {self.runner_id[:8] or 'unknown'}{where}"


@dataclass(frozen=True)
class Released:
    """What `release` has released.

    Attributes
    ----------
    experiments : int
        How many are pending again.
    from_ : tuple of Owner
        The runners that owned them.
    kept : tuple of Owner
        The runners that keep theirs, because they are alive.
    """

    experiments: int
    from_: tuple[Owner, ...]
    kept: tuple[Owner, ...]


@takes_session
def release(
    session: Session,
    series_id: int,
    *,
    runner: str | None = None,
    selection: Selection = EVERYTHING,
    force: bool = False,
) -> Released:
    """Release what dead runners own, before their leases expire.

    What was running is `lost`, without blame, and pending again.

    Parameters
    ----------
    runner : str, optional
        Only what this runner owns: its id, or a prefix of it.
    selection : Selection
        Only these experiments.
    force : bool
        Also take it from runners that are alive; they continue with other experiments.

    Raises
    ------
    NotFoundError
        There is no such runner.
    """
    all_owners = owners(session, series_id, selection)
    if runner is not None:
        _require_runner(session, runner, all_owners)
        all_owners = [owner for owner in all_owners if owner.runner_id.startswith(runner)]
    dead = [owner for owner in all_owners if force or owner.alive is None]
    kept = tuple(owner for owner in all_owners if owner not in dead)
    revocation = Revocation(
        series_id,
        Outcome.LOST,
        f"released by {current_user()}",
        conditions=selection.conditions(),
    )
    return Released(_revoke(session, dead, revocation), tuple(dead), kept)


@takes_session
def owners(session: Session, series_id: int, selection: Selection = EVERYTHING) -> list[Owner]:
    """Return the runners that own experiments of a series, alive or not."""
    statement = (
        select(Experiment.worker_id, Worker.runner_id, func.count())
        .outerjoin(Worker, Worker.id == Experiment.worker_id)
        .where(
            Experiment.series_id == series_id,
            Experiment.worker_id.is_not(None),
            *selection.conditions(),
        )
        .group_by(Experiment.worker_id, Worker.runner_id)
        .order_by(Worker.runner_id, Experiment.worker_id)
    )
    alive = {seen.runner_id: seen for seen in others_alive(session, "")}
    by_runner: dict[str, list[tuple[str, int]]] = {}
    for worker_id, runner_id, count in session.execute(statement):
        by_runner.setdefault(runner_id or "", []).append((str(worker_id), count))
    identities = _identities(session, by_runner)
    return [
        Owner(
            runner_id,
            identities.get(runner_id),
            _sign_of_life(alive[runner_id]) if runner_id in alive else None,
            tuple(worker for worker, _ in workers),
            sum(count for _, count in workers),
        )
        for runner_id, workers in by_runner.items()
    ]


def _sign_of_life(runner: RunnerLiveness) -> str | None:
    """Return why a runner counts as alive; None when it has ended, or has missed too many heartbeats."""
    if runner.has_ended():
        return None
    own = ProcessIdentity.own()
    if own.boot_id and (own.host, own.boot_id) == (runner.identity.host, runner.identity.boot_id):
        return "its process runs on this machine"
    if runner.age_s > _MISSED_BEATS * Settings.from_environment().heartbeat_s:
        return None
    return f"it sent a heartbeat {max(0.0, runner.age_s):.0f} s ago"


def _identities(session: Session, runner_ids: Collection[str]) -> dict[str, ProcessIdentity]:
    statement = select(Runner.id, Runner.host, Runner.boot_id, Runner.pid, Runner.pid_start)
    rows = session.execute(statement.where(Runner.id.in_(runner_ids)))
    return {row[0]: ProcessIdentity(*row[1:]) for row in rows}


def _require_runner(session: Session, runner: str, known_owners: Collection[Owner]) -> None:
    known = session.scalar(select(Runner.id).where(Runner.id.startswith(runner, autoescape=True)).limit(1))
    if known is None:
        named = ", ".join(map(str, known_owners)) or "none"
        raise NotFoundError(
            f"there is no runner {runner!r}; those that own experiments of this series: {named}"
        )


def _revoke(session: Session, owning: Collection[Owner], revocation: Revocation) -> int:
    """Revoke from one worker after the other, each in its own transaction."""
    revoked = 0
    for worker_id in sorted(worker for owner in owning for worker in owner.workers):
        commit_part(session)
        revoked += protocol.revoke(session, worker_id, revocation)
    return revoked
