"""The context an experiment gets when its function has an argument called `run`."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from database import clock
from database.claims.types import Chunk, Claim
from database.errors import ExperimentsError
from experiments.points.writer import MAX_NAME_LENGTH, PointsWriter

if TYPE_CHECKING:
    import numpy

_OTHER_PROCESS = (
    "`run` belongs to the process that the experiment began in; send a value that another process has "
    "measured to that process (return it, or use a queue), and log it there"
)

#: How many forks lie between this process and the one that loaded this module.
_forks = 0


def _note_fork() -> None:
    global _forks  # noqa: PLW0603 - of this process, as its id is, which costs a system call
    _forks += 1


os.register_at_fork(after_in_child=_note_fork)


class MetricError(ExperimentsError, TypeError):
    """`run.log` was called with an invalid step, reading or name, or not in the experiment's process."""


def _joined(metrics: Mapping[str, float], named: dict[str, float]) -> Mapping[str, float]:
    """Return the readings of a mapping and those given by keywords together."""
    if not isinstance(metrics, Mapping):
        raise MetricError(
            f"run.log({metrics!r}): the first argument is a mapping of names to numbers, such as "
            f"{{'val/loss': 0.5}}, not {type(metrics).__name__}; nothing of this call is logged"
        )
    if "step" in metrics:
        raise MetricError(
            "run.log({'step': ...}): the step is no metric; write run.log({...}, step=...). Nothing of this "
            "call is logged"
        )
    twice = metrics.keys() & named.keys()
    if twice:
        raise MetricError(
            f"run.log(): {', '.join(map(repr, sorted(twice)))} is given twice, in the mapping and by "
            "keyword; nothing of this call is logged"
        )
    return {**metrics, **named} if named else metrics


class Run:
    """What an experiment may ask for: its seed, a random generator, a folder, and logging of metrics.

    Parameters
    ----------
    claim : Claim
        The attempt, and the parameters that the function is called with.
    files : Path
        The folder of the files that the experiments of its series keep.
    points : Path
        The file of the points that are logged; made on first use.
    """

    def __init__(self, claim: Claim, *, files: Path, points: Path) -> None:
        self.experiment_id = claim.experiment_id
        self.attempt_number = claim.attempt_number
        self.repetition = claim.repetition
        self.seed = claim.seed
        self.parameters = claim.parameters
        self._files = files
        self._points_path = points
        self._points: PointsWriter | None = None
        self._token = claim.token
        self._forks = _forks
        self._lock = threading.Lock()  # experiments may log from threads
        self._closed = False
        self._rng: numpy.random.Generator | None = None
        self._next_step = 0
        self._started_at = clock.monotonic()

    def __reduce__(self) -> NoReturn:
        raise MetricError(_OTHER_PROCESS)

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
        directory = self._files / str(self.experiment_id)
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def log(
        self, metrics: Mapping[str, float] | None = None, /, *, step: int | None = None, **named: float
    ) -> None:
        """Log numbers at a step, all of them or, if one is refused, none.

        Parameters
        ----------
        metrics : mapping, optional
            Readings by name, whatever the names contain: ``run.log({"val/loss": 0.5})``.
        step : int, optional
            By default one more than the last one, from 0. A step logged again replaces the earlier reading.
        **named : float
            More readings by name; NaN and infinities are kept.

        Raises
        ------
        MetricError
            A step is not an integer, a reading not a number, a name no text or given twice, or this is not
            the experiment's process.
        """
        if self._forks != _forks:
            raise MetricError(_OTHER_PROCESS)
        readings = named if metrics is None else _joined(metrics, named)
        with self._lock:
            if self._closed:
                raise MetricError("run.log() was called after the experiment had ended, from its thread")
            number = self._next_step if step is None else step
            second = clock.monotonic() - self._started_at
            try:
                if self._points is None:
                    self._points = PointsWriter(self._points_path, self._token)
                self._points.append(number, readings, second)
                self._next_step = number + 1
            except (TypeError, ValueError, OverflowError, struct.error) as error:
                shown = ", ".join(f"{name!r:.250}: {value!r}" for name, value in readings.items())
                raise MetricError(
                    f"run.log({{{shown}}}, step={number!r}): {error}; nothing of this call is logged. Steps "
                    f"are 64-bit integers, metrics numbers, names text of 1 to {MAX_NAME_LENGTH} printable "
                    "characters"
                ) from error

    def close(self) -> tuple[Chunk, ...]:
        """Return the points that are not recorded yet, and refuse more; for the worker, at the end."""
        with self._lock:
            self._closed = True
            return () if self._points is None else self._points.close()

    def summary(self) -> dict[str, Any]:
        """Return last, min, max and count of each metric; for the worker, after `close`."""
        if self._points is None:
            return {}
        return {name: summary.as_results() for name, summary in self._points.summaries.items()}
