"""Imported once by the server that new workers are forked from, to preload what they need.

That is our code, and the target if it is requested.

A batch system that ends a job sends SIGTERM to all its processes. The server must ignore it:
only the server can report the exit codes of its workers. It ends when the runner does.
"""

from __future__ import annotations

import os
import signal
import sys

import threadpoolctl  # noqa: F401 - so that each worker has it already

import experiments.worker.run  # noqa: F401 - as above
from experiments.target.preloading import VARIABLE, preload

signal.signal(signal.SIGTERM, signal.SIG_IGN)

_request = os.environ.pop(VARIABLE, None)
if _request is not None and (_problem := preload(_request)) is not None:
    sys.stderr.write(f"{_problem}\n")
    sys.stderr.flush()
