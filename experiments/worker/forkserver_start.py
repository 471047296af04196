"""Imported once by the server that new workers are forked from, to preload what they need.

That is our code, and the target if it is requested.

A batch system that ends a job sends SIGTERM to all its processes, a terminal SIGINT. The server must ignore
them: only the server can report the exit codes of its workers. It ends when the runner does.
"""

from __future__ import annotations

import os
import signal
import sys

# Before the imports, which take a while: this process was started with SIGINT blocked.
for _number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(_number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

import threadpoolctl  # noqa: E402, F401 - as above; so that each worker has it already

import experiments.worker.run  # noqa: E402, F401 - as above
from experiments.target.preloading import VARIABLE, preload  # noqa: E402 - as above

_request = os.environ.pop(VARIABLE, None)
if _request is not None and (_problem := preload(_request)) is not None:
    sys.stderr.write(f"{_problem}\n")
    sys.stderr.flush()
