"""Where in the user's code something happened."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["flaskr", "logging_tools", "warnings_of_ours", "work"])
def test_users_modules_are_never_passed_over(tmp_path: Path, name: str) -> None:
    """A user's module is found, also when its name begins like that of a library that is passed over."""
    path = tmp_path / f"{name} é.py"
    path.write_text("from database.engine.call_site import caller_location\n\nfound = caller_location()\n")
    assert runpy.run_path(str(path), run_name=name)["found"] == f"{path}:3"


@pytest.mark.parametrize("name", ["flask.app", "werkzeug.local", "sqlalchemy.orm", "contextlib"])
def test_libraries_are_passed_over(tmp_path: Path, name: str) -> None:
    """The place is that of whoever called the library."""
    path = tmp_path / "library.py"
    path.write_text("from database.engine.call_site import caller_location\n\nfound = caller_location()\n")
    assert not runpy.run_path(str(path), run_name=name)["found"].startswith(str(path))
