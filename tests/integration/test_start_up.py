"""What each kind of process imports when it starts: nothing that only other kinds need."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

#: What only graphs, frames and the upgrade of a database need.
RESULTS = ["alembic", "jinja2", "matplotlib", "pandas", "scipy"]
#: What only whoever reads series files, or talks to a terminal, needs.
FILES_AND_TERMINAL = [
    "click",
    "experiments.progress.live",
    "experiments.series_file.models",
    "pydantic",
    "rich",
    "yaml",
]
#: What calls targets.
CALLS = ["experiments.attempt.in_process", "experiments.isolation.isolated_attempts", "numpy"]
DATABASE = [
    "database.engine.registry",
    "database.models",
    "database.session.lifecycle",
    "psycopg2",
    "sqlalchemy",
    "sqlite3",
]

#: What begins it, and what it must not import.
PROCESSES = {
    "command": (
        "meta.commands.group",
        [*RESULTS, *CALLS, *DATABASE, "experiments.run_experiments", "pydantic", "rich", "yaml"],
    ),
    "run": (
        "experiments.run_experiments",
        [
            *RESULTS,
            *CALLS,
            "click",
            "experiments.run.executing",
            "multiprocessing.forkserver",
            "psutil",
            "sqlalchemy.dialects.postgresql",
            "urllib.request",
        ],
    ),
    "supervisor": (
        "experiments.run_experiments, experiments.executors.local_processes",
        [*RESULTS, *CALLS, "click", "experiments.executors.serial", "experiments.progress.live", "rich"],
    ),
    "fork server": (
        "experiments.worker.forkserver_start",
        [*RESULTS, *FILES_AND_TERMINAL, "experiments.executors.local_processes"],
    ),
    "worker": (
        "experiments.worker.entry, experiments.worker.run",
        [*RESULTS, *FILES_AND_TERMINAL, "experiments.executors.local_processes"],
    ),
    "inspection child": (
        "experiments.target.inspection",
        [*RESULTS, *FILES_AND_TERMINAL, *CALLS, *DATABASE, "asyncio", "multiprocessing"],
    ),
    "drawing process": (
        "meta.graphs.generation.process_pool, meta.graphs.figure.render",
        [
            *CALLS[:2],
            "alembic",
            "database.engine.registry",
            "database.session.lifecycle",
            "psycopg2",
            "sqlite3",
        ],
    ),
}


@pytest.mark.parametrize("process", PROCESSES)
def test_processes_start_light(process: str) -> None:
    """A process imports nothing that only others need; each of these names is that of a module there is."""
    modules, heavy = PROCESSES[process]
    assert [name for name in heavy if find_spec(name) is None] == []
    code = f"import sys, {modules}\nprint([name for name in {heavy} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_unchanged_figures_need_no_matplotlib() -> None:
    """Whoever draws imports it, and not before: finding out that nothing changed stays quick."""
    program = "import sys, meta.generate_aggregate_graphs; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_pyplot_is_never_imported() -> None:
    """Graphs leave matplotlib's global state to the user."""
    program = (
        "import sys, meta.generate_aggregate_graphs, meta.graphs.theme.style as style\n"
        "with style.theme(): pass\n"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
