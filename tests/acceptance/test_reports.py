"""Reports written by real processes, while a series runs and when they are killed."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.acceptance.project import PATIENCE_S, Project, hear

#: Logs a curve, fails at x = 2, and waits at x = 3 until the gate is opened.
TARGET = """
def main(x, run):
    for step in range(5):
        run.log(step=step, loss=x / (step + 1))
    if x == 2:
        raise ValueError("no luck & <no> tags")
    if x == 3:
        tell("there")
        wait()
    return {"y": x * 0.5}
"""


def page(project: Project) -> Path:
    return project.folder / "results" / "s" / "report" / "report.html"


def test_while_it_runs_and_afterwards(project_on_both: Project) -> None:
    """The page is of the moment: what runs is counted, and afterwards everything is there."""
    project = project_on_both
    path = project.series(TARGET, experiments=4)
    running = project.start("run", "s.yaml", "--workers", "1")
    project.event()
    first = project.here("report", "s.yaml", "--workers", "1")
    assert first.stdout.strip() == str(page(project))
    assert "[2/2] s: " in first.stderr
    text = page(project).read_text()
    assert "Running, 75 % complete." in text
    assert "2 completed (50 %)" in text
    assert "no luck &amp; &lt;no&gt; tags" in text
    project.open_gate()
    _, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 1, err
    (told,) = json.loads(project.here("report", "s", "--json").stdout)
    assert told["series"] == "s"
    assert {Path(one).name for figure in told["figures"] for one in figure["paths"]} >= {"data.csv"}
    text = page(project).read_text()
    assert "3 completed (75 %)" in text
    assert "experiments run s.yaml --workers 1" in text
    assert "complete." not in text
    path.write_text(f"{path.read_text()}\ngraphs: [{{y: z, x: x}}]\n")
    wrong = project.here("report", "s.yaml", code=1)
    assert "s: line-z-over-x: y: there is no result or metric named 'z'" in wrong.stderr
    assert project.here("report", "t", code=2).stderr.startswith("error: there is no series named 't'")
    assert "did you mean 'x'?" in project.here("report", "s", "--where", "xx > 1", code=2).stderr


def test_killed_in_the_middle(project: Project) -> None:
    """Until the new page is whole, the old one stays; the next report cleans up."""
    path = project.series("def main(x): return {'y': x}", experiments=4)
    graphs = ", ".join(f"{{kind: bar, y: y, x: x, name: g{number}}}" for number in range(12))
    path.write_text(f"{path.read_text()}\ngraphs: [{graphs}]\n")
    project.here("run", "s.yaml", "--workers", "1", "--quiet")
    project.here("report", "s")
    before = page(project).read_bytes()
    drawing = project.start("report", "s", "--workers", "1")
    hear(drawing, "[1/12]")
    drawing.send_signal(signal.SIGKILL)
    drawing.communicate(timeout=PATIENCE_S)
    assert page(project).read_bytes() == before
    project.here("report", "s")
    assert len(list(page(project).parent.rglob("data.csv"))) == 12
    assert not list(page(project).parent.rglob("*.tmp"))
