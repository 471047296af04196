"""How attempts end, and what follows: a new outcome is a member and its rules here, and a migration."""

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
    CRASHED = "crashed"  #: its process died in mid-flight
    LOST = "lost"  #: its runner or host went silent; nobody saw why
    INTERRUPTED = "interrupted"  #: the user stopped the runner
    CANCELLED = "cancelled"  #: the user took the experiment out while it ran
    RELEASED = "released"  #: claimed, never started, given back: hidden and not counted

    @classmethod
    def recorded(cls, word: str) -> Outcome:
        """Return the outcome that a program of any revision recorded under this word."""
        return EARLIER_WORDS.get(word) or cls(word)

    @property
    def rules(self) -> OutcomeRules:
        """What follows from it."""
        return _RULES[self]

    @property
    def word(self) -> str:
        """What people read: ``timed out``."""
        return self.value.replace("_", " ")

    def sentence(self, duration_s: float) -> str:
        """Say how an attempt ended that had run for so long, where no more is known."""
        return self.rules.sentence.format(duration_s=duration_s)


class Fault(StrEnum):
    """Whose fault an outcome is."""

    NOBODY = "nobody"
    EXPERIMENT = "experiment"  #: it may end so again: a retry waits, each longer than the one before
    HOST = "host"  #: bad luck
    USER = "user"  #: somebody asked for it


@dataclass(frozen=True)
class OutcomeRules:
    """What follows from an outcome.

    Attributes
    ----------
    fault : Fault
    severity : int
        0 for a success and what is hidden; of the others each has its own. Captions name the most severe
        one first, and how it is drawn is chosen by it.
    retries : int or None
        How many attempts of an experiment may end so before it fails, unless `execute.retries` says
        otherwise. None where that is no question: then it does not fail by this outcome.
    sentence : str
        What is said of an attempt that ended so where no more is known, with ``duration_s``, how long it
        had run. Empty where the attempt or its death always says it.
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
    Outcome.RELEASED: OutcomeRules(Fault.NOBODY),
}

#: The outcomes of attempts that were no success, the most severe first.
UNSUCCESSFUL = tuple(
    sorted((one for one in Outcome if one.rules.severity), key=lambda one: one.rules.severity, reverse=True)
)
#: Those of them after which an experiment has failed unless it is tried again, with how often it is.
DEFAULT_RETRIES = {one: one.rules.retries for one in UNSUCCESSFUL if one.rules.retries is not None}

#: What programs before revision 0003 wrote, in journals, figures and expressions that are still read.
EARLIER_WORDS = {"failed": Outcome.ERROR}


def count_text(name: str, count: int) -> str:
    """Write how many attempts or experiments ended so: ``3 errors``, ``1 timed out``, ``2 pending``."""
    plural = "s" if name == Outcome.ERROR and count != 1 else ""
    return f"{count:,} {name.replace('_', ' ')}{plural}"
