"""Importing the target in the server of new processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from experiments.output.capture import open_stream
from experiments.target import preloading


def request(path: Path) -> str:
    preloading.announce(f"{path}:main", str(path.parent))
    try:
        return preloading.announced()[preloading.VARIABLE]
    finally:
        preloading.announce(None)


def preload(path: Path) -> str | None:
    """Preload with stdout as it is in the server."""
    with open_stream(1) as stdout, redirect_stdout(stdout):
        return preloading.preload(request(path))


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", [*sys.argv])
    path = tmp_path / "mein zïel.py"
    path.write_text("print('imported')\ndef main(x): return {}\n")
    yield path
    sys.modules.pop(path.stem, None)


def test_nothing_announced() -> None:
    """Without a target the server's environment stays as it is."""
    assert preloading.announced() == {}


def test_preload(target: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The module is there afterwards, and what it prints does not reach the command's output."""
    assert preload(target) is None
    assert sys.modules[target.stem].__file__ == str(target)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("raised", ["ImportError('gone')", "RuntimeError('gone')", "SystemExit('gone')"])
def test_failing_preload(target: Path, raised: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever the import raises is reported, with what it had printed; nothing is raised."""
    target.write_text(f"print('on the way')\nraise {raised}\n")
    problem = preload(target)
    assert problem is not None
    assert problem.startswith(f"execute.preload: {target}:main could not be preloaded")
    assert "gone" in problem
    assert "on the way" in problem
    assert capfd.readouterr() == ("", "")


def test_threads(target: Path) -> None:
    """A target that starts threads is reported: the workers do not have them."""
    target.write_text(
        "import threading\nstop = threading.Event()\n"
        "thread = threading.Thread(target=stop.wait, daemon=True)\nthread.start()\ndef main(x): return {}\n"
    )
    problem = preload(target)
    assert problem is not None
    assert "starts 1 thread(s)" in problem
    module = sys.modules[target.stem]
    module.stop.set()
    module.thread.join()


def test_search_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server finds modules where this process does."""
    folder = tmp_path / "library é"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    preloading.announce("a:b", str(tmp_path))
    try:
        assert str(folder) in json.loads(preloading.announced()[preloading.VARIABLE])[2]
    finally:
        preloading.announce(None)
