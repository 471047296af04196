"""Dealing a blow: finding whom it hits, and hitting."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from tests.chaos.plan import Blow
from tests.faults.server import Server

#: A process that does not run yet is hit this often, when there is a choice: others get their work done.
_YOUNG_SHARE = 0.1


class Violence:
    """Hits runners, what they have started, and the server.

    Parameters
    ----------
    seed : int
        Of the choice among those that are there.
    lease_s : float
        What is suspended is so for 0.7 to 3 times this time.
    server : Server or None
        The PostgreSQL server, if there is one.

    Attributes
    ----------
    dealt : Counter of Blow
        How often each was dealt.
    """

    def __init__(self, seed: int, lease_s: float, server: Server | None) -> None:
        self._chance = random.Random(seed)
        self._lease_s = lease_s
        self._server = server
        self._frozen: dict[int, float] = {}
        self.dealt: Counter[Blow] = Counter()

    @property
    def kills(self) -> int:
        """How many SIGKILLs were sent."""
        return sum(times for blow, times in self.dealt.items() if blow.is_kill)

    def deal(self, blow: Blow, runners: Sequence[int], working: Collection[int]) -> bool:
        """Try to deal a blow; return whether anybody was hit.

        Parameters
        ----------
        runners : sequence of int
            The pids of the runners that live.
        working : collection of int
            Processes that have run an experiment.
        """
        awake = [
            pid for pid in runners if pid not in self._frozen and not self._frozen.keys() & set(_below(pid))
        ]
        hit = self._hit_server(blow) if blow.needs_server else self._hit_runner(blow, awake, working)
        self.dealt[blow] += hit
        return hit

    def thaw(self, *, all_of_them: bool = False) -> None:
        """Let those go on whose time is over."""
        now = time.monotonic()
        for pid in [pid for pid, until in self._frozen.items() if all_of_them or now > until]:
            del self._frozen[pid]
            _send(pid, signal.SIGCONT)

    def _hit_runner(self, blow: Blow, runners: Sequence[int], working: Collection[int]) -> bool:
        if not runners:
            return False
        runner = self._chance.choice(runners)
        if blow is Blow.KILL_RUNNER:
            return _send(runner, signal.SIGKILL)
        if blow is Blow.FREEZE_RUNNER:
            return self._freeze({runner})
        helpers, workers = self._helpers(runner), self._workers(runner)
        if blow is Blow.KILL_FORKSERVER:
            return bool(helpers) and _send(helpers[0], signal.SIGKILL)
        if blow is Blow.FREEZE_HOST:
            return self._freeze({runner, *helpers, *workers})
        busy = [pid for pid in workers if pid in working]
        if not busy:  # those that are starting could be hit until no worker ever starts
            return False
        victim = self._chance.choice(workers if self._chance.random() < _YOUNG_SHARE else busy)
        return self._freeze({victim}) if blow is Blow.FREEZE_WORKER else _send(victim, signal.SIGKILL)

    def _hit_server(self, blow: Blow) -> bool:
        assert self._server is not None
        if blow is Blow.KILL_SERVER:
            self._server.kill()
            self._server.start()
            return True
        backends = self._server.backends()
        if not backends:
            return False
        how = signal.SIGKILL if blow is Blow.KILL_BACKEND else signal.SIGTERM
        return _send(self._chance.choice(backends), how)

    def _freeze(self, victims: set[int]) -> bool:
        until = time.monotonic() + self._lease_s * self._chance.uniform(0.7, 3)
        stopped = {pid for pid in victims if _send(pid, signal.SIGSTOP)}
        self._frozen |= dict.fromkeys(stopped, until)
        return bool(stopped)

    def _workers(self, runner: int) -> list[int]:
        """Return what is below a runner in sessions of their own: workers, and what they have started."""
        home = _session(runner)
        return [pid for pid in _below(runner) if _session(pid) not in {home, None}]

    def _helpers(self, runner: int) -> list[int]:
        """Return the processes in the runner's own session that have children: the server of forks."""
        home = _session(runner)
        return [pid for pid in _below(runner) if _session(pid) == home and _below(pid)]


def _below(pid: int) -> list[int]:
    """Return the processes below `pid`, as the kernel lists them, which is faster than to look at all."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it, or one of its threads, has ended meanwhile
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += [int(child) for child in (thread / "children").read_text().split()]
    return [*found, *(below for child in found for below in _below(child))]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _send(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
