"""The storms there are: short ones for every test run, and long ones for `make chaos`."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace

from tests.chaos.plan import Blow, Plan

#: Repeats a storm, as far as the processor allows.
SEED_VARIABLE = "EXPERIMENTS_CHAOS_SEED"


def new_seed() -> int:
    """Return the seed that the environment gives, or any."""
    return int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().randrange(1_000_000))


def short_storms(seed: int) -> dict[str, Plan]:
    """Return a storm of a few seconds for each database, each with another isolation of experiments."""
    process = Plan(
        seed,
        experiments=160,
        poison=1,
        blows={Blow.KILL_WORKER: 14, Blow.KILL_RUNNER: 4, Blow.FREEZE_HOST: 1},
        isolation="process",
    )
    pool = Plan(
        seed,
        experiments=240,
        poison=1,
        blows={Blow.KILL_WORKER: 10, Blow.KILL_RUNNER: 3, Blow.KILL_FORKSERVER: 1},
    )
    frozen = {Blow.FREEZE_RUNNER: 1, Blow.FREEZE_HOST: 1, Blow.FREEZE_WORKER: 2}
    disturbed = {Blow.KILL_SERVER: 1, Blow.KILL_BACKEND: 1, Blow.END_BACKEND: 2}
    return _named([process, _on_server(_with(pool, frozen | disturbed))])


def long_storms(seed: int) -> dict[str, Plan]:
    """Return storms of more than 500 kills together."""
    pool = Plan(
        seed,
        experiments=2000,
        poison=3,
        blows={Blow.KILL_FORKSERVER: 5, Blow.FREEZE_RUNNER: 5, Blow.FREEZE_HOST: 3},
    )
    process = Plan(
        seed,
        experiments=500,
        poison=2,
        blows={Blow.KILL_WORKER: 50, Blow.KILL_RUNNER: 5},
        isolation="process",
    )
    killed = {Blow.KILL_WORKER: 165, Blow.KILL_RUNNER: 20, Blow.FREEZE_WORKER: 5}
    disturbed = {Blow.KILL_SERVER: 5, Blow.KILL_BACKEND: 5, Blow.END_BACKEND: 10}
    return _named(
        [
            _with(pool, {Blow.KILL_WORKER: 170, Blow.KILL_RUNNER: 25, Blow.FREEZE_WORKER: 6}),
            _with(process, {Blow.FREEZE_HOST: 1}),
            _on_server(_with(pool, killed | disturbed)),
            _on_server(_with(process, {Blow.KILL_SERVER: 1})),
        ]
    )


def _with(plan: Plan, blows: Mapping[Blow, int]) -> Plan:
    return replace(plan, blows={**plan.blows, **blows})


def _on_server(plan: Plan) -> Plan:
    return replace(plan, hosts=2, cut_share=0.03)


def _named(plans: Iterable[Plan]) -> dict[str, Plan]:
    return {f"{'postgresql' if plan.cut_share else 'sqlite'}-{plan.isolation}": plan for plan in plans}
