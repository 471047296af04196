"""Imported once by the server that new workers are forked from: what they need is loaded there.

A batch system that ends a job sends SIGTERM to all its processes. The server must not die of it:
with it would go the knowledge of how its workers ended. It ends when the runner does.
"""

from __future__ import annotations

import signal

import threadpoolctl  # noqa: F401 - so that each worker has it already

import experiments.worker.run  # noqa: F401 - as above

signal.signal(signal.SIGTERM, signal.SIG_IGN)
