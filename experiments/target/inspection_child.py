"""The child process of an inspection: imports the user's code there, and answers with its signature.

It is started as ``python -P -c BOOTSTRAP``, and answers on a file of its own: whatever the user's
code prints, or leaves running behind it, cannot disturb the answer or delay it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from experiments.target.function import Target, TargetError
from experiments.target.signature import describe

#: Takes the parent's search path before anything of ours is imported.
BOOTSTRAP = (
    "import json, sys; request = json.load(sys.stdin); sys.path[:] = request['search']; "
    "from experiments.target.inspection_child import answer; answer(request)"
)


def answer(request: dict[str, Any]) -> None:
    """Inspect what `request` names and write the answer, as JSON, to its file descriptor."""
    os.set_inheritable(request["channel"], False)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what the user's code prints must not mix with what our command prints
    target = Target.parse(request["target"], request["base_directory"])
    found: dict[str, Any]
    try:
        found = {"signature": describe(target.load(), str(target)).as_data()}
    except TargetError as error:
        found = {"error": str(error)}
    with os.fdopen(request["channel"], "w", encoding="utf-8") as channel:
        json.dump(found, channel)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads and exit handlers of the user's code have nothing to say
