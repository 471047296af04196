"""The folders of results."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.output.results_folder import ResultsFolder, remove_remains, write_atomically


def test_a_runner_begins_while_another_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of all runners may go between its making and that of a runner's own."""
    folder = ResultsFolder(tmp_path / "Ergebnisse ü")
    folder.make_runner("first")
    make, ended = Path.mkdir, []

    def make_meanwhile(path: Path, *arguments: int, **options: bool) -> None:
        if path.name == "second" and not ended:
            ended.append(path)
            folder.remove_runner("first")
            raise FileNotFoundError(path)
        make(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", make_meanwhile)
    assert folder.make_runner("second").is_dir()
    assert not folder.runner("first").exists()


def test_remains(tmp_path: Path) -> None:
    """With a dead runner's folder goes the temporary one of its sockets; an ended one keeps that."""
    folder = ResultsFolder(tmp_path / "Ergebnisse ü")
    for runner in ("ended", "dead"):
        (tmp_path / f"pymp-{runner}").mkdir()
        folder.make_runner(runner)
        for _ in range(2):  # each of its workers notes it
            folder.note_sockets(runner, tmp_path / f"pymp-{runner}")
    assert folder.runner_ids() == ["dead", "ended"]
    folder.remove_runner("ended")
    remove_remains(folder.runner("dead"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Ergebnisse ü", "pymp-ended"]
    assert folder.runner_ids() == []
    assert not (folder.root / ".runners").exists()


def test_remains_lead_nowhere_else(tmp_path: Path) -> None:
    """A link to a folder that is not one of sockets is not followed."""
    folder = ResultsFolder(tmp_path / "results")
    (tmp_path / "precious").mkdir()
    folder.make_runner("dead")
    folder.note_sockets("dead", tmp_path / "precious")
    remove_remains(folder.runner("dead"))
    assert (tmp_path / "precious").is_dir()


def test_half_a_file_lies_where_it_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written before the file has its name is in the scratch folder, and gone afterwards."""
    scratch, path = tmp_path / "scratch", tmp_path / "logs" / "1-1.log"
    scratch.mkdir()
    write, written = Path.write_bytes, []

    def observe(temporary: Path, data: bytes) -> int:
        written.append(temporary.parent)
        return write(temporary, data)

    monkeypatch.setattr(Path, "write_bytes", observe)
    write_atomically(path, b"said", scratch=scratch)
    assert written == [scratch]
    assert path.read_bytes() == b"said"
    assert not list(scratch.iterdir())
