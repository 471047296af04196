"""Fixtures: a user's project on SQLite, and on both databases."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.project import Project


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C reach what is started, also when a shell has started the tests in its background."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # programs that are started would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def project(tmp_path: Path, sqlite_url: str) -> Iterator[Project]:
    """Yield a user's project with an SQLite database."""
    yield from _project(tmp_path, sqlite_url)


@pytest.fixture
def project_on_both(tmp_path: Path, database_url: str) -> Iterator[Project]:
    """Yield a user's project, with SQLite and with PostgreSQL."""
    yield from _project(tmp_path, database_url)


def _project(tmp_path: Path, url: str) -> Iterator[Project]:
    folder = tmp_path / "Mein Projekt é"
    folder.mkdir()
    project = Project(folder, url)
    yield project
    project.end()
