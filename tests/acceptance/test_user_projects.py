"""Projects of users that have folders called like our packages."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from database.models import Experiment
from database.session.lifecycle import SessionLocal
from tests.acceptance.project import Project


@pytest.mark.parametrize("function", ["experiments/train.py:main", "experiments.train:main"])
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_folders_of_our_names(project: Project, function: str, method: str) -> None:
    """A function in the user's own `experiments` runs in workers; neither shadows the other."""
    for package in ("experiments", "meta", "database"):
        project.write(f"{package}/__init__.py", "raise RuntimeError('imported in our place')")
    project.write("experiments/helpers.py", "def double(x): return 2 * x")
    project.write("meta/shapes.py", "SIDES = 3")
    project.write("database/tables.py", "ROWS = 5")
    project.write("neighbour.py", "ONE = 1")
    project.write(
        "experiments/train.py",
        """
        import neighbour
        from database.tables import ROWS
        from experiments.helpers import double
        from meta.shapes import SIDES
        def main(x): return {"y": double(x) + 100 * SIDES + 1000 * ROWS + 10000 * neighbour.ONE}
        """,
    )
    project.write(
        "s.yaml",
        f"name: s\nrun: {{function: '{function}'}}\ngrid: {{x: [1, 2]}}\n",
    )
    project.run("run", "s.yaml", "--workers", "2", EXPERIMENTS_START_METHOD=method)
    with SessionLocal() as session:
        found = session.scalars(select(Experiment).order_by(Experiment.id))
        assert [experiment.results for experiment in found] == [{"y": 15302}, {"y": 15304}]


def test_children_see_an_ordinary_environment(project: Project) -> None:
    """What keeps our own imports safe is not passed on to programs that experiments start."""
    project.write("tool/part.py", "VALUE = 7")
    project.write("tool/tool.py", "import part; print(part.VALUE)")
    project.series(
        """
        import subprocess
        def main(x):
            command = [sys.executable, os.path.join(HERE, "tool", "tool.py")]
            return {"y": int(subprocess.run(command, capture_output=True, check=True).stdout)}
        """,
        experiments=1,
    )
    project.run("run", "s.yaml", "--workers", "1")
    assert project.statuses() == {"completed": 1}
