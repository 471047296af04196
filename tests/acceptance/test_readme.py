"""What the README shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.project import PATIENCE_S, Project

ROOT = Path(__file__).parents[2]


def blocks(language: str, page: str = "README.md") -> list[str]:
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def first(project: Project) -> Project:
    project.write("train.py", blocks("python")[0])
    project.write("first.yaml", blocks("yaml")[0])
    return project


def test_smallest_series(first: Project) -> None:
    """The commands of the README print what it shows, but for the durations."""
    (console,) = blocks("console")
    commands = re.split(r"^\$ experiments ", console, flags=re.MULTILINE)[1:]
    assert len(commands) == 3
    for shown in commands[:2]:
        command, _, output = shown.partition("\n")
        said = first.run(*command.split()).stdout
        assert re.sub(r", [\d.]+ m?s\)", ")", said) == re.sub(r", [\d.]+ m?s\)", ")", output)
    drawn = first.run(*commands[2].split()).stdout.splitlines()
    assert [Path(path).suffix for path in drawn] == [".png", ".svg"]
    assert all(Path(path).stat().st_size > 5000 for path in drawn)


def test_from_python(first: Project) -> None:
    """The Python examples run as they stand, also those of the page on Python."""
    script = first.write("script.py", "".join([blocks("python")[1], *blocks("python", "docs/python.md")]))
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=first.folder,
        env=first.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("depth\n1    0.67")
    assert "\n30\ndepth\n" in done.stdout
    assert "\nlr   depth  step\n0.1  1      0 " in done.stdout
