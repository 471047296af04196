"""The types of the claim protocol: claims and requests, how an attempt ended, and when it is retried."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from database.models import ExperimentStatus, Outcome
from database.models.outcome import DEFAULT_RETRIES, Fault

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

#: An experiment and the number of its attempt: what a fence compares.
Token = tuple[int, int]

#: The longest delay before a retry, in seconds.
MAX_DELAY_S = 600.0
#: More doublings would exceed `MAX_DELAY_S` whatever the first delay, or overflow.
_MAX_DOUBLINGS = 60


class Claim(NamedTuple):
    """The right of a worker to run one experiment.

    `attempt_number` is the fencing token: whoever holds an older one can record nothing.
    Of what is made for each experiment, frozen dataclasses would take four times as long.
    """

    experiment_id: int
    attempt_number: int
    repetition: int
    seed: int
    parameters: dict[str, Any]

    @property
    def token(self) -> Token:
        """The experiment and attempt number, which identify its attempt."""
        return self.experiment_id, self.attempt_number


@dataclass(frozen=True, slots=True)
class Chunk:
    """Consecutive points of one metric: `count` little-endian int64 steps, float64 readings and seconds.

    `number` orders the chunks of an attempt. A chunk with more points than another of the same number begins
    with those of the other.
    """

    metric: str
    number: int
    count: int
    steps: bytes
    readings: bytes
    seconds: bytes


class Finished(NamedTuple):
    """How an attempt ended, with everything that is recorded of it.

    Attributes
    ----------
    started_at, finished_at : float or None
        Seconds since 1970, by the host's clock.
    results : str or None
        The encoded results (`database.models.exact_json.encode`) of a completed attempt.
    code : int or None
        The id of the set of code that it ran (`database.models.Code`); None when that is unknown.
    threads : int or None
        How many threads numerical libraries had; None when that is unknown.
    partial : str or None
        What was valid of an invalid result, encoded as `results` is.
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
    code: int | None = None
    threads: int | None = None
    partial: str | None = None
    chunks: tuple[Chunk, ...] = ()

    @property
    def token(self) -> Token:
        """The experiment and attempt number, which identify it."""
        return self.experiment_id, self.attempt_number


@dataclass(frozen=True)
class ClaimRequest:
    """What a worker asks for besides recording.

    Attributes
    ----------
    series_id : int
        The series that claims come from.
    claims : int
        How many at most; none are claimed while it keeps any.
    keep : sequence of Token
        What it has claimed and not started, in the order it will.
    release : collection of Token
        What it has claimed and does not want to run.
    canary : bool
        Claim only the first experiment of each configuration.
    """

    series_id: int
    claims: int = 0
    keep: Sequence[Token] = ()
    release: Collection[Token] = field(default=())
    canary: bool = False


@dataclass(frozen=True)
class ExchangeResult:
    """The result of `record_and_claim`.

    Attributes
    ----------
    recorded : frozenset of Token
        The attempts whose outcome is in the database now, by this or an earlier transaction.
    refused : frozenset of Token
        Attempts that were revoked meanwhile: their outcome was not recorded.
    kept : frozenset of Token
        What the worker still owns of `ClaimRequest.keep`.
    claims : tuple of Claim
        What else it owns, in the order to run it: newly claimed, or claimed by an earlier
        transaction whose answer was lost.
    """

    recorded: frozenset[Token]
    refused: frozenset[Token]
    kept: frozenset[Token]
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Revocation:
    """A user's request to take experiments from workers.

    Attributes
    ----------
    series_id : int
        Only experiments of this series.
    outcome : Outcome
        ``cancelled`` ends the experiments. ``lost`` makes them pending again, whatever the limits
        of their retries, and what was not started is released.
    reason : str
        The error message of the attempt, for users.
    statuses : collection of ExperimentStatus
        Which of ``claimed`` and ``running``.
    conditions : sequence of conditions on Experiment
        Only experiments that match all of them.
    """

    series_id: int
    outcome: Outcome
    reason: str
    statuses: Collection[ExperimentStatus] = (ExperimentStatus.CLAIMED, ExperimentStatus.RUNNING)
    conditions: Sequence[ColumnElement[bool]] = ()


@dataclass(frozen=True)
class RetryPolicy:
    """How often an experiment is tried again, per outcome of its attempts.

    Outcomes caused by the host or the user (`lost`, `interrupted`) have high limits: a flaky host fails no
    experiment. Those caused by the experiment (`crashed`) have a low one, so that it ends.

    Attributes
    ----------
    retries : mapping
        The limit for each outcome; 0 for those not named.
    delay_s : float
        How long an experiment that ended by its own fault waits before its first retry, in seconds;
        doubled each time. Other outcomes have no delay.
    """

    retries: Mapping[Outcome, int] = field(default_factory=lambda: dict(DEFAULT_RETRIES))
    delay_s: float = 1.0

    def limit(self, outcome: Outcome) -> int:
        """Return how many attempts may end with this outcome before the experiment fails."""
        return self.retries.get(outcome, 0)

    def status_after(self, outcome: Outcome, earlier: int) -> ExperimentStatus:
        """Return the next status of the experiment.

        Parameters
        ----------
        outcome : Outcome
            Of the attempt that ends now.
        earlier : int
            How many of its attempts had this outcome before.
        """
        if outcome is Outcome.COMPLETED:
            return ExperimentStatus.COMPLETED
        if outcome is Outcome.CANCELLED:
            return ExperimentStatus.CANCELLED
        if outcome is Outcome.RELEASED or earlier < self.limit(outcome):
            return ExperimentStatus.PENDING
        return ExperimentStatus.FAILED

    def delay_after(self, outcome: Outcome, earlier: int) -> float:
        """Return the delay of the next attempt in seconds; 0 unless the experiment caused the outcome."""
        if outcome.rules.fault is not Fault.EXPERIMENT:
            return 0.0
        return min(self.delay_s * 2.0 ** min(earlier, _MAX_DOUBLINGS), MAX_DELAY_S)
