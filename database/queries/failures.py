"""Why experiments of a series failed: counted by outcome, and grouped by cause."""

from __future__ import annotations

import signal
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from database.engine.wrong_use import takes_session
from database.failure_text.patterns import PATTERN_CHARACTERS, pattern
from database.failure_text.reason import Reason, reason_of
from database.failure_text.tracebacks import place
from database.models import Attempt, Configuration, Experiment, ExperimentSeries, ExperimentStatus, Outcome

_BATCH = 500
#: A place that raises more distinct messages than this has one group for all of them.
MAX_MESSAGES = 20


@dataclass(frozen=True, order=True)
class Cause:
    """What failures have in common.

    Attributes
    ----------
    outcome : str
        Of the last attempt.
    error_type : str
        Empty when nothing was raised.
    place : str
        ``file:line in function`` of the deepest frame in the user's code; empty without a traceback.
    message : str
        The first line of the error's message with ``N`` for its numbers; empty when there is none, or
        when the place raises too many different ones.
    death : str
        The signal or exit code of its process; empty when the process did not end.
    """

    outcome: str
    error_type: str
    place: str
    message: str = ""
    death: str = ""


@dataclass(frozen=True)
class FailureGroup:
    """Experiments that failed for the same cause, with the first of them as the example.

    Attributes
    ----------
    first_at, last_at : datetime or None
        When the first and the last of them failed.
    first_message, last_message : str or None
        The beginnings of the first and the last of their messages, as the database sorts them.
    """

    cause: Cause
    count: int
    example_id: int
    first_at: datetime | None
    last_at: datetime | None
    first_message: str | None = field(repr=False)
    last_message: str | None = field(repr=False)
    example_parameters: dict[str, Any] = field(repr=False)
    example_message: str | None
    example_traceback: str | None = field(repr=False)
    example_log_tail: str | None = field(repr=False)
    example_reason: Reason = field(repr=False)

    @property
    def summary(self) -> str:
        """What their messages have in common, in a line; else what ended their processes."""
        message = self.example_reason.message.strip().partition("\n")[0]
        if self.differ and self.cause.outcome == Outcome.ERROR:
            message = ": ".join(filter(None, [self.cause.error_type, self.cause.message]))
        if len(message) > PATTERN_CHARACTERS:
            message = f"{message[:PATTERN_CHARACTERS]}..."
        return message or self.cause.death

    @property
    def details(self) -> list[str]:
        """The lines that the summary does not tell: the example's message, and what it was raised from."""
        message = self.example_reason.message.strip()
        return [*([] if message == self.summary else message.splitlines()), *self.example_reason.others]

    @property
    def differ(self) -> bool:
        """Whether their messages differ, in numbers or as those of a place with too many of them."""
        return self.first_message != self.last_message

    @property
    def place(self) -> str:
        """Where in the user's code they failed; where that is not recorded for all, the example's place."""
        return self.cause.place or self.example_reason.place


@dataclass
class _Group:
    example_id: int
    first_at: datetime | None
    last_at: datetime | None
    first_message: str | None
    last_message: str | None
    count: int

    def join(self, other: _Group) -> None:
        self.count += other.count
        self.example_id = min(self.example_id, other.example_id)
        self.first_at = min(filter(None, (self.first_at, other.first_at)), default=None)
        self.last_at = max(filter(None, (self.last_at, other.last_at)), default=None)
        messages = [self.first_message, self.last_message, other.first_message, other.last_message]
        self.first_message = min(filter(None, messages), default=None)
        self.last_message = max(filter(None, messages), default=None)


@takes_session
def failure_groups(
    session: Session, series_id: int, where: ColumnElement[bool] | None = None
) -> list[FailureGroup]:
    """Return the causes of a series' failures, the most frequent first.

    The database groups messages that differ in digits only; its groups are streamed, so that memory
    depends on the number of causes, not of failures.

    Parameters
    ----------
    session : Session
    series_id : int
    where : condition on Experiment, optional
        Only experiments that match it; `Expression.to_sql` makes one.
    """
    target = session.scalar(select(ExperimentSeries.target).where(ExperimentSeries.id == series_id))
    place_of = lru_cache(maxsize=256)(partial(place, target=target or ""))
    grouping = _Grouping()
    alike = (Attempt.outcome, Attempt.error_type, Attempt.signal, Attempt.exit_code)
    texts = (_frames().label("frames"), _masked().label("masked"))
    rows = session.execute(
        _last_attempts(
            *alike,
            *texts,
            func.min(Experiment.id),
            func.min(Attempt.finished_at),
            func.max(Attempt.finished_at),
            func.min(_beginning()),
            func.max(_beginning()),
            func.count(),
        )
        .where(Experiment.series_id == series_id, *([] if where is None else [where]))
        .group_by(*alike, *texts)
        .execution_options(yield_per=_BATCH)
    )
    for outcome, error_type, number, code, frames, masked, *rest in rows:
        cause = Cause(
            outcome.value,
            error_type or "",
            place_of(frames or ""),
            pattern(masked or ""),
            _death(number, code),
        )
        grouping.add(cause, _Group(*rest))
    examples = _examples(session, [group.example_id for group in grouping.groups.values()], target or "")
    groups = [
        FailureGroup(cause, **vars(group), **examples[group.example_id])
        for cause, group in grouping.groups.items()
    ]
    return sorted(groups, key=lambda group: (-group.count, group.cause))


def _frames() -> ColumnElement[str]:
    """Return the traceback without the message at its end, which may differ between attempts."""
    kept = func.length(Attempt.traceback) - func.length(Attempt.error_message) - 1
    end: ColumnElement[str] = func.substr(Attempt.traceback, kept + 1)
    return case(
        (end == Attempt.error_message.concat("\n"), func.substr(Attempt.traceback, 1, kept)),
        else_=Attempt.traceback,
    )


def _masked() -> ColumnElement[str]:
    """Return the beginning of the message with each digit replaced by 0."""
    message = _beginning()
    for digit in "123456789":
        message = func.replace(message, digit, "0")
    return message


def _beginning() -> ColumnElement[str]:
    return func.substr(Attempt.error_message, 1, PATTERN_CHARACTERS)


class _Grouping:
    """Merges groups with one cause; all of a place with too many messages become one group."""

    def __init__(self) -> None:
        self._messages: dict[Cause, set[str]] = {}
        self.groups: dict[Cause, _Group] = {}

    def add(self, cause: Cause, group: _Group) -> None:
        """Add failures of one cause."""
        whatever = replace(cause, message="")
        messages = self._messages.setdefault(whatever, set())
        if len(messages) <= MAX_MESSAGES:
            messages.add(cause.message)
            if len(messages) > MAX_MESSAGES:
                for message in messages - {cause.message}:
                    self._put(whatever, self.groups.pop(replace(cause, message=message)))
        self._put(whatever if len(messages) > MAX_MESSAGES else cause, group)

    def _put(self, cause: Cause, group: _Group) -> None:
        known = self.groups.setdefault(cause, group)
        if known is not group:
            known.join(group)


def _death(number: int | None, code: int | None) -> str:
    if number is not None:
        try:
            return signal.Signals(number).name
        except ValueError:
            return f"signal {number}"
    return "" if code is None else f"exit code {code}"


def _examples(session: Session, experiment_ids: Collection[int], target: str) -> dict[int, dict[str, Any]]:
    """Return what a `FailureGroup` has of its example, by the id of the experiment."""
    ids = list(experiment_ids)
    examples: dict[int, dict[str, Any]] = {}
    for begin in range(0, len(ids), _BATCH):
        statement = (
            _last_attempts(
                Experiment.id,
                Configuration.parameters,
                Attempt.outcome,
                Attempt.error_type,
                Attempt.error_message,
                Attempt.traceback,
                Attempt.log_tail,
            )
            .join(Configuration, Configuration.id == Experiment.configuration_id)
            .where(Experiment.id.in_(ids[begin : begin + _BATCH]))
        )
        for row in session.execute(statement):
            examples[row.id] = {
                "example_parameters": row.parameters,
                "example_message": row.error_message,
                "example_traceback": row.traceback,
                "example_log_tail": row.log_tail,
                "example_reason": reason_of(row, target),
            }
    return examples


def _last_attempts(*columns: Any) -> Select[Any]:
    """Select from failed experiments and their last attempts."""
    return (
        select(*columns)
        .select_from(Experiment)
        .join(
            Attempt,
            (Attempt.experiment_id == Experiment.id) & (Attempt.number == Experiment.attempt_number),
        )
        .where(Experiment.status == ExperimentStatus.FAILED, ~Experiment.retired)
    )
