"""Folders that git ignores, once this program has made them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from database.engine.sqlite_file import find_folder
from database.files.ignored_folder import make_ignored_folder


def test_made_folder_is_ignored(tmp_path: Path) -> None:
    """A folder that was made has a .gitignore for all that is in it; making it again changes nothing."""
    folder = tmp_path / "results"
    make_ignored_folder(folder)
    ignore = folder / ".gitignore"
    assert ignore.read_text().splitlines()[-1] == "*"
    ignore.write_text("mine\n")
    make_ignored_folder(folder)
    assert ignore.read_text() == "mine\n"


def test_existing_folder_is_the_users(tmp_path: Path) -> None:
    """Nothing is written into a folder that exists; where a file has that name, nothing can be made."""
    make_ignored_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        make_ignored_folder(tmp_path / "file")


def test_a_failure_to_write_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is there also where its .gitignore cannot be written."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "open", refuse)
    make_ignored_folder(tmp_path / "results")
    assert os.listdir(tmp_path / "results") == []  # noqa: PTH208 - Path.open is replaced


@pytest.mark.parametrize(("name", "is_ignored"), [("results", True), ("project", False)])
def test_folder_of_a_database(tmp_path: Path, name: str, is_ignored: bool) -> None:
    """Of the folders of databases only `results` is ignored: another one may become a project."""
    find_folder(tmp_path / name / "experiments.db", create=True)
    assert (tmp_path / name / ".gitignore").exists() == is_ignored
