"""What a storm does: how much work, how many blows, and in which order. All of it follows from the seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

#: The last share of the work is left in peace, so that all blows are dealt before the work is done.
_CALM_SHARE = 0.15


class Blow(Enum):
    """What may happen to a run at any moment."""

    KILL_WORKER = "a process below a runner killed"
    KILL_RUNNER = "runner killed"
    KILL_FORKSERVER = "server of forks killed"
    FREEZE_RUNNER = "runner suspended"
    FREEZE_WORKER = "worker suspended"
    FREEZE_HOST = "runner and its workers suspended"
    KILL_SERVER = "database server killed"
    KILL_BACKEND = "database connection's server process killed"
    END_BACKEND = "database connection ended by an administrator"

    @property
    def is_kill(self) -> bool:
        """Whether something gets a SIGKILL."""
        return self.name.startswith("KILL")

    @property
    def needs_server(self) -> bool:
        """Whether it can happen on PostgreSQL only."""
        return self in {self.KILL_SERVER, self.KILL_BACKEND, self.END_BACKEND}


@dataclass(frozen=True)
class Plan:
    """A storm.

    Attributes
    ----------
    seed : int
        Everything that is random follows from it, but for the moments at which processes get the processor.
    experiments : int
        Their x is 0 .. experiments - 1.
    poison : int
        So many of them always kill their process.
    blows : dict
        How often what happens.
    isolation : str
        Of the series.
    runners, workers : int
        Runners at a time, and workers of each.
    hosts : int
        Runners are on so many hosts in turn.
    cut_share : float
        The share of COMMITs that the proxy cuts, on PostgreSQL.
    """

    seed: int
    experiments: int
    poison: int
    blows: dict[Blow, int] = field(default_factory=dict)
    isolation: str = "pool"
    runners: int = 2
    workers: int = 2
    hosts: int = 1
    cut_share: float = 0.0

    @property
    def poisonous(self) -> frozenset[int]:
        """Which experiments kill their process; spread over the series."""
        step = self.experiments // (self.poison + 1)
        return frozenset(step * (number + 1) for number in range(self.poison))

    def schedule(self) -> Iterator[tuple[int, Blow]]:
        """Yield the blows in their order, each with the number of executions that it waits for."""
        chance = random.Random(self.seed)
        blows = [blow for blow, times in self.blows.items() for _ in range(times)]
        chance.shuffle(blows)
        last = self.experiments * (1 - _CALM_SHARE)
        moments = sorted(chance.uniform(last / 50, last) for _ in blows)
        yield from zip(map(int, moments), blows, strict=True)
