"""The child process of an inspection: imports the user's code and answers with its signature.

It is started by `experiments.target.inspection`, and answers on a file of its own: whatever the user's
code prints or leaves running cannot corrupt or delay the answer.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from experiments.target.base import TargetError
from experiments.target.function import FunctionTarget
from experiments.target.signature import describe


def answer(request: dict[str, Any]) -> None:
    """Inspect what `request` names and write the answer, as JSON, to its file descriptor."""
    os.set_inheritable(request["channel"], False)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)  # what the user's code prints must not mix with what our command prints
    target = FunctionTarget.parse(request["target"], request["base_directory"])
    content: dict[str, Any]
    try:
        content = {"signature": describe(target.load().function, str(target)).as_data()}
    except TargetError as error:
        content = {"error": str(error)}
    with os.fdopen(request["channel"], "w", encoding="utf-8") as channel:
        json.dump(content, channel)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # without waiting for threads and exit handlers of the user's code
