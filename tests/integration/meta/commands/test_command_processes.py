"""The `experiments` command in a process of its own: what it imports, and the streams a shell gives it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meta.commands.group import COMMANDS

HEAVY = ("sqlalchemy", "pandas", "matplotlib", "alembic", "numpy", "pydantic", "scipy", "rich")


def start(
    *arguments: str, code: str = "", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command, and `code` after it, in a process of its own."""
    program = (
        "import sys\nfrom meta.commands.group import run_command\n"
        f"ended = run_command({arguments!r})\n{code}\nsys.exit(ended)"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        cwd=cwd,
        env={**os.environ, **environment},
    )


def test_help_imports_nothing_heavy() -> None:
    """`--help` lists all verbs without importing databases, frames or drawing."""
    found = start("--help", code=f"print([name for name in {HEAVY} if name in sys.modules])")
    assert found.returncode == 0
    assert found.stdout.splitlines()[-1] == "[]"
    for verb in COMMANDS:
        assert f"\n  {verb} " in found.stdout


def test_looking_imports_no_frames(sqlite_url: str) -> None:
    """`status` and `list` start quickly: neither pandas, numpy, Alembic nor drawing is imported."""
    heavy = ("pandas", "numpy", "matplotlib", "alembic", "pydantic", "scipy")
    code = (
        f"ended = ended or run_command(['list', '--database', {sqlite_url!r}])\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    found = start("status", "--database", sqlite_url, code=code)
    assert (found.returncode, found.stdout.splitlines()[-1]) == (0, "[]"), found.stderr


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_streams(closed: tuple[int, ...], sqlite_url: str) -> None:
    """A stream that the shell closed goes nowhere, for child processes too, and no file takes its place."""
    program = (
        "import os, subprocess, sys\n"
        "from meta.commands.group import run_command\n"
        f"code = run_command(['list', '--database', {sqlite_url!r}]) or run_command(['nope'])\n"
        f"child = 'import os; assert all(os.fstat(one) for one in {closed})'\n"
        "subprocess.run([sys.executable, '-c', child], check=True)\n"
        f"assert all(os.path.samestat(os.fstat(one), os.stat(os.devnull)) for one in {closed})\n"
        "sys.exit(code)"
    )
    closing = " ".join(f"{one}>&-" for one in closed)
    found = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closing}', "sh", sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 2, found.stderr
    assert ("series" in found.stdout) == (1 not in closed)
    assert found.stderr.count("no such command: nope") == (2 not in closed)
    assert "unexpected" not in found.stderr


def test_closed_pipe() -> None:
    """When nobody reads on, the command ends quietly."""
    read, write = os.pipe()
    os.close(read)
    found = subprocess.run(
        [sys.executable, "-c", "from meta.commands import main; main(['--help'])"],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (found.returncode, found.stderr) == (141, b"")


@pytest.mark.parametrize("environment", [{"LANG": "C", "LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}])
def test_ascii_terminals(tmp_path: Path, environment: dict[str, str]) -> None:
    """A terminal without Unicode gets escapes, never an error."""
    found = start("init", "é", cwd=tmp_path, **environment)
    assert found.returncode == 0, found.stderr
    assert "first.yaml" in found.stdout
