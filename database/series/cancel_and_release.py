"""Taking experiments out, or back, while runners are at work: `cancel` and `release`.

What a worker owns is taken from it by the protocol's `claims.take_away`: whatever it says of it
afterwards is refused, and its supervisor ends it. Both commit in parts and are safe to repeat.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from database.claims import protocol
from database.claims.runners import ProcessIdentity, Silence, others_alive
from database.claims.types import Removal
from database.errors import ExperimentsError, NotFoundError
from database.models import Experiment, ExperimentStatus, Outcome, Runner, Worker
from database.models.current_user import current_person
from database.series.selection import EVERYTHING, Selection, move_in_parts
from database.session.lifecycle import commit_part
from database.settings import Settings

#: What can be cancelled; a completed experiment cannot: its result is final.
CANCELLABLE = (ExperimentStatus.PENDING, ExperimentStatus.RUNNING, ExperimentStatus.FAILED)
#: A runner elsewhere that was silent for more heartbeats than these may be taken for dead by a person.
_MISSED_BEATS = 2


@dataclass(frozen=True)
class Cancelled:
    """What `cancel` did.

    Attributes
    ----------
    waiting : int
        Experiments that nobody was at.
    taken : int
        Experiments that were taken from workers.
    """

    waiting: int
    taken: int


def cancel(
    session: Session,
    series_id: int,
    statuses: Collection[ExperimentStatus] = (ExperimentStatus.PENDING, ExperimentStatus.RUNNING),
    *,
    selection: Selection = EVERYTHING,
) -> Cancelled:
    """Take experiments out of a series, also those that run; `retry` brings them back.

    Retired ones that nobody is at stay as they are: nothing would run them.

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
    unowned = set(statuses) - {ExperimentStatus.RUNNING}
    owned = set(statuses) & {ExperimentStatus.RUNNING}
    if ExperimentStatus.PENDING in statuses:
        owned.add(ExperimentStatus.CLAIMED)  # people see it as pending
    removal = Removal(
        series_id, Outcome.CANCELLED, f"cancelled by {current_person()}", owned, selection.conditions()
    )
    cancelled = {"status": ExperimentStatus.CANCELLED, "due_at": None}
    waiting = taken = 0
    while True:  # what was claimed, or given back, between the two is found in the next round
        out = sum(
            move_in_parts(session, series_id, selection, before=status, values=cancelled)
            for status in unowned
        )
        away = _take_away(session, _owners(session, series_id), removal) if owned else 0
        waiting, taken = waiting + out, taken + away
        if not out and not away:
            return Cancelled(waiting, taken)


@dataclass(frozen=True)
class Holder:
    """A runner that holds experiments of a series.

    Attributes
    ----------
    runner_id : str
        The runner; empty when nobody knows whose the workers are.
    identity : ProcessIdentity or None
        Its process, as far as it is known.
    alive : str or None
        Why it is held for alive, in words; None when it is not.
    workers : tuple of str
        Its workers that hold any.
    experiments : int
        How many they hold.
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
    """What `release` did.

    Attributes
    ----------
    experiments : int
        How many are pending again.
    from_ : tuple of Holder
        Who held them.
    kept : tuple of Holder
        Who holds on to theirs, because they are alive.
    """

    experiments: int
    from_: tuple[Holder, ...]
    kept: tuple[Holder, ...]


def release(
    session: Session,
    series_id: int,
    *,
    runner: str | None = None,
    selection: Selection = EVERYTHING,
    force: bool = False,
) -> Released:
    """Give back what runners hold that are not alive any more, before their leases are over.

    What runs is `lost`, without blame, and pending again.

    Parameters
    ----------
    runner : str, optional
        Only what this runner holds: its id, or how that begins.
    selection : Selection
        Only these experiments.
    force : bool
        Take it from those that are alive as well; they go on with others.

    Raises
    ------
    NotFoundError
        There is no such runner.
    """
    found = holders(session, series_id, selection)
    if runner is not None:
        _require_runner(session, runner, found)
        found = [one for one in found if one.runner_id.startswith(runner)]
    dead = [one for one in found if force or one.alive is None]
    kept = tuple(one for one in found if one not in dead)
    removal = Removal(
        series_id,
        Outcome.LOST,
        f"released by {current_person()}",
        conditions=selection.conditions(),
    )
    workers = sorted(worker for one in dead for worker in one.workers)
    return Released(_take_away(session, workers, removal), tuple(dead), kept)


def holders(session: Session, series_id: int, selection: Selection = EVERYTHING) -> list[Holder]:
    """Return who holds experiments of a series, alive or not."""
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
    found: dict[str, list[tuple[str, int]]] = {}
    for worker_id, runner_id, count in session.execute(statement):
        found.setdefault(runner_id or "", []).append((str(worker_id), count))
    identities = _identities(session, found)
    return [
        Holder(
            runner_id,
            identities.get(runner_id),
            _sign_of_life(alive[runner_id]) if runner_id in alive else None,
            tuple(worker for worker, _ in held),
            sum(count for _, count in held),
        )
        for runner_id, held in found.items()
    ]


def _sign_of_life(seen: Silence) -> str | None:
    """Say why a runner is held for alive; None when it provably, or to a person who asks, is not."""
    if seen.has_ended():
        return None
    own = ProcessIdentity.own()
    if own.boot_id and (own.host, own.boot_id) == (seen.identity.host, seen.identity.boot_id):
        return "its process runs on this machine"
    if seen.age_s > _MISSED_BEATS * Settings.from_environment().heartbeat_s:
        return None
    return f"it gave a sign of life {max(0.0, seen.age_s):.0f} s ago"


def _identities(session: Session, runner_ids: Collection[str]) -> dict[str, ProcessIdentity]:
    statement = select(Runner.id, Runner.host, Runner.boot_id, Runner.pid, Runner.pid_start)
    rows = session.execute(statement.where(Runner.id.in_(runner_ids)))
    return {row[0]: ProcessIdentity(*row[1:]) for row in rows}


def _require_runner(session: Session, runner: str, found: Collection[Holder]) -> None:
    known = session.scalar(select(Runner.id).where(Runner.id.startswith(runner, autoescape=True)).limit(1))
    if known is None:
        holding = ", ".join(map(str, found)) or "none"
        raise NotFoundError(
            f"there is no runner {runner!r}; those that hold experiments of this series: {holding}"
        )


def _owners(session: Session, series_id: int) -> list[str]:
    statement = (
        select(Experiment.worker_id)
        .distinct()
        .where(Experiment.series_id == series_id, Experiment.worker_id.is_not(None))
    )
    return sorted(worker for worker in session.scalars(statement) if worker is not None)


def _take_away(session: Session, workers: Collection[str], removal: Removal) -> int:
    """Take from one worker after the other, each in a transaction like its own."""
    taken = 0
    for worker_id in workers:
        commit_part(session)
        taken += protocol.take_away(session, worker_id, removal)
    return taken
