"""Corrections by command while a runner is alive."""

from __future__ import annotations

import json

from tests.acceptance.project import PATIENCE_S, Project, until

#: Tells when it comes to x = 1, and would wait for ever.
HANGS_AT_1 = """
def main(x):
    note(x)
    if x == 1:
        tell(os.getpid())
        wait()
    return {"y": x}
"""


def test_cancel_while_it_runs(project_on_both: Project) -> None:
    """A cancelled experiment is ended by its runner, recorded as cancelled, and the others go on."""
    project = project_on_both
    project.series(HANGS_AT_1, experiments=4)
    running = project.start("run", "s.yaml", "--workers", "1")
    worker = int(project.event())
    told = json.loads(project.here("cancel", "s", "--status", "running", "--json").stdout)
    assert (told["cancelled"], told["taken_from_workers"]) == (1, 1)
    until(lambda: worker not in project.processes())
    _, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, err
    assert project.statuses() == {"completed": 3, "cancelled": 1}
    assert project.executions() == {"0": 1, "1": 1, "2": 1, "3": 1}
    assert project.outcomes() == {"cancelled": 1, "completed": 3}


def test_release_while_it_runs(project: Project) -> None:
    """What is released with force is ended and tried again, without blame."""
    code = HANGS_AT_1.replace("x == 1:", "x == 1 and not os.path.exists(os.path.join(HERE, 'calm')):")
    project.series(code, experiments=3)
    running = project.start("run", "s.yaml", "--workers", "1")
    project.event()
    refused = project.here("release", "s", code=2)
    assert "is alive: its process runs on this machine" in refused.stderr
    project.write("calm", "")
    assert json.loads(project.here("release", "s", "--force", "--json").stdout)["released"] >= 1
    _, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0, err
    assert project.statuses() == {"completed": 3}
    assert project.executions()["1"] == 2
    assert project.outcomes() == {"lost": 1, "completed": 3}


def test_retry_of_a_crash_waits(project: Project) -> None:
    """A run does not end while a retry waits for its time, and another try after that succeeds."""
    project.series(
        """
        def main(x):
            note(x)
            if not os.path.exists(os.path.join(HERE, "crashed")):
                open(os.path.join(HERE, "crashed"), "w").close()
                os._exit(3)
            return {"y": x}
        """,
        experiments=1,
        execute="{retries: {crashed: 1, delay: 0.5}}",
    )
    project.here("run", "s.yaml", "--workers", "1")
    assert project.executions() == {"0": 2}
    assert project.outcomes() == {"crashed": 1, "completed": 1}
