"""How attempts end."""

from __future__ import annotations

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
        """Return the outcome that a program of any revision wrote."""
        return EARLIER_WORDS.get(word) or cls(word)


#: What programs of the revisions before 0003 wrote, in journals, figures and expressions that are still read.
EARLIER_WORDS = {"failed": Outcome.ERROR}
