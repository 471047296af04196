"""The context an experiment gets when its function has an argument called `run`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from database import clock
from database.claims.types import Chunk, Claim
from database.errors import ExperimentsError
from experiments.attempt.metric_buffer import MAX_NAME_LENGTH, MetricBuffer

if TYPE_CHECKING:
    import numpy

#: Metrics of a running experiment are written at least this often, so that users can see them.
_WRITE_EVERY_S = 5.0
#: And whenever this many points are buffered, of 24 bytes each.
_WRITE_POINTS = 100_000


class MetricError(ExperimentsError, TypeError):
    """`run.log` was called with an invalid step, reading or name."""


class Run:
    """What an experiment may ask for: its seed, a random generator, a folder, and logging of metrics.

    Parameters
    ----------
    claim : Claim
        The attempt, and the parameters that the function is called with.
    directory : Path
        Where the experiment may keep files; created on first use.
    write : callable
        Writes chunks of metrics while the experiment runs; returns whether it succeeded.
    """

    def __init__(
        self,
        claim: Claim,
        *,
        directory: Path,
        write: Callable[[Sequence[Chunk]], bool],
    ) -> None:
        self.experiment_id = claim.experiment_id
        self.attempt_number = claim.attempt_number
        self.repetition = claim.repetition
        self.seed = claim.seed
        self.parameters = claim.parameters
        self._directory = directory
        self._write = write
        self._lock = threading.Lock()  # experiments may log from threads
        self._closed = False
        self._rng: numpy.random.Generator | None = None
        self._metrics: dict[str, MetricBuffer] = {}
        self._next_step = 0
        self._points = 0
        self._started_at = clock.monotonic()
        self._write_at = self._started_at + _WRITE_EVERY_S

    @property
    def rng(self) -> numpy.random.Generator:
        """A numpy generator seeded with `seed`; the same one at each use."""
        if self._rng is None:
            import numpy  # noqa: PLC0415 - only experiments that draw random numbers need it

            self._rng = numpy.random.default_rng(self.seed)
        return self._rng

    @property
    def directory(self) -> Path:
        """A folder of this experiment's own, for files it keeps."""
        self._directory.mkdir(parents=True, exist_ok=True)
        return self._directory

    def log(self, *, step: int | None = None, **metrics: float) -> None:
        """Log numbers at a step.

        Parameters
        ----------
        step : int, optional
            By default one more than the last one, from 0. A step logged again replaces the earlier reading.
        **metrics : float
            Readings by name; NaN and infinities are kept.

        Raises
        ------
        MetricError
            A step is not an integer, or a reading not a number.
        """
        with self._lock:
            if self._closed:
                raise MetricError("run.log() was called after the experiment had ended, from its thread")
            self._append(self._next_step if step is None else step, metrics)
            if self._points >= _WRITE_POINTS or clock.monotonic() > self._write_at:
                self._write_out()

    def _append(self, step: int, metrics: Mapping[str, float]) -> None:
        second = clock.monotonic() - self._started_at
        try:
            for name, reading in metrics.items():
                buffer = self._metrics.get(name)
                if buffer is None:
                    buffer = self._new_buffer(name)
                buffer.append(step, reading, second)
            self._next_step = step + 1
        except (TypeError, ValueError, OverflowError) as error:
            raise MetricError(
                f"run.log(step={step!r}, {', '.join(f'{key}={value!r}' for key, value in metrics.items())}): "
                f"steps are 64-bit integers and metrics numbers ({error})"
            ) from error
        self._points += len(metrics)

    def close(self) -> tuple[Chunk, ...]:
        """Return the points that are not written yet, and refuse further ones; for the worker, at the end."""
        with self._lock:
            self._closed = True
            return self._take_chunks()

    def summary(self) -> dict[str, Any]:
        """Return last, min, max and count of each metric; for the worker, after `close`."""
        return {name: buffer.summary() for name, buffer in self._metrics.items()}

    def _new_buffer(self, name: str) -> MetricBuffer:
        if len(name) > MAX_NAME_LENGTH or not name.isprintable():
            raise MetricError(
                f"a metric's name is at most {MAX_NAME_LENGTH} printable characters, not {name[:250]!r}"
            )
        buffer = self._metrics[name] = MetricBuffer(name)
        return buffer

    def _take_chunks(self) -> tuple[Chunk, ...]:
        return tuple(chunk for buffer in self._metrics.values() if (chunk := buffer.take_chunk()) is not None)

    def _write_out(self) -> None:
        chunks = self._take_chunks()
        written = False
        try:
            written = self._write(chunks)
        finally:
            if not written:
                for chunk in chunks:
                    self._metrics[chunk.metric].put_back(chunk)
            self._points = 0
            self._write_at = clock.monotonic() + _WRITE_EVERY_S
