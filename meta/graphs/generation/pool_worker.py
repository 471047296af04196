"""A process that draws: it takes tasks from a pipe and answers with files, and knows no database.

It is started by its own command line, not by `multiprocessing`: that would import the user's script again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from meta.graphs.figure.task import Drawn, failure
from meta.graphs.generation.shared_arrays import Packed, unpack

if TYPE_CHECKING:
    from meta.graphs.figure.task import Task

_BOOTSTRAP = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from meta.graphs.generation.pool_worker import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)


def command(pipe: int, arrays: int) -> Sequence[str]:
    """Return the command line of a process that has inherited these descriptors."""
    search = json.dumps([entry for entry in sys.path if isinstance(entry, str)])
    return [sys.executable, "-P", "-c", _BOOTSTRAP, search, str(pipe), str(arrays)]


def main(pipe: int, arrays: int) -> None:
    """Draw until the parent hangs up; then nobody wants the rest."""
    connection: Connection[Drawn, Packed] = Connection(pipe)
    try:
        while True:
            packed = connection.recv()
            connection.send(draw_safely(unpack(arrays, packed)))
    except (EOFError, ConnectionError):
        return


def draw_safely(task: Task) -> Drawn:
    """Draw a figure, or return why it cannot be drawn."""
    from meta.graphs.figure import (
        render,  # imports matplotlib, which nobody needs while figures stay unchanged
    )

    try:
        return render.draw(task)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with this figure, the others are wanted
        return failure(error)
