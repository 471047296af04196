"""Progress as JSON, an object on each line, for programs that watch a run.

Each object has `event` and `time`. ``progress``: the keys of `progress_data`. ``message``: `level` and `text`
of a log message. ``end``: `summary`, as `run --json` or `status --json` prints it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from experiments.progress.model import RunProgress


class JsonLinesDisplay:
    """Writes each event as an object on a line of its own.

    Parameters
    ----------
    stream : text stream
        Written to.
    every_s : float
        How often, in seconds.
    """

    draws_last = True
    is_live = False

    def __init__(self, stream: TextIO, every_s: float = 1.0) -> None:
        self._stream = stream
        self.every_s = every_s

    def update(self, progress: RunProgress) -> None:
        """Write the progress."""
        self._write("progress", progress_data(progress))

    def message(self, level: str, text: str) -> None:
        """Write a message."""
        self._write("message", {"level": level, "text": text})

    def close(self) -> None:
        """Write nothing."""

    def end(self, summary: Mapping[str, Any]) -> None:
        """Write the summary of the run."""
        self._write("end", {"summary": summary})

    def _write(self, event: str, data: Mapping[str, Any]) -> None:
        line = {"event": event, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), **data}
        self._stream.write(json.dumps(line, default=str) + "\n")
        self._stream.flush()


def progress_data(progress: RunProgress) -> dict[str, Any]:
    """Return the progress as plain data, with keys that stay."""
    counts, slowest = progress.counts, progress.slowest
    return {
        "series": progress.series,
        "stage": progress.stage.name.lower(),
        "experiments": counts.experiments,
        "pending": counts.pending,
        "running": counts.running,
        "completed": counts.completed,
        "failed": counts.failed,
        "cancelled": counts.cancelled,
        "retired": counts.retired,
        "rate_per_s": progress.rate_per_s or None,
        "remaining_s": progress.remaining_s,
        "slowest": slowest
        and {
            "experiment": slowest.experiment_id,
            "busy_s": slowest.busy_s,
            "parameters": slowest.parameters,
        },
        "workers": [
            {
                "pid": worker.pid,
                "experiment": worker.experiment_id,
                "attempt": worker.attempt_number,
                "busy_s": worker.busy_s,
                "memory_bytes": worker.memory_bytes,
            }
            for worker in progress.workers
        ],
        "runners": progress.runners,
        "paused": progress.paused,
        "database_silent_s": progress.silent_s,
        "waiting": progress.waiting,
        "reason": progress.reason,
    }
