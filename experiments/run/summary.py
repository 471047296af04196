"""The summary at the end of a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from database.counters import StatusCounts
from database.models.outcome import count_text
from experiments.creation import Created
from experiments.processes.stop_signals import SIGNAL_EXIT_CODE
from experiments.progress.format import journals_text
from experiments.units import duration_text, many, them

SOME_FAILED_EXIT_CODE = 1
#: A user or a rule stopped it.
STOPPED_EXIT_CODE = 4


@dataclass(frozen=True)
class RunSummary:
    """The result of a run.

    Attributes
    ----------
    series : str
        Its name.
    created : Created or None
        What its file added; None when it was run by name.
    before, after : StatusCounts
        Of the whole series, at the beginning and at the end.
    completed_here : int
        How many experiments this run completed itself; other runners may have run some too.
    failures : dict
        How many of its experiments failed, by the outcome of their last attempt.
    elapsed_s : float
        How long it took, from the start of the command on; of several series, from the end of the one before.
    stopped_by : int or None
        The signal that stopped it.
    paused : bool
        The series was paused while it ran.
    rule : str or None
        The rule that stopped it, as a sentence.
    waiting : int or None
        When the database was away at the end: how many finished results wait in the journals for the
        next run; the counts may be old then.
    """

    series: str
    created: Created | None
    before: StatusCounts
    after: StatusCounts
    completed_here: int
    failures: dict[str, int]
    elapsed_s: float
    stopped_by: int | None
    paused: bool = False
    rule: str | None = None
    waiting: int | None = None

    @property
    def exit_code(self) -> int:
        """0 when all is done, 1 when some failed, 4 when paused or stopped by a rule, 128 + a signal."""
        if self.stopped_by is not None:
            return SIGNAL_EXIT_CODE + self.stopped_by
        if self.paused or self.rule is not None:
            return STOPPED_EXIT_CODE
        return SOME_FAILED_EXIT_CODE if self.after.failed else 0

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def as_data(self) -> dict[str, Any]:
        """Return the summary as plain data."""
        return {**asdict(self), "exit_code": self.exit_code}

    def _lines(self) -> list[str]:
        total = self.after.experiments
        lines = [f"{self.series}: {self.after.completed:,} of {many(total, 'experiment')} completed"]
        lines[0] += f" ({self.completed_here:,} in this run, {duration_text(self.elapsed_s)})"
        if self.after.failed:
            causes = ", ".join(count_text(outcome, count) for outcome, count in self.failures.items())
            lines.append(f"{self.after.failed:,} failed: {causes}; see: experiments failures {self.series}")
        if self.after.cancelled:
            cancelled, which = self.after.cancelled, f"{self.series} --status cancelled"
            back = f"`experiments retry {which}` brings {them(cancelled)} back"
            lines.append(f"{cancelled:,} cancelled; see: experiments list {which}; {back}")
        left = self.after.pending + self.after.running
        resumes = "nothing is left"
        if left:
            resumes = f"{_are(left)} left: the same command resumes {them(left)}"
        if self.stopped_by is not None:
            lines.append(f"stopped; {resumes}")
        elif self.rule is not None:
            lines.append(f"stopped by a rule: {self.rule}; {resumes}")
        elif self.paused:
            lines.append(f"paused; {_are(left)} left: experiments edit {self.series} --resume")
        elif left:
            lines.append(f"{_are(left)} left with other runners")
        if self.waiting is not None:
            lines.append(
                f"the database was away; {journals_text(self.waiting)}: "
                f"running again here records {them(self.waiting)}"
            )
        if self.after.retired:
            lines.append(f"{_are(self.after.retired)} no longer named by the series file: kept, not run")
        return lines


def _are(count: int) -> str:
    return f"{count:,} {'is' if count == 1 else 'are'}"
