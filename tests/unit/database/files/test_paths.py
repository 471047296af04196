"""Paths that users name: what lies there, whether they can be recorded, and the current folder."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from database.files.paths import CurrentFolderError, current_folder, path_problem, what_is_no_file
from database.settings import normalise_url, results_directory


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


def _link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def _nothing(_path: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (os.mkfifo, "a named pipe (FIFO)"),
        (_bind, "a socket"),
        (Path.mkdir, "a folder"),
        (_link_to_device, "a device"),
        (Path.touch, None),
        (_link_to_itself, None),
        (_nothing, None),
    ],
)
def test_what_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], kind: str | None
) -> None:
    """What is no regular file is told without being opened; opening tells the rest."""
    monkeypatch.chdir(tmp_path)  # a socket's name is short
    make(Path("a"))
    assert what_is_no_file(Path("a")) == kind


def test_a_locale_is_not_blamed_on_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name in UTF-8 that only the locale cannot read is told so; another name must be changed."""
    assert path_problem(Path("/home/größe")) is None
    read_as_ascii = Path("größe".encode().decode("ascii", "surrogateescape"))
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    problem = path_problem(read_as_ascii) or ""
    assert "größe cannot be read, because the encoding of this program's locale is ascii" in problem
    assert "set LC_ALL=C.UTF-8" in problem
    assert "is not UTF-8; write it in UTF-8, or rename the folder or file" in (
        path_problem(Path("b\udce9d")) or ""
    )


def test_a_deleted_current_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths begin nowhere when the current folder was deleted: the message names it."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setenv("EXPERIMENTS_RESULTS", "here")
    gone.rmdir()
    for begin in (
        current_folder,
        lambda: normalise_url("sqlite:///a.db"),
        lambda: results_directory("postgresql://h/d"),
    ):
        with pytest.raises(CurrentFolderError, match=rf"the current folder {gone} was deleted"):
            begin()
    assert normalise_url(f"sqlite:///{tmp_path}/a.db").database == f"{tmp_path}/a.db"
