"""`experiments doctor`, on both databases."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from database.engine.registry import new_engine
from database.session.lifecycle import scoped_session
from meta.commands.group import run_command


def test_text(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The text names the server, the size, the revision, the locks, the clock, the pool and the settings."""
    assert run_command(["doctor"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^server +(SQLite 3|PostgreSQL 1)", out, re.MULTILINE)
    assert re.search(r"^size +[\d.]+ [KM]iB$", out, re.MULTILINE)
    assert re.search(r"^revision +\d{4}_v", out, re.MULTILINE)
    assert re.search(r"^clock difference +[+-]\d\.\d{3} s ± \d\.\d{3} s$", out, re.MULTILINE)
    assert re.search(r"^pool +5 connections, 10 more when needed; 0 in use, 1 idle$", out, re.MULTILINE)
    assert "    EXPERIMENTS_SLOW_QUERY_S = 5.0\n" in out
    if database_url.startswith("sqlite"):
        assert re.search(r"^write lock +free$", out, re.MULTILINE)
        assert "    journal_mode = wal\n" in out
        assert out.endswith("\nno problems found\n")
    else:
        assert re.search(r"^lock waits +0$", out, re.MULTILINE)
        assert "    statement_timeout = 0\n" in out
        assert re.search(r"^    experiments:script:\d+: 1 active$", out, re.MULTILINE)


def test_json(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The data has the same, with keys that stay."""
    assert run_command(["doctor", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert set(data) == {
        "database",
        "revision",
        "known_revision",
        "found",
        "pool",
        "environment",
        "clock_difference_s",
        "clock_uncertainty_s",
        "advice",
    }
    assert set(data["pool"]) == {"size", "overflow", "timeout_s", "recycle_s", "idle", "in_use"}
    assert isinstance(data["found"]["size_bytes"], int)
    assert (data["found"]["write_lock"] is None) != (data["found"]["lock_waits"] is None)


def test_a_transaction_left_open(postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has a transaction open is named."""
    with new_engine(postgres_url).connect() as other:
        other.exec_driver_sql("SELECT 1")
        assert run_command(["doctor"]) == 0
        other.engine.dispose()
    out = capsys.readouterr().out
    assert re.search(
        r"^oldest transaction .*, idle in transaction \(experiments:script:\d+, process \d+\)$", out, re.M
    )


def test_advice(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What should be done is said at the end."""
    with scoped_session() as session:
        session.connection().exec_driver_sql(
            "UPDATE experiments_schema_version SET version_num = '9999_v9.9.9'"
        )
    assert run_command(["doctor"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("advice: ")
    assert "install the program that wrote it" in last


def test_network_file_system(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that other verbs refuse because of where it lies is examined, and that is said."""
    listing = tmp_path / "mountinfo"
    listing.write_text("1 0 8:1 / / rw - nfs4 server:/root rw\n")
    monkeypatch.setattr("database.files.file_systems._MOUNTS", listing)
    assert run_command(["status"]) == 3
    assert "lies on a network file system (nfs4)" in capsys.readouterr().err
    assert run_command(["doctor"]) == 0
    assert "advice: the file lies on a network file system (nfs4)" in capsys.readouterr().out


def test_no_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that does not exist ends it with 3, and nothing is made."""
    missing = tmp_path / "nicht da é" / "experiments.db"
    assert run_command(["doctor", "--database", f"sqlite:///{missing}"]) == 3
    assert "there is no database at" in capsys.readouterr().err
    assert not missing.parent.exists()


def test_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    """A server that does not answer ends it with 3, and the password is not shown."""
    assert run_command(["doctor", "--database", "postgresql://u:geheim@127.0.0.1:1/d"]) == 3
    err = capsys.readouterr().err
    assert "cannot be reached" in err
    assert "geheim" not in err


def test_not_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no database ends it with 3."""
    path = tmp_path / "bild é.db"
    path.write_bytes(b"GIF89a" * 1000)
    assert run_command(["doctor", "--database", f"sqlite:///{path}"]) == 3
    assert "is damaged or not an SQLite database" in capsys.readouterr().err
