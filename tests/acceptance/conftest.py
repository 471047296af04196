"""Fixtures: a user's project on SQLite, and on both databases."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.project import Project

#: What a shell ignores in its background, and nohup. Programs that are started would ignore it, too.
_IGNORED_BY_SHELLS = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _default_signals() -> Iterator[None]:
    """Start programs with the default action of each signal, whatever the tests were started by."""
    ignored = [number for number in _IGNORED_BY_SHELLS if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, _do_nothing)  # a handler is not inherited
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


def _do_nothing(_number: int, _frame: object) -> None: ...


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
