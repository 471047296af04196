"""The outcomes of attempts and their rules: a new one needs a member, its rules, and a migration."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"  #: the target returned results that could be stored
    ERROR = "error"  #: the target raised
    INVALID_RESULT = "invalid_result"  #: the target returned something that cannot be stored
    TIMED_OUT = "timed_out"  #: it ran longer than `execute.timeout` and was killed
    OUT_OF_MEMORY = "out_of_memory"  #: it was killed for the memory it took
    CRASHED = "crashed"  #: its process died while it ran
    LOST = "lost"  #: its runner or host stopped sending heartbeats; the cause is unknown
    INTERRUPTED = "interrupted"  #: the user stopped the runner
    CANCELLED = "cancelled"  #: a user cancelled the experiment while it ran
    REPLACED = "replaced"  #: completed, until a user asked to run it again: its results count no longer
    RELEASED = "released"  #: claimed and released before its start: hidden and not counted

    @classmethod
    def recorded(cls, word: str) -> Outcome:
        """Return the outcome that a program of any revision recorded under this word."""
        return EARLIER_WORDS.get(word) or cls(word)

    @property
    def rules(self) -> OutcomeRules:
        """The rules of this outcome."""
        return _RULES[self]

    @property
    def word(self) -> str:
        """The outcome as users read it: ``timed out``."""
        return self.value.replace("_", " ")

    def sentence(self, duration_s: float) -> str:
        """Describe how an attempt of this duration ended, where no more is known."""
        return self.rules.sentence.format(duration_s=duration_s)


class Fault(StrEnum):
    """What caused an outcome."""

    NOBODY = "nobody"
    EXPERIMENT = "experiment"  #: it may recur: retries are delayed, each longer than the one before
    HOST = "host"  #: the host or its runner failed
    USER = "user"  #: a user's request


@dataclass(frozen=True)
class OutcomeRules:
    """The rules of an outcome.

    Attributes
    ----------
    fault : Fault
    severity : int
        0 for success and hidden outcomes; each of the others has its own. Captions name the most severe
        one first, and colours and markers are chosen by it.
    retries : int or None
        How many attempts of an experiment may have this outcome before it fails, unless
        `execute.retries` sets a limit. None: the experiment never fails by this outcome.
    sentence : str
        The description where no more is known; it may contain ``duration_s``, how long the attempt
        ran. Empty where the attempt or the end of its process always gives one.
    """

    fault: Fault
    severity: int = 0
    retries: int | None = None
    sentence: str = ""


_RULES = {
    Outcome.COMPLETED: OutcomeRules(Fault.NOBODY),
    Outcome.ERROR: OutcomeRules(Fault.EXPERIMENT, severity=8, retries=0),
    Outcome.INVALID_RESULT: OutcomeRules(Fault.EXPERIMENT, severity=4, retries=0),
    Outcome.TIMED_OUT: OutcomeRules(
        Fault.EXPERIMENT,
        severity=7,
        retries=0,
        sentence="it was stopped after {duration_s:.1f} s, which is longer than execute.timeout",
    ),
    Outcome.OUT_OF_MEMORY: OutcomeRules(
        Fault.EXPERIMENT,
        severity=6,
        retries=0,
        sentence="the kernel killed its process because memory ran out",
    ),
    Outcome.CRASHED: OutcomeRules(Fault.EXPERIMENT, severity=5, retries=2),
    Outcome.LOST: OutcomeRules(
        Fault.HOST, severity=3, retries=10, sentence="its worker was stopped while it ran"
    ),
    Outcome.INTERRUPTED: OutcomeRules(
        Fault.USER, severity=2, retries=10, sentence="the runner was stopped while it ran"
    ),
    Outcome.CANCELLED: OutcomeRules(Fault.USER, severity=1, sentence="it was cancelled while it ran"),
    Outcome.REPLACED: OutcomeRules(Fault.USER),
    Outcome.RELEASED: OutcomeRules(Fault.NOBODY),
}

#: The outcomes of attempts that were no success, the most severe first.
UNSUCCESSFUL = tuple(
    sorted((one for one in Outcome if one.rules.severity), key=lambda one: one.rules.severity, reverse=True)
)
#: The default number of retries of each outcome by which an experiment can fail.
DEFAULT_RETRIES = {cause: cause.rules.retries for cause in UNSUCCESSFUL if cause.rules.retries is not None}

#: Words of programs before revision 0003, in journals, figures and expressions that are still read.
EARLIER_WORDS = {"failed": Outcome.ERROR}


def count_text(name: str, count: int) -> str:
    """Write how many attempts or experiments ended so: ``3 errors``, ``1 timed out``, ``2 pending``."""
    plural = "s" if name == Outcome.ERROR and count != 1 else ""
    return f"{count:,} {name.replace('_', ' ')}{plural}"
