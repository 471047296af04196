"""Figures drawn in processes of their own."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psutil
import pytest

from meta.graphs.figure.task import DrawResult, Failure, Task
from meta.graphs.generation.process_pool import DrawingPool
from meta.records.series_records import SeriesRecords
from tests.figures import CURVE, LINE, lines_and_curves, make_task
from tests.made_up_records import MakeRecords


@pytest.fixture
def records(make_records: MakeRecords) -> SeriesRecords:
    return lines_and_curves(make_records)


@pytest.fixture
def _processes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes be worth their start for small figures too."""
    monkeypatch.setattr("meta.graphs.generation.process_pool._START_S", 0.0)


@dataclass(frozen=True)
class Deadly:
    """Ends the process that unpacks it."""

    number: int

    def __reduce__(self) -> Any:
        return _die, (self.number,)


def drawn_by_name(pool: DrawingPool, tasks: Sequence[Task]) -> Iterator[tuple[str, DrawResult]]:
    return ((task.name, drawn) for task, drawn in pool.draw(tasks))


def _die(number: int) -> None:
    os.kill(os.getpid(), number)


def drawing_processes() -> set[int]:
    """Return those below this process; multiprocessing's tracker of resources stays for good."""
    servers = [child for child in psutil.Process().children() if "forkserver" in "".join(child.cmdline())]
    return {child.pid for server in servers for child in [server, *server.children()]}


@pytest.mark.usefixtures("_processes_at_once")
def test_processes_draw_the_same_files(records, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which process draws a figure changes no bit of it, also where the system gives no semaphores."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)
    tasks = [make_task(CURVE, records, "a"), make_task(LINE, records, "b"), make_task(CURVE, records, "c")]
    before = drawing_processes()
    with DrawingPool(workers=1) as alone:
        expected = {task.name: files for task, files in alone.draw(tasks)}
        assert drawing_processes() == before
    with DrawingPool(workers=2) as pool:
        found = {task.name: files for task, files in pool.draw(tasks)}
        assert len(drawing_processes() - before) == 3, "two and the server"
        again = {task.name: files for task, files in pool.draw(tasks[:2])}
    assert found == expected
    assert again == {name: expected[name] for name in ("a", "b")}
    assert drawing_processes() == before


@pytest.mark.usefixtures("_processes_at_once")
def test_what_goes_wrong_costs_one_figure(records) -> None:
    """A process that dies is replaced, a defect is told with its place, and the others are drawn."""
    good = make_task(LINE, records, "good")
    unwritable = LINE.model_copy(update={"formats": ("bmp?",)})
    tasks = [
        replace(good, name="killed", extract=Deadly(signal.SIGKILL)),
        replace(good, name="wrong", plan=replace(good.plan, y=replace(good.plan.y, key="nothing"))),
        replace(good, name="broken", plan=replace(good.plan, spec=unwritable)),
        *(replace(good, name=f"good {number}") for number in range(4)),
        replace(good, name="crashed", extract=Deadly(signal.SIGSEGV)),
    ]
    # What is estimated is the extract, which these do not have.
    with DrawingPool(workers=2) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr("meta.graphs.figure.task.Task.estimate_s", lambda _task: 1.0)
        found = {task.name: drawn for task, drawn in pool.draw(tasks)}
    assert (
        found["killed"].message == "the process that drew it was killed by SIGKILL (possibly out of memory)"
    )
    assert found["crashed"].message == "the process that drew it was killed by SIGSEGV"
    assert "no completed experiment has a finite reading" in found["wrong"].message
    assert found["wrong"].details is None
    assert "render.py" in found["broken"].details
    assert all(not isinstance(found[f"good {number}"], Failure) for number in range(4))


@pytest.mark.usefixtures("_processes_at_once")
def test_processes_killed_while_idle_cost_nothing(records) -> None:
    """Processes that end between two series are replaced, and all figures are drawn."""
    tasks = [make_task(LINE, records, name) for name in "abc"]
    before = drawing_processes()
    with DrawingPool(workers=2) as pool:
        expected = dict(drawn_by_name(pool, tasks))
        for pid in drawing_processes() - before:
            if psutil.Process(pid).ppid() != os.getpid():  # not the server
                os.kill(pid, signal.SIGKILL)
        assert dict(drawn_by_name(pool, tasks)) == expected
    assert not any(isinstance(drawn, Failure) for drawn in expected.values())


@pytest.mark.usefixtures("_processes_at_once")
def test_ending_in_the_middle_leaves_no_process(records) -> None:
    """Whoever stops taking figures, as Ctrl-C does, ends the processes at once."""
    tasks = [make_task(CURVE, records, str(number)) for number in range(6)]
    before = drawing_processes()
    with pytest.raises(KeyboardInterrupt), DrawingPool(workers=2) as pool:
        for _ in pool.draw(tasks):
            assert len(drawing_processes() - before) == 3
            raise KeyboardInterrupt
    assert drawing_processes() == before
