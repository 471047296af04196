"""Choosing experiments by an expression while a runner is alive."""

from __future__ import annotations

import json

from tests.acceptance.project import PATIENCE_S, Project

#: Tells when it comes to x = 1, and waits until the gate is opened.
WAITS_AT_1 = """
def main(x):
    note(x)
    if x == 1:
        tell("there")
        wait()
    if x == 2:
        raise ValueError("no luck")
    return {"y": x * 0.5}
"""


def test_choosing_while_it_runs(project_on_both: Project) -> None:
    """What an expression takes out is not run, the rest is; a wrong one changes nothing."""
    project = project_on_both
    project.series(WAITS_AT_1, experiments=6)
    running = project.start("run", "s.yaml", "--workers", "1")
    project.event()
    wrong = project.here("cancel", "s", "--where", "xx > 3", code=2)
    assert "error: there is nothing named xx; did you mean 'x'? names: x, " in wrong.stderr
    told = json.loads(project.here("cancel", "s", "--where", "x % 2 == 0 and x > 3", "--json").stdout)
    assert told["cancelled"] == 1
    project.open_gate()
    _, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 1, err
    assert project.statuses() == {"completed": 4, "failed": 1, "cancelled": 1}
    assert project.executions() == {"0": 1, "1": 1, "2": 1, "3": 1, "5": 1}
    listed = json.loads(project.here("list", "s", "--where", "0.4 < y <= 1.5", "--json").stdout)
    assert [one["parameters"]["x"] for one in listed] == [1, 3]
    assert json.loads(project.here("retry", "s", "--where", "x == 3", "--json").stdout)["retried"] == 0
    assert json.loads(project.here("retry", "s", "--where", "x == 2", "--json").stdout)["retried"] == 1
