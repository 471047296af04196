"""What a process imports when it starts a run."""

from __future__ import annotations

import subprocess
import sys


def test_command_stays_light() -> None:
    """What `experiments run` imports leaves out what only workers, graphs or a new database need."""
    heavy = ["alembic", "matplotlib", "numpy", "pandas", "scipy"]
    code = (
        "import sys, experiments.executors.local_processes\n"
        "import experiments.run_experiments, experiments.run.one_series\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
