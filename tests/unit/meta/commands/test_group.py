"""The `experiments` command as a whole: help, wrong words, where there is no database."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from meta.commands.group import COMMANDS, run_command


@pytest.mark.parametrize("verb", [*COMMANDS, "database upgrade"])
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each verb explains itself, without a database."""
    assert run_command([*verb.split(), "--help"]) == 0
    out = capsys.readouterr().out
    assert f"Usage: experiments {verb}" in out
    assert len(out.splitlines()) > 4


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["statsu"], "error: no such command: statsu; did you mean 'status'? commands: init, check,"),
        (["status", "--jsn"], "--json"),
        (["show", "seven"], "'seven' is not the number of an experiment; `experiments list"),
        (["logs", "0"], "'0' is not the number of an experiment"),
        (["status", "--database", "foo"], "'foo' is not a database URL; write sqlite:///path/to/file.db"),
        (["list", "x", "--status", "faild"], "failed"),
        (
            ["retry", "x", "--outcome", "failed"],
            "'failed' is not an outcome; did you mean 'error'? outcomes: ",
        ),
        (["retry", "x", "--outcome", "timeout"], "did you mean 'timed_out'?"),
        (["logs", "1", "--attempt", "x"], "'--attempt': 'x' is not a valid whole number."),
        (["list", "x", "--limit", "9" * 20], f"'--limit': {'9' * 20} is too large."),
        (["run", "x", "--grace", "x"], "'--grace': 'x' is not a valid number."),
        (["run", "x", "--grace", "nan"], "'--grace': 'nan' is not a valid number."),
        (["compare", "x", "--of", "a", "--on", "b", "--level", "nan"], "'nan' is not a valid number."),
        (["compare", "x", "--of", "a", "--on", "b", "--splits", "0.3"], "a test_size of 0.3 is 0.3/0.7"),
        (
            ["compare", "x", "--of", "a", "--on", "b", "--splits", "45/0"],
            "'45/0' is not how much is tested on",
        ),
        (["check"], "Missing argument 'FILE'"),
        (["graphs", "--nope"], "`experiments graphs --help` explains its arguments"),
    ],
)
def test_wrong_words(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong word is an error of use that names the right ones, with exit code 2."""
    assert run_command(arguments) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "verb", ["status", "list", "show 1", "logs 1", "failures x", "retry x", "export x", "graphs"]
)
def test_looking_creates_no_database(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no database is, looking says where it looked, exits with 3, and creates nothing."""
    monkeypatch.chdir(tmp_path)
    assert run_command(verb.split()) == 3
    assert f"there is no database at {tmp_path}/results/experiments.db" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_looking_from_a_folder_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below a project that has a database, looking names the folder to look from, and creating warns."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "experiments.db").touch()
    (inside := tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert run_command(["status"]) == 3
    told = (
        f"no database at {inside}/results/experiments.db; there is one in {tmp_path}: run the command there"
    )
    assert told in capsys.readouterr().err
    assert list(inside.iterdir()) == []
    assert run_command(["init", "."]) == 0
    assert run_command(["create", "first.yaml"]) == 0
    told = f"a new database is made at {inside}/results/experiments.db, which knows nothing of"
    assert capsys.readouterr().err == f"warning: {told} the one in {tmp_path}\n"


def test_check_without_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`check` works before there is a database: everything is new, and nothing is created."""
    monkeypatch.chdir(tmp_path)
    assert run_command(["init", "é ü"]) == 0
    monkeypatch.chdir(tmp_path / "é ü")
    assert run_command(["check", "first.yaml"]) == 0
    assert "new             20\n" in capsys.readouterr().out
    assert sorted(path.name for path in Path().iterdir() if path.name != "__pycache__") == [
        "first.yaml",
        "train.py",
    ]


def test_unusable_database(capsys: pytest.CaptureFixture[str]) -> None:
    """A URL of another database is wrong usage, told without its password, also with -v."""
    assert run_command(["status", "-v", "--database", "mysql://u:geheim@h/d"]) == 2
    err = capsys.readouterr().err
    assert "mysql is not supported" in err
    assert "Traceback" in err
    assert "geheim" not in err


def test_unreachable_server(capsys: pytest.CaptureFixture[str]) -> None:
    """A server that does not answer is named, with exit code 3, without its password."""
    assert run_command(["status", "--database", "postgresql://u:geheim@127.0.0.1:1/d?password=geheim"]) == 3
    err = capsys.readouterr().err
    assert "cannot be reached" in err
    assert "geheim" not in err


def test_variable_names_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """EXPERIMENTS_DATABASE_URL is used when --database is not given."""
    monkeypatch.setenv("EXPERIMENTS_DATABASE_URL", f"sqlite:///{tmp_path}/from variable.db")
    assert run_command(["status"]) == 3
    assert "from variable.db" in capsys.readouterr().err
    assert run_command(["status", "--database", f"sqlite:///{tmp_path}/from option.db"]) == 3
    assert "from option.db" in capsys.readouterr().err


@pytest.mark.parametrize(("verb", "begin"), [([], "Run series"), (["database"], "Maintain the database")])
def test_without_arguments(verb: list[str], begin: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a verb there is the help, once, and nothing else."""
    run_command(verb)
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert shown.startswith(f"Usage: experiments {''.join(verb)}")
    assert begin in shown
    assert "error:" not in shown
    assert "explains its arguments" not in shown


def test_create_checks_before_it_makes_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong file leaves no database behind; one that fits makes it."""
    monkeypatch.chdir(tmp_path)
    run_command(["init"])
    Path("bad.yaml").write_text("name: bad\nrun: {function: train.py:mian}\n")
    assert run_command(["create", "nosuch.yaml", "bad.yaml"]) == 2
    assert not Path("results").exists()
    assert run_command(["create", "bad.yaml", "first.yaml"]) == 2
    assert Path("results/experiments.db").exists()


def test_a_database_that_is_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What SQLite does not tell is told: why the file cannot be opened, and what to do."""
    assert run_command(["status", "--database", f"sqlite:///{tmp_path}"]) == 3
    told = f"it is a folder; name a file in it, such as {tmp_path}/experiments.db\n"
    assert capsys.readouterr().err == f"error: {tmp_path} cannot be opened: {told}"


def test_init(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`init` writes the example, says what to run next, and never overwrites."""
    folder = tmp_path / "Mein Projekt é"
    assert run_command(["init", str(folder)]) == 0
    assert f"experiments run '{folder}/first.yaml'" in capsys.readouterr().out
    (folder / "first.yaml").unlink()
    (folder / "train.py").write_text("mine")
    assert run_command(["init", str(folder)]) == 2
    assert "train.py exists and is not overwritten" in capsys.readouterr().err
    assert (folder / "train.py").read_text() == "mine"
    assert not (folder / "first.yaml").exists()
    (tmp_path / "file").touch()
    assert run_command(["init", str(tmp_path / "file" / "x")]) == 2


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` tells the installed version."""
    assert run_command(["--version"]) == 0
    assert capsys.readouterr().out.startswith("experiments, version ")


def test_ctrl_c_while_an_interrupted_command_exits() -> None:
    """A command that was interrupted says so, and another Ctrl-C at its exit prints nothing."""
    code = (
        "import atexit, os, signal\n"
        "from meta.commands import group\n"
        "def interrupt(*_arguments, **_options): raise KeyboardInterrupt\n"
        "group.experiments.main = interrupt\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "group.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (-signal.SIGINT, "interrupted")
