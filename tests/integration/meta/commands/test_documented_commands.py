"""What the page of the commands shows is what they print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import quote

import pytest

from meta.commands.group import run_command

PAGE = (Path(__file__).parents[4] / "docs" / "commands.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```console\n\$ experiments ([^\n]+)\n(.*?)```", PAGE, re.DOTALL))
#: What the examples of failures add to the function.
ADDED = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
ELSEWHERE = (
    "git commit|host|Python|peak memory|log|drawn by|fingerprint|their code|changed by|server|size|known bugs"
)
#: Differ between computers, or say when and how fast.
VARYING = (
    (re.compile(rf"^({ELSEWHERE}) .*\n", re.M), ""),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "TIME"),
    (re.compile(r"-?\b[\d.]+ (ms|s)\b"), "DURATION"),
    (re.compile(r"[ \t]+"), " "),
)


def comparable(text: str) -> str:
    for pattern, replacement in VARYING:
        text = pattern.sub(replacement, text)
    return text


class Project:
    """Runs the examples in a folder, and compares."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def run(self, command: str, *, with_stderr: bool = True) -> str:
        run_command(shlex.split(command))
        out, err = self._capture.readouterr()
        printed = f"{out}{err if with_stderr else ''}"
        for here in (str(Path.cwd()), quote(str(Path.cwd()), safe="/ ")):  # as in a URL
            printed = printed.replace(here, "/home/ada/project")
        return printed

    def shows(self, example: str, options: str = "", *, with_stderr: bool = True) -> None:
        printed = self.run(f"{example} {options}", with_stderr=with_stderr)
        assert comparable(printed) == comparable(EXAMPLES[example])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Project:
    folder = tmp_path / "projet"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONHASHSEED", "0")  # as the command has when it runs experiments itself
    return Project(capfd)


@pytest.fixture
def recorded(example: Path, capfd: pytest.CaptureFixture[str]) -> Project:
    """Return the project with the example, whose series was run."""
    return Project(capfd)


def test_examples_of_recording(project: Project) -> None:
    """Writing, checking, creating and deleting the example print what the page shows."""
    for example in (
        "init",
        "check first.yaml",
        "create first.yaml",
        "delete first --yes",
        "database upgrade",
    ):
        project.shows(example)


def test_examples_of_running(project: Project) -> None:
    """Running and looking at the example print what the page shows."""
    project.shows("init")
    project.shows("run first.yaml", "--workers 0 --quiet")
    for example in ("status first", "list first --limit 3", "show 1"):
        project.shows(example)
    project.shows("list first --limit 2 --columns id,lr,accuracy,metrics.loss.min,metrics.loss.count")


def test_examples_of_changing(project: Project) -> None:
    """Editing, cancelling and releasing print what the page shows."""
    project.run("init")
    project.run("create first.yaml")
    for example in (
        'edit first --pause --notes "lr 0.1 diverges on the new data"',
        "cancel first --experiment 3",
        "release first",
    ):
        project.shows(example)


def test_examples_of_maintenance(recorded: Project) -> None:
    """Exporting, checking and examining the example print what the page shows."""
    example = "export first | cut -d, -f1,5,13-16 | head -2"
    rows = [line.split(",") for line in recorded.run("export first").splitlines()[:2]]
    assert "".join(f"{','.join([row[0], row[4], *row[12:16]])}\n" for row in rows) == EXAMPLES[example]
    recorded.shows("database check")
    begin, end = comparable(EXAMPLES["doctor"]).split("...\n")
    printed = comparable(recorded.run("doctor"))
    assert printed.startswith(begin)
    assert printed.endswith(end)


def test_every_example_is_run() -> None:
    """Each example of the page is named in this file."""
    source = Path(__file__).read_text(encoding="utf-8")
    assert [example for example in EXAMPLES if example not in source] == []


def test_examples_of_graphs(recorded: Project) -> None:
    """Drawing the example, and asking a figure where it comes from, print what the page shows."""
    recorded.shows("graphs first", with_stderr=False)
    recorded.shows("report first", with_stderr=False)
    recorded.shows("trace results/first/graphs/curve-loss-over-step-by-lr-per-depth.png")


def test_examples_of_tables(recorded: Project) -> None:
    """Tables and comparisons of the example are those that the page shows."""
    for example in ("table first", "compare first --of depth --on accuracy --over lr"):
        recorded.shows(example)


def test_examples_of_failures(project: Project) -> None:
    """With the lines that the page adds, failing and trying again print what the page shows."""
    project.shows("init")
    assert ADDED
    function = Path("train.py")
    begin = "    rng = "
    function.write_text(function.read_text().replace(begin, ADDED.group(1) + begin, 1))
    project.run("run first.yaml --workers 1 --quiet")
    for example in ("failures first", "logs 1", "retry first"):
        project.shows(example)
