"""Figures drawn by real processes, stopped and killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from meta.graphs.provenance.file_metadata import read_origin
from tests.acceptance.project import PATIENCE_S, Project, hear
from tests.integration.databases import on_sqlite

GRAPHS = 14


@pytest.fixture
def drawable(project_on_both: Project) -> Project:
    """Return a project whose series is completed, and asks for enough graphs to be worth processes."""
    project = project_on_both
    path = project.series("def main(x): return {'y': x}", experiments=4)
    graphs = ", ".join(f"{{kind: bar, y: y, x: x, name: g{number}}}" for number in range(GRAPHS))
    path.write_text(f"{path.read_text()}\ngraphs: [{graphs}]\n")
    project.here("run", "s.yaml", "--workers", "1", "--quiet")
    return project


def figures(project: Project) -> list[Path]:
    return sorted((project.folder / "results" / "s" / "graphs").glob("*.*g"))


def assert_whole(project: Project) -> None:
    """Every figure is whole, and nothing else lies there."""
    for path in figures(project):
        signed = read_origin(path)
        assert signed.is_intact
    assert not list((project.folder / "results").rglob("*.tmp"))


def test_a_generation_and_its_repetition(drawable: Project) -> None:
    """Processes draw all figures; the second time nothing is drawn, and a copied figure tells its series."""
    first = drawable.run("graphs", "s", "--workers", "4")
    assert first.stderr.count(": drawn") == GRAPHS
    assert len(figures(drawable)) == 2 * GRAPHS == len(first.stdout.splitlines())
    assert_whole(drawable)
    second = drawable.run("graphs", "s", "--workers", "4")
    assert second.stderr.count(": unchanged") == GRAPHS
    assert second.stdout == first.stdout
    copied = drawable.folder / "copied.png"
    copied.write_bytes(figures(drawable)[0].read_bytes())
    told = drawable.here("trace", "copied.png").stdout
    assert "4 completed" in told
    assert "the database would give the same figure now" in told
    assert drawable.here("trace", "s.yaml", code=2).stderr.startswith(
        "error: s.yaml has no metadata of a figure"
    )


@on_sqlite
@pytest.mark.parametrize(
    ("number", "code", "whole_group"),
    [
        (signal.SIGINT, 130, False),
        (signal.SIGKILL, -signal.SIGKILL, False),
        (signal.SIGKILL, -signal.SIGKILL, True),
    ],
)
def test_stopped_in_the_middle(drawable: Project, number: int, code: int, *, whole_group: bool) -> None:
    """Ctrl-C ends it at once, with no half-written file and no process left; the rest is drawn next time.

    Nothing is left in /dev/shm either, and nothing is said of it: nothing was there.
    """
    drawing = drawable.start("graphs", "s", "--workers", "4")
    hear(drawing, "[1/14]")
    parent = psutil.Process(drawing.pid)
    parent.suspend()  # or it could be ready before all is looked at
    children = parent.children(recursive=True)
    # Besides the four a server, and the tracker of multiprocessing's resources.
    assert len(children) == 6
    assert not [
        shared.path
        for process in (parent, *children)
        for shared in process.memory_maps()
        if shared.path.startswith("/dev/shm/")
    ]
    if whole_group:  # which is also that of the tests
        for child in children:
            if os.getpgid(child.pid) == os.getpgrp():
                child.send_signal(number)
    drawing.send_signal(number)
    parent.resume()
    _, err = drawing.communicate(timeout=PATIENCE_S)
    assert drawing.returncode == code, err
    assert "Traceback" not in err
    assert "leaked" not in err
    assert not psutil.wait_procs(children, timeout=PATIENCE_S)[1]
    assert len(figures(drawable)) < 2 * GRAPHS
    if number == signal.SIGINT:
        assert_whole(drawable)
    again = drawable.run("graphs", "s", "--workers", "4")
    assert ": unchanged" in again.stderr
    assert ": drawn" in again.stderr
    assert len(figures(drawable)) == 2 * GRAPHS


@on_sqlite
def test_a_script_needs_no_guard(drawable: Project) -> None:
    """A user's script without ``if __name__ == "__main__":`` is not run again by the processes that draw."""
    script = drawable.write(
        "draw.py",
        """
        from database.session import scoped_session
        from meta.generate_aggregate_graphs import generate_all_graphs

        print("once")
        with scoped_session() as session:
            results = generate_all_graphs(session, "s", workers=4)
        print(sum(len(result.paths) for result in results))
        """,
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=drawable.folder,
        env=drawable.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert (done.stdout, done.stderr) == (f"once\n{2 * GRAPHS}\n", "")
