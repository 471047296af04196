"""The folders of results; removing a series' removes what this program wrote, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.output.results_folder import ResultsFolder, remove_remains, remove_results, write_atomically

OURS = (
    "logs/1-1.log",
    "logs/12-3.log",
    "files/1/model.bin",
    "files/1/deep/er.bin",
    "graphs/a.png",
    "graphs/a.pdf",
    "graphs/where-lr/a.png",
    "tables/b.md",
    "tables/where-lr/b.md",
    "report/report.html",
    "report/figures/a/data.csv",
    "report/tables/b.md",
    "report/where-lr/report.html",
)
THEIRS = (
    "logs/1.log",
    "logs/notes.txt",
    "files/notes/1.txt",
    "graphs/thesis.png",
    "graphs/mine/a.png",
    "tables/where-lr/c.md",
    "report/figures/a/mine.csv",
    "data.csv",
    "src/main.py",
)
LISTED = ("a.png", "a.pdf", "b.md", "report.html", "figures/a/data.csv", "../../src/main.py")
INDEX = {"s": dict.fromkeys(LISTED, "")}


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


def test_a_results_folder_that_a_run_makes_is_ignored(tmp_path: Path) -> None:
    """Whatever its name: a user has named it for results alone. An existing one may have other files."""
    for root, is_ignored in ((tmp_path / "out", True), (tmp_path, False)):
        ResultsFolder(root).make_runner("first")
        assert (root / ".gitignore").exists() == is_ignored


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


@pytest.fixture
def folder(tmp_path: Path) -> ResultsFolder:
    return ResultsFolder(tmp_path / "Ergebnisse ü")


def write(folder: ResultsFolder, names: tuple[str, ...]) -> Path:
    home = folder.series("s")
    for name in names:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    return home


def list_files(home: Path) -> None:
    """Write the indexes that generations of graphs and tables leave."""
    folders = ("graphs", "tables", "report")
    for name in (*folders, *(f"{folder}/where-lr" for folder in folders), "report/tables"):
        (home / name / ".generated.json").write_text(json.dumps(INDEX))


def files(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if not path.is_dir()}


def test_everything_of_ours_goes(folder: ResultsFolder) -> None:
    """A folder in which nothing else lies vanishes; others of the results stay."""
    home = write(folder, OURS)
    list_files(home)
    other = folder.log("other", 1, 1)
    other.parent.mkdir(parents=True)
    other.touch()
    assert remove_results(folder, "s") == 19
    assert not home.exists()
    assert other.exists()


def test_everything_of_others_stays(folder: ResultsFolder) -> None:
    """A series may be named like a folder of the user's project."""
    home = write(folder, OURS + THEIRS)
    list_files(home)
    remove_results(folder, "s")
    assert files(home) == set(THEIRS)


def test_links_are_not_followed(folder: ResultsFolder, tmp_path: Path) -> None:
    """What a link leads to is not ours."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "1").mkdir(parents=True)
    (elsewhere / "1" / "precious").touch()
    home = write(folder, ("files/2/model.bin", "report/report.html"))
    (elsewhere / "data.csv").touch()
    (home / "report" / "figures").mkdir()
    (home / "report" / "figures" / "a").symlink_to(elsewhere)
    (home / "report" / ".generated.json").write_text(json.dumps(INDEX))
    (home / "files" / "1").symlink_to(elsewhere / "1")
    (home / "logs").symlink_to(elsewhere)
    remove_results(folder, "s")
    assert (elsewhere / "1" / "precious").exists()
    assert (elsewhere / "data.csv").exists()
    assert not (home / "files").exists()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../up", "/absolute", "a//b", "a/../..", ".runners", "a\0b", "é" * 128]
)
def test_a_series_has_its_folder_below_the_results(name: str, folder: ResultsFolder) -> None:
    """Rows made by hand may name anything; what names no folder of its own gets one."""
    below = folder.series(name)
    assert below.parent == folder.root
    assert below.name.startswith("series-")
    assert below != folder.series(name + "x")
    assert folder.series("a/b c") == folder.root / "a" / "b c"


def test_nothing_to_remove(folder: ResultsFolder) -> None:
    """A series that wrote nothing, or whose name is a file's, has nothing to remove."""
    assert remove_results(folder, "s") == 0
    folder.root.mkdir()
    (folder.root / "experiments.db").touch()
    assert remove_results(folder, "experiments.db") == 0
    assert (folder.root / "experiments.db").exists()
