"""Completion by the tabulator key in the shells that are installed, set up as the page on commands says."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from database.session.lifecycle import SessionLocal
from tests.integration.meta.commanding import Commands
from tests.integration.recording import add_series

ROOT = Path(__file__).parents[4]
#: Without the user's settings; zsh has no completion before it is asked to.
SHELLS = {
    "bash": "bash --norc --noprofile -i",
    "zsh": "zsh -f -i",
    "fish": "fish --no-config",
}
PREPARED = {"zsh": "autoload -U compinit; compinit -D -u; bindkey -e\n"}
INSTALLED = [name for name in SHELLS if shutil.which(name)]
PATIENCE_S = 60.0
#: What is typed, and what the last word becomes. There are the series `first` and the file `study.yaml`.
COMPLETED = {
    "experiments stat": "status",
    "experiments database upg": "upgrade",
    "experiments status fi": "first",
    "experiments graphs first stu": "study.yaml",
    "experiments run stu": "study.yaml",
    "experiments run first --max": "--max-time",
    "experiments list first --status pend": "pending",
    "experiments retry first --outcome tim": "timed_out",
    "experiments graphs --output resu": "results",
}


def documented(shell: str) -> str:
    """Return the line that the page on commands tells users of a shell."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    (line,) = re.findall(rf"^\| {shell} \|.*\| `(.*)` \|$", page, re.MULTILINE)
    return line.replace("\\|", "|")


def by_keys(shell: str) -> list[str]:
    """Type each line in a terminal, with the tabulator key at its end, and return the last words then."""
    shown = Path("shown").absolute()
    # To the beginning of the line, to its end, and the return key.
    keys = "".join(f"{line}\t\x01printf '%s|' \x05 >> {shlex.quote(str(shown))}\n" for line in COMPLETED)
    pid, terminal = pty.fork()
    if pid == 0:
        program = SHELLS[shell].split()
        os.execvpe(program[0], program, {**os.environ, "TERM": "dumb", "LC_ALL": "C.UTF-8"})
    output, deadline = b"", time.monotonic() + PATIENCE_S
    os.write(terminal, f"{PREPARED.get(shell, '')}{documented(shell)}\n{keys}exit\n".encode())
    with suppress(OSError):  # the shell has ended
        while select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
            output += os.read(terminal, 65536)
    os.close(terminal)
    os.waitpid(pid, 0)
    assert shown.is_file(), output.decode()
    return [line.split("|")[-2] for line in shown.read_text().split("experiments|")[1:]]


def asked(shell: str) -> list[str]:
    """Ask a shell, which can tell by itself, how it completes each line; return the words."""
    script = "\n".join(
        [documented(shell), *(f"complete -C {shlex.quote(line)}; echo =" for line in COMPLETED)]
    )
    done = subprocess.run(
        [*SHELLS[shell].split(), "-c", script], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    return [candidates.strip().partition("\t")[0] for candidates in done.stdout.split("=\n")[:-1]]


@pytest.mark.parametrize("shell", INSTALLED)
def test_shells_complete(shell: str, example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands, options, their words, names of series, files and folders."""
    (example / "first.yaml").rename("study.yaml")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    words = asked(shell) if shell == "fish" else by_keys(shell)
    # zsh takes the slash behind a folder away again when a space follows.
    assert dict(zip(COMPLETED, (word.rstrip("/") for word in words), strict=True)) == COMPLETED


def test_names_of_series(commands: Commands, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the database that the line names, else of the process's; where there is none, no word."""
    with SessionLocal() as session:
        for name in ("first", "fifth", "second"):
            add_series(session, name, [{"lr": 1}])

    def completed(*line: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", shlex.join(["experiments", *line]))
        monkeypatch.setenv("COMP_CWORD", str(len(line)))
        rows = commands().splitlines()
        assert commands.err == ""
        return [row.removeprefix("plain,") for row in rows if row.startswith("plain,")]

    monkeypatch.setenv("_EXPERIMENTS_COMPLETE", "bash_complete")
    assert completed("delete", "fi") == ["fifth", "first"]
    assert completed("table", "first", "s") == ["second"]
    assert completed("show", "fi") == []
    assert completed("list", "--database", database_url, "sec") == ["second"]
    assert completed("list", "--database", "sqlite:///nowhere.db", "sec") == []
    assert completed("list", "--database", "nonsense", "sec") == []
