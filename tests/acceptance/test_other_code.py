"""A helper that the function imports inside itself is edited between two runs, in a folder without git."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.acceptance.project import Project

SERIES = """
    name: s
    run: {function: train.py:main}
    grid: {a: [1, 2]}
    fixed: {code: current}  # what is told selects by the code all the same
    repeat: {seeds: SEEDS}
"""
#: What every text says to run.
RETRY = "`experiments retry s --status completed --where 'experiment.code != \"current\"'`"


def test_two_versions_are_never_averaged_without_a_word(project: Project) -> None:
    """Run, status, figure, table, report and compare say so; run again, all is one version."""
    target = "def main(a, seed, code):\n    import helper\n    return {'y': helper.y(a, seed)}\n"
    project.write("train.py", target)
    project.write("helper.py", "def y(a, seed):\n    return a * 1.0 + seed % 7\n")
    series = str(project.write("s.yaml", SERIES.replace("SEEDS", "3")))
    assert "other code" not in project.here("run", series).stderr
    project.write("helper.py", "def y(a, seed):\n    return a * 100.0 + seed % 7\n")
    project.write("s.yaml", SERIES.replace("SEEDS", "6"))
    run = project.here("run", series)
    assert "6 of 6 completed experiments ran other code: helper.py differs" in run.stderr
    assert RETRY in run.stderr
    said = {
        "status": project.here("status", "s").stdout,
        "table": project.here("table", "s").stdout,
        "compare": project.here("compare", "s", "--of", "a", "--on", "y").stdout,
    }
    project.here("graphs", "s")
    report = project.here("report", "s").stdout.strip()
    said |= {
        # Text is drawn, and stands in comments, one for each line.
        "figure": " ".join(re.findall("<!--(.*?)-->", next(project.folder.rglob("*.svg")).read_text())),
        "report": Path(report).read_text(),
    }
    assert {name for name, text in said.items() if "ran other code" not in " ".join(text.split())} == set()
    assert RETRY in said["status"]
    project.here(*shlex.split(RETRY.strip("`"))[1:], "--yes")
    assert "other code" not in project.here("run", "s").stderr
    assert "other code" not in project.here("status", "s").stdout
