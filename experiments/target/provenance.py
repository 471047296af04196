"""The provenance of results: who ran which code, with which packages, where."""

from __future__ import annotations

import getpass
import re
import subprocess
from importlib import metadata
from pathlib import Path

from database.claims.runners import Provenance
from database.redaction import safe_arguments

_GIT_TIMEOUT_S = 10.0
#: The fields of a package's metadata that are recorded.
_FIELD = re.compile(r"^(Name|Version): *(.*?)\s*$", re.MULTILINE)


def collect_provenance(code: Path, arguments: list[str], *, results: Path) -> Provenance:
    """Return the provenance of a run of the code in a folder.

    Parameters
    ----------
    code : Path
        The target's folder; the state of its git repository is recorded.
    arguments : list of str
        The command line; passwords and other secrets in it are left out of the record.
    results : Path
        Files written below it do not make the code dirty.
    """
    commit = git_commit(code)
    status = _status(code, results) if commit else None
    return Provenance(
        user=_user(),
        arguments=safe_arguments(arguments),
        git_commit=commit,
        git_dirty=None if status is None else bool(status),
        packages=dict(sorted(_packages().items())),
    )


def git_commit(code: Path) -> str | None:
    """Return the commit that is checked out in a folder; None outside of git."""
    return _git(code, "rev-parse", "HEAD") or None


def _status(code: Path, results: Path) -> str | None:
    top = _git(code, "rev-parse", "--show-toplevel")
    excluded = []
    if top and results.resolve().is_relative_to(Path(top).resolve()):
        excluded = ["--", ":/", f":(exclude,top){results.resolve().relative_to(Path(top).resolve())}"]
    return _git(code, "status", "--porcelain", *excluded)


def _packages() -> dict[str, str]:
    packages = {}
    for distribution in metadata.distributions():
        # Not `distribution.metadata`: that parses the whole description of each package as an e-mail.
        text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
        fields = dict(_FIELD.findall(text.partition("\n\n")[0]))
        if "Name" in fields:  # a half-removed installation has none
            packages[fields["Name"]] = fields.get("Version", "")
    return packages


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for this user
        return ""


def _git(folder: Path, *arguments: str) -> str | None:
    """Return git's output, or None when it is not installed or this is no repository."""
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - whichever git the user has
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
