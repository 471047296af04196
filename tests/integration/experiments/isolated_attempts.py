"""Makes isolated attempts in a process of their own, as a worker does, without a database.

In a process of their own, because a worker ends all that is below it.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import Pipe, get_context
from pathlib import Path
from typing import Any

from database.claims.types import Claim, Finished
from experiments.attempt.single import Task
from experiments.execution.options import Execution
from experiments.execution.worker_control import WorkerControl
from experiments.isolation.child_pool import ChildPool, ForkServerProcess
from experiments.isolation.fork_server import LoadRequest
from experiments.isolation.isolated_attempts import IsolatedAttempts
from experiments.processes.process_tree import descendants_of

HEAD = """
import os, signal, sys, time
HERE = os.path.dirname(os.path.abspath(__file__))
"""


@dataclass(frozen=True)
class Made:
    """What came of some attempts.

    Attributes
    ----------
    finished : list of Finished
        In the order of their x.
    left : list of int
        Processes below the worker at the end, other than the fork server.
    output : str
        What was written to stdout and stderr.
    """

    finished: list[Finished]
    left: list[int]
    output: str
    worker: int = field(default_factory=os.getpid)


@dataclass(frozen=True)
class Order:
    """The attempts to make at `main(x)` of the target, one after another."""

    folder: Path
    xs: Sequence[Any]
    execution: Execution
    spawn: bool


def make(
    folder: Path,
    code: str,
    xs: Sequence[Any],
    *,
    execution: Execution | None = None,
    spawn: bool = False,
) -> Made:
    """Make attempts; `spawn` starts the fork server as a new interpreter, not by a fork."""
    folder.mkdir(exist_ok=True)
    (folder / "target.py").write_text(HEAD + textwrap.dedent(code))
    order = Order(folder, xs, execution or Execution(isolation="process"), spawn)
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_make, order).result()


def _make(order: Order) -> Made:
    output = order.folder / "out put"
    output.touch()
    parent_pipe, writer = Pipe(duplex=False)
    target, modules = order.folder / "target.py", order.folder / "run"
    load = LoadRequest(f"{target}:main", str(order.folder), str(output), None, str(modules))
    server = None if order.spawn else ForkServerProcess.fork(parent_pipe, [writer])
    attempts = IsolatedAttempts(ChildPool(parent_pipe, load, server), order.execution, WorkerControl(None))
    finished: list[Finished] = []
    for number, x in enumerate(order.xs, start=1):
        claim = Claim(number, 1, 0, seed=42, parameters={"x": x})
        finished.append(attempts.attempt(Task(claim, order.folder / "files é", order.folder / "points")))
    left = descendants_of(os.getpid())
    attempts.close()
    return Made(finished, left[1:], output.read_text("utf-8", "replace"))
