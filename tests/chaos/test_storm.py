"""Everything dies at random moments, again and again, and nothing is lost, doubled, wrong, stuck or left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.storm import Storm
from tests.chaos.weather import SEED_VARIABLE, long_storms, new_seed, short_storms
from tests.faults.server import Server

#: Whether everything goes on is told by the clock.
pytestmark = pytest.mark.alone

#: Chosen before the environment is cleaned for each test.
SEED = new_seed()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server | None]:
    """Yield a server of the storm's own if it needs one."""
    if not request.getfixturevalue("name").startswith("postgresql"):
        yield None
        return
    server = Server()
    yield server
    server.close()


@pytest.mark.parametrize("name", short_storms(SEED))
def test_storm(name: str, server: Server | None, tmp_path: Path) -> None:
    """Kills and suspensions of workers, runners and servers, and cut COMMITs, break no rule."""
    plan = short_storms(SEED)[name]
    folder = tmp_path / "Mein Projekt é"
    folder.mkdir()
    url = server.database() if server is not None else f"sqlite:///{folder / 'experiments.db'}"
    aftermath = Storm(plan, folder, url, server=server).run()
    assert not aftermath.violations, f"{aftermath}\nto repeat it: {SEED_VARIABLE}={SEED}"
    assert aftermath.kills == sum(times for blow, times in plan.blows.items() if blow.is_kill)


def test_long_storms_are_long() -> None:
    """`make chaos` means at least 500 kills, on both databases and with both isolations."""
    plans = long_storms(0)
    blows = [blow for plan in plans.values() for blow, times in plan.blows.items() for _ in range(times)]
    assert sum(blow.is_kill for blow in blows) >= 500
    assert {(name.partition("-")[0], plan.isolation) for name, plan in plans.items()} == {
        (database, isolation) for database in ("sqlite", "postgresql") for isolation in ("pool", "process")
    }


def test_seed_repeats_the_schedule() -> None:
    """The same seed means the same blows at the same moments, another one others."""
    first, again, other = (list(long_storms(seed)["sqlite-pool"].schedule()) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first == sorted(first, key=lambda moment_and_blow: moment_and_blow[0])
