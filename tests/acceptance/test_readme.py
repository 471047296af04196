"""What the first pages show is what happens: every output, every Python block, every file that they name."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.project import PATIENCE_S, Project

ROOT = Path(__file__).parents[2]
README, QUICK_START = "README.md", "docs/quickstart.md"
#: Where the database is unless it is named.
DEFAULT = {"EXPERIMENTS_DATABASE_URL": "sqlite:///results/experiments.db"}
#: Says when and how fast.
VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "TIME"),
    (re.compile(r"\b(\d+ min )?[\d.]+ m?s\b"), "DURATION"),
)


def all_blocks(page: str) -> list[tuple[str, str]]:
    """Return the code blocks of a page, each with its language; "" is that of plain ones."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)


def blocks(language: str, page: str) -> list[str]:
    return [text for marked, text in all_blocks(page) if marked == language]


def shown(page: str) -> list[tuple[str, str]]:
    """Return the commands of a page with the outputs that it shows."""
    consoles = "".join(blocks("console", page))
    return re.findall(r"^\$ ([^\n]+)\n((?:(?!\$ )[^\n]*\n)*)", consoles, re.MULTILINE)


def comparable(command: str, output: str) -> list[str]:
    for pattern, replacement in VARYING:
        output = pattern.sub(replacement, output)
    lines = output.splitlines()
    # Several figures are drawn at the same time: whichever is finished is told.
    return sorted(re.sub(r"^\[\d", "[N", line) for line in lines) if " graphs " in command else lines


def printed(project: Project, command: str, run: Callable[..., subprocess.CompletedProcess[str]]) -> str:
    """Return what a command prints: of a run without its progress, which a terminal does not keep."""
    program, *arguments = shlex.split(command)
    if program == "experiments":
        done = run(*arguments, **DEFAULT)
        told = "" if arguments[0] == "run" else done.stderr
    else:
        assert program == "python"
        done, told = script(project, arguments[0]), ""
    return f"{told}{done.stdout}".replace(str(project.folder), "/home/ada/project")


def script(project: Project, name: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, name],
        cwd=project.folder,
        env={**project.environment, **DEFAULT},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def first(project: Project) -> Project:
    function, user = blocks("python", README)
    [series] = blocks("yaml", README)
    project.write("train.py", function)
    project.write("first.yaml", series)
    project.write("script.py", user)
    return project


def test_readme(first: Project) -> None:
    """The commands of the README print what it shows, but for the durations."""
    commands = shown(README)
    assert [command for command, _ in commands] == [
        *["experiments run first.yaml"] * 2,
        "experiments graphs first",
        "python script.py",
    ]
    for command, output in commands:
        assert comparable(command, printed(first, command, first.run)) == comparable(command, output)
    pictures = [path for path in first.folder.glob("results/first/graphs/*.*g") if path.stat().st_size > 5000]
    assert len(pictures) == 2
    assert (first.folder / "results" / "experiments.db").exists()


def test_quick_start(project: Project) -> None:
    """The commands of the quick start print what it shows, and leave the files that it lists."""
    commands = shown(QUICK_START)
    assert len(commands) == 8
    for command, output in commands:
        assert comparable(command, printed(project, command, project.here)) == comparable(command, output)
    [tree] = blocks("", QUICK_START)
    database = Path(project.url.removeprefix("sqlite:///"))  # this process has that one already
    for path, purpose in re.findall(r"^(results/\S+) +(.+)$", tree, re.MULTILINE):
        for command in re.findall(r"`experiments ([^`]+)`", purpose):
            project.here(*command.split(), **DEFAULT)
        expected = database if path == "results/experiments.db" else project.folder / path
        assert expected.exists() == (" if it " not in purpose), path
    project.here("show", "7", **DEFAULT)
    project.here("logs", "7", **DEFAULT)


@pytest.mark.parametrize(
    ("page", "languages"),
    [(README, {"python", "yaml", "console", "sh"}), (QUICK_START, {"console", ""})],
)
def test_every_output_is_run(page: str, languages: set[str]) -> None:
    """Outputs stand below commands, in blocks that the tests above run; what is only typed shows none."""
    assert {language for language, _ in all_blocks(page)} == languages
    assert all(block.startswith("$ ") for block in blocks("console", page))
    assert not re.search(r"^(\$ |first: )", "".join(blocks("sh", page)), re.MULTILINE)


def test_page_on_python(first: Project) -> None:
    """The Python blocks of the page on Python run as they stand, one after the other."""
    first.write("page.py", "".join(blocks("python", "docs/python.md")))
    told = script(first, "page.py").stdout
    assert told.startswith("depth\n1    0.67")
    assert "\nlr   depth  step\n0.1  1      0 " in told
