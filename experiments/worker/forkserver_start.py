"""Imported once by the server that new workers are forked from, to preload what they need.

A batch system that ends a job sends SIGTERM to all its processes. The server must ignore it:
only the server can report the exit codes of its workers. It ends when the runner does.
"""

from __future__ import annotations

import signal

import threadpoolctl  # noqa: F401 - so that each worker has it already

import experiments.worker.run  # noqa: F401 - as above

signal.signal(signal.SIGTERM, signal.SIG_IGN)
