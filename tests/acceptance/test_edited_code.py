"""Two versions of the code in one series: every command that shows or averages its results says so."""

from __future__ import annotations

from tests.acceptance.project import Project

TRAIN = """
def main(a, seed):
    from helper import FACTOR  # imported when it runs
    return {"y": a * FACTOR + seed % 7}
"""
SERIES = "name: s\nrun: {function: train.py:main}\ngrid: {a: [1, 2]}\nrepeat: {seeds: %d}\n"


def test_a_helper_edited_between_two_runs_is_told_everywhere(project: Project) -> None:
    """In a folder without git; after a user has accepted it, run and status are silent."""
    project.write("train.py", TRAIN)
    project.write("helper.py", "FACTOR = 1.0\n")
    project.write("s.yaml", SERIES % 3)
    assert "other code" not in project.here("run", "s.yaml").stderr
    assert "other code" not in project.here("status", "s").stdout
    project.write("helper.py", "FACTOR = 100.0\n")
    project.write("s.yaml", SERIES % 6)
    told = project.here("run", "s.yaml").stderr
    assert "6 of 6 completed experiments ran other code: helper.py differs" in told
    assert "--accept-code" in told
    assert "6 of 12 completed experiments ran other code" in project.here("status", "s").stdout
    clause = "3 of 6 repetitions of each configuration ran other code"
    assert f"{clause}." in project.here("compare", "s", "--of", "a", "--on", "y").stdout
    assert "3 of 6 repetitions in each cell ran other code." in project.here("table", "s").stdout
    project.here("graphs", "s")
    [figure] = (project.folder / "results" / "s" / "graphs").glob("*.png")
    assert "DIFFERED between experiments: 6 ran" in project.here("trace", str(figure)).stdout
    project.here("report", "s")
    page = (project.folder / "results" / "s" / "report" / "report.html").read_text()
    assert page.count(f"{clause}.") >= 2  # of the whole series, and of its figure
    accepting = project.here("run", "s", "--accept-code").stderr
    again = project.here("run", "s").stderr + project.here("status", "s").stdout
    assert "other code" not in accepting + again
    assert "in each cell ran other code, which was accepted as the same." in project.here("table", "s").stdout
