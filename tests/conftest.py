"""Fixtures of all tiers: those that users get, and a clean process for every test."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["database.testing"]

# How long an example takes says more of what else the machine does than of what is tested.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

#: In the order in which they run, fast tests first.
TIERS = ("unit", "integration", "acceptance", "chaos")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tiers in order."""
    items.sort(key=lambda item: TIERS.index(item.path.relative_to(Path(__file__).parent).parts[0]))


@pytest.fixture(autouse=True)
def _clean_process(clean_process: None) -> None:
    """Start each test without our variables, and leave no session, engine or told warning behind."""
