"""The `execute` section of a series file: how experiments are run."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, create_model

from database.claims.types import MAX_DELAY_S, RetryPolicy
from database.models import Outcome
from database.models.outcome import DEFAULT_RETRIES
from database.redaction import REFERENCE
from experiments.execution.options import Execution, StopRule
from experiments.series_file.sections.fields import Section
from experiments.units import bytes_of, seconds_of, shortened

MAX_WORKERS = 4096
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)\s*%\Z", re.ASCII)


def _workers(value: object) -> object:
    if value == "auto" or (type(value) is int and 0 <= value <= MAX_WORKERS):
        return value
    raise ValueError(
        f"must be auto or a whole number from 0 (in this process) to {MAX_WORKERS}, not {shortened(value)}"
    )


def _threads(value: object) -> object:
    if value in ("auto", "unlimited") or (type(value) is int and 1 <= value <= MAX_WORKERS):
        return value
    raise ValueError(
        f"must be auto, unlimited or a whole number from 1 to {MAX_WORKERS}, not {shortened(value)}"
    )


def _failed(value: object) -> object:
    if type(value) is int and value >= 1:
        return value
    if isinstance(value, str) and (match := _SHARE.match(value)) and 0 < float(match[1]) <= 100:
        return value
    raise ValueError(f"must be a count such as 10 or a share such as 20%, not {shortened(value)}")


def _delay(value: object) -> float:
    """Return a delay in seconds, 0 to the longest that retries wait."""
    seconds = 0.0 if type(value) in {int, float} and value == 0 else seconds_of(value)
    if seconds > MAX_DELAY_S:
        raise ValueError(f"must be at most {MAX_DELAY_S / 60:.0f}m, not {shortened(value)}")
    return seconds


def _webhook(value: object) -> object:
    """Refuse what is no HTTP URL; the message does not repeat it, as it may contain a secret.

    What a reference to an environment variable stands for is not known yet.
    """
    if isinstance(value, str):
        if "${" in REFERENCE.sub("", value):
            raise ValueError("has a ${ that is not ${env:NAME}, the value of an environment variable")
        if REFERENCE.match(value) or is_webhook(REFERENCE.sub("1", value)):
            return value
    raise ValueError("must be a URL that begins with https:// or http:// and names a host")


def is_webhook(url: str) -> bool:
    """Return whether a text is a URL that can be notified."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an address that is none
        return False


_Count = Annotated[StrictInt, Field(ge=0, le=1000)]


class _Retries(Section):
    """How often an experiment is retried, by outcome of its attempts."""

    #: Before the first retry of an experiment that ended by its own fault; doubled each time.
    delay: Annotated[float, BeforeValidator(_delay)] = 1.0

    def policy(self) -> RetryPolicy:
        """Return the policy of the claim protocol."""
        counts = self.model_dump(exclude={"delay"})
        return RetryPolicy({Outcome(name): count for name, count in counts.items()}, delay_s=self.delay)


if TYPE_CHECKING:
    RetriesSection = _Retries
else:
    RetriesSection = create_model(
        "RetriesSection",
        __base__=_Retries,
        __doc__=_Retries.__doc__,
        **{outcome.value: (_Count, most) for outcome, most in DEFAULT_RETRIES.items()},
    )


def recorded_policy(resolved: Mapping[str, Any]) -> RetryPolicy:
    """Return the retry policy of `ExperimentSeries.resolved`, which an older program may have recorded."""
    section = resolved.get("execute", {}).get("retries", {})
    counts = {outcome: section.get(outcome.value, most) for outcome, most in DEFAULT_RETRIES.items()}
    return RetryPolicy(counts, delay_s=section.get("delay", RetryPolicy.delay_s))


class RecycleSection(Section):
    """When a worker is replaced by a new one, against leaks."""

    experiments: Annotated[StrictInt, Field(ge=1)] | None = None
    growth: Annotated[int, BeforeValidator(bytes_of)] | None = None


class StopAfterSection(Section):
    """When a run stops because experiments fail."""

    #: A count, or a share of what has ended in this run, such as ``20%``.
    failed: Annotated[int | str, BeforeValidator(_failed)]
    #: A share counts only once this many have ended.
    minimum: Annotated[StrictInt, Field(ge=1)] = 20

    def rule(self) -> StopRule:
        """Return the rule of the supervisor."""
        if isinstance(self.failed, int):
            return StopRule(self.failed, is_share=False)
        return StopRule(float(self.failed.rstrip("% ")) / 100, is_share=True, minimum=self.minimum)


class NotifySection(Section):
    """How the end of a run is notified."""

    bell: StrictBool = False
    #: Gets a POST with the summary as JSON. `database.redaction` tells what of it is recorded.
    webhook: Annotated[str, BeforeValidator(_webhook)] | None = None


class ExecuteSection(Section):
    """How experiments are run; it does not determine which experiments exist."""

    workers: Annotated[Literal["auto"] | int, BeforeValidator(_workers)] = "auto"
    isolation: Literal["pool", "process"] = "pool"
    #: In the file also ``2h``, ``90s`` or ``1h30m``; here always seconds.
    timeout: Annotated[float, BeforeValidator(seconds_of)] | None = None
    #: In the file also ``500MB`` or ``8GiB``; here always bytes.
    memory: Annotated[int, BeforeValidator(bytes_of)] | None = None
    #: With ``auto`` it depends on the number of workers, and so do the last bits of sums.
    threads: Annotated[Literal["auto", "unlimited"] | int, BeforeValidator(_threads)] = 1
    preload: StrictBool = False
    retries: RetriesSection = RetriesSection()
    recycle: RecycleSection = RecycleSection()
    stop_after: StopAfterSection | None = None
    notify: NotifySection = NotifySection()
    #: What a run does when completed experiments ran other code.
    code: Literal["warn", "refuse", "ignore"] = "warn"

    def worker_count(self, override: int | None = None) -> int:
        """Return the number of workers on this machine: `override`, or that of the file."""
        if override is not None:
            return override
        return len(os.sched_getaffinity(0)) if self.workers == "auto" else self.workers

    def notes(self, workers: int) -> list[str]:
        """Return remarks on the settings that have no effect with this number of workers."""
        if workers:
            return []
        ignored = [
            name
            for name, given in (
                ("isolation", self.isolation != "pool"),
                ("timeout", self.timeout is not None),
                ("memory", self.memory is not None),
                ("recycle", self.recycle != RecycleSection()),
            )
            if given
        ]
        if not ignored:
            return []
        names = ", ".join(f"execute.{name}" for name in ignored)
        have = "has" if len(ignored) == 1 else "have"
        return [f"{names} {have} no effect with 0 workers: this process runs everything, unsupervised"]

    def execution(self, workers: int) -> Execution:
        """Resolve what depends on the machine and the number of workers."""
        threads: int | None
        if self.threads == "unlimited":
            threads = None
        elif self.threads == "auto":
            threads = max(1, len(os.sched_getaffinity(0)) // max(1, workers))
        else:
            threads = self.threads
        return Execution(
            isolation=self.isolation,
            timeout_s=self.timeout,
            memory_bytes=self.memory,
            threads=threads,
            preload=self.preload,
            recycle_after=self.recycle.experiments,
            recycle_growth_bytes=self.recycle.growth,
            policy=self.retries.policy(),
            stop_rule=self.stop_after.rule() if self.stop_after else None,
            code=self.code,
        )
