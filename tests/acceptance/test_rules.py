"""Runs that a rule ends: exit code 4, nothing blamed, and the rest is left for later."""

from __future__ import annotations

import signal

import pytest

from tests.acceptance.project import PATIENCE_S, Project, hear

#: With worker processes, and everything in the process of the command.
with_and_without_workers = pytest.mark.parametrize("workers", [2, 0])


@with_and_without_workers
def test_stop_after_failures(project: Project, workers: int) -> None:
    """When too many have failed the run finishes what runs, says why, and leaves the rest pending."""
    project.series(
        "def main(x): note(x); time.sleep(0.05); raise ValueError(x)",
        experiments=300,
        execute=f"{{workers: {workers}, stop_after: {{failed: 3}}}}",
    )
    ended = project.here("run", "s.yaml", code=4)
    assert "experiments failed (stop_after: 3)" in ended.stdout
    statuses = project.statuses()
    assert 3 <= statuses["failed"] < 100
    assert statuses == {"failed": len(project.executions()), "pending": 300 - len(project.executions())}
    project.assert_nothing_left()


def test_sigterm_after_a_rule(project: Project) -> None:
    """A run that a rule has stopped still ends in time when a batch system tells it to."""
    project.series(
        """
        def main(x):
            if x == 0:
                tell("there")
                wait()
            raise ValueError(x)
        """,
        experiments=10,
        execute="{workers: 2, stop_after: {failed: 1}}",
    )
    running = project.start("run", "s.yaml", "--grace", "0.1", "--progress", "plain")
    assert project.event() == "there"
    hear(running, "stop_after: 1")
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 143, out + err
    assert project.outcomes()["interrupted"] == 1
    project.assert_nothing_left()


def test_stop_after_counts_this_run_only(project: Project) -> None:
    """What failed before does not end the next run."""
    project.series(
        "def main(x): note(x); assert x >= 3",
        experiments=10,
        execute="{stop_after: {failed: 4}}",
    )
    project.here("run", "s.yaml", code=1)
    project.series(
        "def main(x): note(x); assert x >= 3",
        experiments=12,
        execute="{stop_after: {failed: 1}}",
    )
    project.here("run", "s.yaml", code=1)
    assert project.statuses() == {"failed": 3, "completed": 9}


CANARIES = """
def main(x, repetition):
    note(f"{x}-{repetition}")
    assert x != 4 or BRAVE
    return {"y": x}
"""


@with_and_without_workers
def test_canary(project: Project, workers: int) -> None:
    """One experiment of each configuration runs first; when one fails, no other is begun."""
    path = project.series(f"BRAVE = False\n{CANARIES}", experiments=6, execute=f"{{workers: {workers}}}")
    path.write_text(f"{path.read_text()}repeat: {{seeds: 3}}\n")
    ended = project.here("run", "s.yaml", "--canary", code=4)
    assert "1 of the first experiments of each configuration failed (--canary)" in ended.stdout
    assert set(project.executions()) == {f"{x}-0" for x in range(6)}
    assert project.statuses() == {"completed": 5, "failed": 1, "pending": 12}


@with_and_without_workers
def test_canary_that_lives(project: Project, workers: int) -> None:
    """When all of the first experiments are completed, the same run goes on with the others."""
    path = project.series(f"BRAVE = True\n{CANARIES}", experiments=6, execute=f"{{workers: {workers}}}")
    path.write_text(f"{path.read_text()}repeat: {{seeds: 3}}\n")
    project.here("run", "s.yaml", "--canary")
    assert project.statuses() == {"completed": 18}
    order = (project.folder / "journal").read_text().split()
    assert set(order[:6]) == {f"{x}-0" for x in range(6)}


@pytest.mark.alone
@with_and_without_workers
def test_max_time(project: Project, workers: int) -> None:
    """Nothing is begun that would probably not end in time; the rest is left for the next run."""
    project.series(
        "def main(x): note(x); time.sleep(0.4)", experiments=200, execute=f"{{workers: {workers}}}"
    )
    ended = project.here("run", "s.yaml", "--max-time", "4s", code=4)
    assert "what is left of the max-time of 4 s is too short for a typical experiment" in ended.stdout
    # Both workers may have been held up in their last one, on a machine that does something else.
    late = project.outcomes()["interrupted"]
    assert late <= 2
    assert project.outcomes()["completed"] == len(project.executions()) - late
    assert 1 <= len(project.executions()) <= 20
    project.assert_nothing_left()


@pytest.mark.alone
@pytest.mark.parametrize("workers", [1, 0])
def test_max_time_is_a_limit(project: Project, workers: int) -> None:
    """An experiment that goes on when the time is over is stopped without blame."""
    project.series("def main(x): note(x); wait()", experiments=2, execute=f"{{workers: {workers}}}")
    project.here("run", "s.yaml", "--max-time", "3s", code=4)
    assert project.outcomes() == {"interrupted": 1}
    assert project.statuses() == {"pending": 2}
    project.assert_nothing_left()
