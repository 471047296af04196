"""Where results come from."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

from experiments.target.provenance import collect_provenance


def test_outside_version_control(tmp_path: Path) -> None:
    """Without a repository there is no commit, and dirty is unknown."""
    provenance = collect_provenance(tmp_path, ["experiments", "run"], results=tmp_path)
    assert (provenance.git_commit, provenance.git_dirty) == (None, None)
    assert provenance.packages["numpy"]


def test_packages(tmp_path: Path) -> None:
    """Every installed package is recorded with its version, as its metadata names both."""
    assert collect_provenance(tmp_path, [], results=tmp_path).packages == {
        distribution.metadata["Name"]: distribution.version for distribution in metadata.distributions()
    }


def test_repository(tmp_path: Path) -> None:
    """The commit is that of the target's folder; an untracked file makes it dirty."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    provenance = collect_provenance(tmp_path, [], results=tmp_path / "results é")
    assert provenance.git_commit is not None
    assert len(provenance.git_commit) == 40
    assert provenance.git_dirty is False
    (tmp_path / "results é").mkdir()
    (tmp_path / "results é" / "experiments.db").touch()
    assert collect_provenance(tmp_path, [], results=tmp_path / "results é").git_dirty is False
    (tmp_path / "new").touch()
    assert collect_provenance(tmp_path, [], results=tmp_path / "results é").git_dirty is True


def test_no_secrets(tmp_path: Path) -> None:
    """Passwords of the command line never reach the record."""
    given = ["experiments", "run", "--database", "postgresql://u:geheim@h/d?x=geheim", "--token", "geheim"]
    recorded = ["experiments", "run", "--database", "postgresql://u:***@h/d?x=***", "--token", "***"]
    assert collect_provenance(tmp_path, given, results=tmp_path).arguments == recorded
