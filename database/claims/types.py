"""What the protocol carries: wishes and claims, how an attempt ended, and what follows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from database.models import ExperimentStatus, Outcome

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

#: An experiment and the number of its attempt: what a fence compares.
Token = tuple[int, int]

#: No retry waits longer, in seconds.
MAX_DELAY_S = 600.0
#: Whatever the delay, more doublings lead beyond `MAX_DELAY_S` or nowhere.
_MOST_DOUBLINGS = 60
#: An experiment that ends so may end so again; the others are the runner's bad luck.
_OWN_FAULT = frozenset(
    {
        Outcome.CRASHED,
        Outcome.ERROR,
        Outcome.INVALID_RESULT,
        Outcome.TIMED_OUT,
        Outcome.OUT_OF_MEMORY,
    }
)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of a worker to run one experiment.

    `attempt_number` is the fencing token: whoever holds an older one can record nothing.
    """

    experiment_id: int
    attempt_number: int
    repetition: int
    seed: int
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive points of one metric: `count` little-endian int64 steps, float64 readings and seconds."""

    metric: str
    number: int
    count: int
    steps: bytes
    readings: bytes
    seconds: bytes


@dataclass(frozen=True, slots=True)
class Finished:
    """How an attempt ended, with everything that is recorded of it.

    Attributes
    ----------
    started_at, finished_at : float or None
        Seconds since 1970, by the host's clock.
    results : str or None
        The encoded results (`database.models.exact_json.encode`) of a completed attempt.
    """

    experiment_id: int
    attempt_number: int
    outcome: Outcome
    started_at: float | None = None
    finished_at: float | None = None
    duration_s: float | None = None
    results: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    traceback: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    peak_memory_bytes: int | None = None
    cpu_s: float | None = None
    log_tail: str | None = None
    chunks: tuple[Chunk, ...] = field(default=())


@dataclass(frozen=True)
class Exchange:
    """What a worker got for what it gave.

    Attributes
    ----------
    recorded : frozenset of Token
        The attempts whose outcome is in the database now, by this or an earlier transaction.
    refused : frozenset of Token
        Attempts that were taken away meanwhile: their outcome was not recorded.
    held : frozenset of Token
        What the worker still owns of `keep`.
    claims : tuple of Claim
        What it owns besides, in the order to run it: newly claimed, or claimed by an earlier
        transaction whose answer was lost.
    """

    recorded: frozenset[Token]
    refused: frozenset[Token]
    held: frozenset[Token]
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Wish:
    """What a worker wants besides recording.

    Attributes
    ----------
    series_id : int
        Claims come from this series.
    claims : int
        How many at most; none are claimed while it holds any.
    keep : sequence of Token
        What it has claimed and not started, in the order it will.
    give_back : collection of Token
        What it has claimed and does not want to run.
    canary : bool
        Claim only the first experiment of each configuration.
    """

    series_id: int
    claims: int = 0
    keep: Sequence[Token] = ()
    give_back: Collection[Token] = field(default=())
    canary: bool = False


@dataclass(frozen=True)
class Removal:
    """What a person takes away from workers.

    Attributes
    ----------
    series_id : int
        Only experiments of this series.
    outcome : Outcome
        ``cancelled`` ends the experiments. ``lost`` makes them pending again, whatever the limits
        of their retries, and what was not started is released.
    reason : str
        For people, in the attempt.
    statuses : collection of ExperimentStatus
        Of ``claimed`` and ``running``, which.
    conditions : sequence of conditions on Experiment
        Only those that fulfil all of them.
    """

    series_id: int
    outcome: Outcome
    reason: str
    statuses: Collection[ExperimentStatus] = (ExperimentStatus.CLAIMED, ExperimentStatus.RUNNING)
    conditions: Sequence[ColumnElement[bool]] = ()


@dataclass(frozen=True)
class RetryPolicy:
    """How often an experiment is tried again, per outcome of its attempts.

    Bad luck (`lost`, `interrupted`) has generous limits of its own, so that a flaky host fails no
    experiment; blame (`crashed`) has a small one, so that a poisonous experiment ends.

    Attributes
    ----------
    retries : mapping
        The limits; an outcome that is not named has none.
    delay_s : float
        How long an experiment that ended by its own fault waits before its first retry; doubled
        each time. Bad luck does not wait.
    """

    retries: Mapping[Outcome, int] = field(
        default_factory=lambda: {Outcome.LOST: 10, Outcome.INTERRUPTED: 10, Outcome.CRASHED: 2}
    )
    delay_s: float = 1.0

    @classmethod
    def of_series(cls, resolved: Mapping[str, Any]) -> RetryPolicy:
        """Return the policy that a resolved series file asks for, which may be of an older program."""
        section = resolved.get("execute", {}).get("retries")
        if section is None:
            return cls()
        counts = {outcome: section[outcome.value] for outcome in Outcome if outcome.value in section}
        return cls(counts, delay_s=section.get("delay", cls.delay_s))

    def limit(self, outcome: Outcome) -> int:
        """Return how many attempts may end so without the experiment being given up."""
        return self.retries.get(outcome, 0)

    def status_after(self, outcome: Outcome, earlier: int) -> ExperimentStatus:
        """Decide what becomes of the experiment.

        Parameters
        ----------
        outcome : Outcome
            Of the attempt that ends now.
        earlier : int
            How many of its attempts ended so before.
        """
        if outcome is Outcome.COMPLETED:
            return ExperimentStatus.COMPLETED
        if outcome is Outcome.CANCELLED:
            return ExperimentStatus.CANCELLED
        if outcome is Outcome.RELEASED or earlier < self.limit(outcome):
            return ExperimentStatus.PENDING
        return ExperimentStatus.FAILED

    def delay_after(self, outcome: Outcome, earlier: int) -> float:
        """Return how many seconds the next attempt waits, of the same; bad luck does not wait."""
        if outcome not in _OWN_FAULT:
            return 0.0
        return min(self.delay_s * 2.0 ** min(earlier, _MOST_DOUBLINGS), MAX_DELAY_S)
