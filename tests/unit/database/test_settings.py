"""The environment's variables, and URLs of databases."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from database.errors import DatabaseError
from database.settings import (
    DEFAULT_DATABASE_URL,
    SettingError,
    Settings,
    normalise_url,
    results_directory,
    safe_url,
)


def test_defaults() -> None:
    """Without variables, and with empty ones, the defaults hold."""
    assert Settings.from_environment({}) == Settings()
    assert (
        Settings.from_environment({"EXPERIMENTS_DATABASE_URL": "", "EXPERIMENTS_LEASE_S": ""}) == Settings()
    )
    assert Settings().database_url == DEFAULT_DATABASE_URL == "sqlite:///results/experiments.db"


def test_all_variables() -> None:
    """Each field has its variable."""
    found = Settings.from_environment(
        {
            "EXPERIMENTS_DATABASE_URL": "sqlite:///x.db",
            "EXPERIMENTS_RESULTS": "out",
            "EXPERIMENTS_DURABILITY": "full",
            "EXPERIMENTS_LEASE_S": "1.5",
            "EXPERIMENTS_HOST": "node-7",
            "EXPERIMENTS_HEARTBEAT_S": "0.5",
            "EXPERIMENTS_START_METHOD": "spawn",
            "EXPERIMENTS_POOL_SIZE": "7",
            "EXPERIMENTS_POOL_OVERFLOW": "0",
            "EXPERIMENTS_POOL_TIMEOUT_S": "2.5",
            "EXPERIMENTS_POOL_RECYCLE_S": "60",
            "EXPERIMENTS_SLOW_QUERY_S": "0.25",
        }
    )
    assert found == Settings(
        "sqlite:///x.db", "out", "full", 1.5, 0.5, "node-7", "spawn", 7, 0, 2.5, 60, 0.25
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DURABILITY", "none", "EXPERIMENTS_DURABILITY='none' is not one of normal, full"),
        ("START_METHOD", "fork", "EXPERIMENTS_START_METHOD='fork' is not one of forkserver, spawn"),
        ("LEASE_S", "long", "EXPERIMENTS_LEASE_S='long' is not a number of seconds"),
        ("LEASE_S", "-1", "EXPERIMENTS_LEASE_S='-1' is not a positive number"),
        ("LEASE_S", "inf", "EXPERIMENTS_LEASE_S='inf' is not a positive number"),
        ("HEARTBEAT_S", "nan", "EXPERIMENTS_HEARTBEAT_S='nan' is not a positive number"),
        ("POOL_SIZE", "0", "EXPERIMENTS_POOL_SIZE='0' is not a whole number from 1 on"),
        ("POOL_SIZE", "1.5", "EXPERIMENTS_POOL_SIZE='1.5' is not a whole number"),
        ("POOL_OVERFLOW", "-1", "EXPERIMENTS_POOL_OVERFLOW='-1' is not a whole number from 0 on"),
        ("POOL_TIMEOUT_S", "0", "EXPERIMENTS_POOL_TIMEOUT_S='0' is not a positive number"),
        ("POOL_RECYCLE_S", "-1", "EXPERIMENTS_POOL_RECYCLE_S='-1' is not a positive number"),
        ("SLOW_QUERY_S", "slow", "EXPERIMENTS_SLOW_QUERY_S='slow' is not a number of seconds"),
        ("HEARTBEAT_S", "30", "a healthy runner would be declared dead"),
    ],
)
def test_impossible_values(name: str, value: str, message: str) -> None:
    """An impossible value names the variable and what it may be, and ends a command with 2."""
    with pytest.raises(SettingError, match=message) as caught:
        Settings.from_environment({f"EXPERIMENTS_{name}": value})
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:p@h/d", "postgres://u:p@h/d", "postgresql+psycopg2://u:p@h/d"],
)
def test_postgresql_means_psycopg2(url: str) -> None:
    """However PostgreSQL is written, the driver is the one that is installed."""
    found = normalise_url(url)
    assert found.drivername == "postgresql+psycopg2"
    assert found.render_as_string(hide_password=False) == "postgresql+psycopg2://u:p@h/d"


def test_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later chdir changes nothing."""
    folder = tmp_path / "Daten ü"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert normalise_url("sqlite:///x/y.db").database == f"{folder}/x/y.db"
    absolute = normalise_url(f"sqlite:///{folder}/y.db")
    assert absolute.database == f"{folder}/y.db"
    assert normalise_url(absolute) == absolute


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "'nonsense' is not a database URL; write sqlite:///path/to/file.db or postgresql://"),
        ("postgresql://u:geheim@h:port/d", "is not a database URL"),
        ("postgresql:/u:ge/h@eim@h/d?password=geheim", "is not a database URL"),
        ("mysql://u:geheim@h/d", "mysql is not supported; use sqlite:/// or postgresql://"),
        ("postgresql+asyncpg://u:geheim@h/d", "is not supported"),
        ("sqlite://", "not a file that worker processes can open"),
        ("sqlite:///:memory:", "not a file that worker processes can open"),
        ("sqlite:///file:x?mode=memory", "not a file that worker processes can open"),
        ("sqlite:///file:x?key=geheim", "not a file that worker processes can open"),
        ("postgresql:/h/d?token=geheim", "is not a database URL"),
    ],
)
def test_unusable_urls(url: str, message: str) -> None:
    """A URL that cannot be used says why and what to write, ends a command with 3, and hides passwords."""
    with pytest.raises(DatabaseError, match=message) as caught:
        normalise_url(url)
    assert caught.value.exit_code == 3
    assert "eim" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:geheim@host/d",
        "postgresql://host/d?password=geheim",
        "postgresql://host/d?token=geheim&token=geheim&options=-c%20x.y%3Dgeheim",
        "postgresql://user:geheim@host/d?sslpassword=geheim&PASSWORD=geheim&passfile=/geheim&sslkey=/geheim",
    ],
)
def test_safe_url(url: str) -> None:
    """No password is shown, wherever it stands; the rest is."""
    shown = safe_url(url)
    assert "geheim" not in shown
    assert "***" in shown
    assert "host/d" in shown
    assert safe_url(f"{url.partition('?')[0]}?host=/tmp&sslmode=require").endswith(
        "host=%2Ftmp&sslmode=require"
    )


def test_results_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results lie beside the SQLite file, else in ./results, unless EXPERIMENTS_RESULTS says where."""
    monkeypatch.chdir(tmp_path)
    assert results_directory("sqlite:///a/b.db") == tmp_path / "a"
    assert results_directory("postgresql://h/d") == tmp_path / "results"
    monkeypatch.setenv("EXPERIMENTS_RESULTS", "out é")
    assert results_directory("sqlite:///a/b.db") == tmp_path / "out é"


def test_every_variable_is_documented() -> None:
    """The docstring names each variable that is read."""
    assert Settings.__doc__ is not None
    for name in ("DATABASE_URL", "RESULTS", "DURABILITY", "LEASE_S", "HEARTBEAT_S", "START_METHOD"):
        assert f"EXPERIMENTS_{name}" in Settings.__doc__
    assert not [name for name in os.environ if name.startswith("EXPERIMENTS_") and "TEST" not in name]
