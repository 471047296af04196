"""What the first run of a new user says where something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.commands.group import run_command


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("def main(lr): return lr\n")
    return tmp_path


@pytest.mark.parametrize(
    ("series", "told"),
    [
        (
            "run: trian.py:main\ngrid: {lr: [1]}",
            "1: run.function: there is no file {here}/trian.py; did you mean train.py?",
        ),
        (
            "run: train.py:man\ngrid: {lr: [1]}",
            "1: run.function: {here}/train.py has no function 'man'; did you mean 'main'? it has: main",
        ),
        (
            "run: python train.py\ngrid: {lr: [1]}",
            "1: run.function: 'python train.py' names no function; write train.py:FUNCTION",
        ),
        (
            "run: train.py:main\ngrid: {lr: [1], depth: [2]}",
            "2: grid.depth: the function ({here}/train.py:1) does not take 'depth'; it takes: lr",
        ),
    ],
)
def test_wrong_target(series: str, told: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line tells what is wrong and where; that there is no database yet is not part of it."""
    Path("s.yaml").write_text(f"{series}\nname: s\n")
    assert run_command(["run", "s.yaml", "--quiet"]) == 2
    assert capsys.readouterr().err == f"error: s.yaml:{told.format(here=here)}\n"
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("word", "meant"), [("seeds", "repeat"), ("parameters", "grid"), ("workers", "execute")]
)
def test_words_of_other_programs(word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A key that is called otherwise here is told with the section that is meant."""
    Path("s.yaml").write_text(f"name: s\nrun: train.py:main\n{word}: 3\n")
    assert run_command(["check", "s.yaml"]) == 2
    assert f"s.yaml:3: {word}: is not a key here; did you mean {meant!r}? valid" in capsys.readouterr().err


@pytest.mark.parametrize(("recorded", "code"), [(False, 3), (True, 2)])
def test_name_of_a_file(recorded: bool, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a series is not recorded, and a file is called like it, running names the file."""
    Path("s.yaml").write_text("name: s\nrun: train.py:main\n")
    Path("t.yaml").write_text("name: t\nrun: train.py:main\ngrid: {lr: [1]}\n")
    if recorded:
        assert run_command(["create", "t.yaml"]) == 0
    assert run_command(["run", "s"]) == code
    assert capsys.readouterr().err.endswith(". To run the file, write `experiments run s.yaml`\n")


def test_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    """A series file that is not there is told in one line, with the name that is meant."""
    Path("first.yaml").touch()
    assert run_command(["run", "frist.yaml"]) == 2
    assert capsys.readouterr().err == "error: frist.yaml: there is no such file; did you mean first.yaml?\n"
