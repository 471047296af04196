"""What commands say of a path that is no file, and where the current folder was deleted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meta.commands.group import run_command

_SERIES = "name: a\nrun: {{function: {}:main}}\ngrid: {{x: [1]}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with a series, its database, and named pipes, whose opening would wait."""
    monkeypatch.chdir(tmp_path)
    Path("t.py").write_text("def main(x): return x\n")
    Path("good.yaml").write_text(_SERIES.format("t.py"))
    Path("bad.yaml").write_text(_SERIES.format("pipe.py"))
    for name in ("pipe", "pipe.yaml", "pipe.py"):
        os.mkfifo(name)
    assert run_command(["create", "good.yaml"]) == 0
    return tmp_path


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ("check pipe.yaml", 2, "pipe.yaml: is a named pipe (FIFO), not a file; name a YAML file"),
        ("create pipe.yaml", 2, "pipe.yaml: is a named pipe (FIFO), not a file"),
        ("run pipe.yaml", 2, "pipe.yaml: is a named pipe (FIFO), not a file"),
        ("graphs pipe.yaml", 2, "pipe.yaml: is a named pipe (FIFO), not a file"),
        ("check /dev/zero", 2, "/dev/zero: is a device, not a file"),
        (
            "check bad.yaml",
            2,
            "2: run.function: {}/pipe.py is a named pipe (FIFO), not a Python",
        ),
        ("trace pipe", 2, "pipe is a named pipe (FIFO), not a figure"),
        ("trace /dev/zero", 2, "/dev/zero is a device, not a figure"),
        ("status --database sqlite:///pipe", 3, "{}/pipe cannot be opened: it is a named pipe (FIFO); name"),
        ("doctor --database sqlite:///pipe", 3, "{}/pipe cannot be opened: it is a named pipe (FIFO); name"),
        ("run good.yaml --database sqlite:////dev/zero", 3, "/dev/zero cannot be opened: it is a device"),
        ("database upgrade --database sqlite:////dev/zero", 3, "/dev/zero cannot be opened: it is a device"),
    ],
)
def test_what_is_no_file_is_refused_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str], *, command: str, code: int, told: str
) -> None:
    """A pipe, a device or a folder in place of a file is told, and not waited for."""
    assert run_command(command.split()) == code
    assert told.format(folder) in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    ["check {}/good.yaml", "run {}/good.yaml", "graphs a --database sqlite:///{}/a.db", "init", "doctor"],
)
def test_a_deleted_current_folder(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """No command runs in a folder that was deleted; the message names it."""
    (gone := folder / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run_command(command.format(folder).split()) == 2
    assert capsys.readouterr().err == (
        f"error: the current folder {gone} was deleted; change to one that exists (cd)\n"
    )
