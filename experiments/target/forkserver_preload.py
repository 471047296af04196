"""Imported once by the server that new workers are forked from: imports the target if requested."""

from __future__ import annotations

import os
import sys

from experiments.target.preloading import VARIABLE, preload

_request = os.environ.pop(VARIABLE, None)
if _request is not None and (_problem := preload(_request)) is not None:
    sys.stderr.write(f"{_problem}\n")
    sys.stderr.flush()
