"""The exit status of a process, and its description."""

from __future__ import annotations

import signal
from dataclasses import dataclass

#: sysexits.h EX_TEMPFAIL: the worker was declared dead and stopped by itself.
FENCED_EXIT_CODE = 75
#: An experiment closed descriptors of the worker, which ended at once and without any clean-up.
LOST_DESCRIPTORS_EXIT_CODE = 76
#: What multiprocessing reports when the fork server, which has the exit codes, has died.
_UNKNOWN_EXIT_CODE = 255
#: Between SIGTERM and SIGKILL.
TERMINATION_GRACE_S = 5.0


@dataclass(frozen=True)
class ExitStatus:
    """How a process ended.

    Attributes
    ----------
    exit_code, signal : int or None
        Exactly one is set.
    """

    exit_code: int | None
    signal: int | None

    @classmethod
    def of(cls, code: int) -> ExitStatus:
        """Return the status of a code as `subprocess` reports it: minus the signal, or the exit code."""
        return cls(None, -code) if code < 0 else cls(code, None)

    @property
    def is_unknown(self) -> bool:
        """Whether it is unknown: the fork server died, and with it the exit code."""
        return self.exit_code == _UNKNOWN_EXIT_CODE

    def __str__(self) -> str:
        """Return the predicate of a sentence about the process."""
        if self.signal is None:
            return f"exited with code {self.exit_code}"
        try:
            name = signal.Signals(self.signal).name
        except ValueError:
            name = f"signal {self.signal}"
        return f"was killed by {name}" + (
            " (possibly out of memory)" if self.signal == signal.SIGKILL else ""
        )

    def crash_message(self) -> str:
        """Return the error message of an attempt whose process ended by itself with this status."""
        if self.exit_code == LOST_DESCRIPTORS_EXIT_CODE:
            return "it closed file descriptors that were not its own; its process was ended at once"
        return f"its process {self}" + ("" if self.signal is not None else " in mid-flight")
