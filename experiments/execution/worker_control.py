"""Messages of a supervisor to its worker, and their encoding on the pipe between them.

``stop`` means: start no other experiment. ``<outcome> <experiment> <number> [<reason>]`` announces that this
attempt is being killed, the outcome and the reason: whatever user code makes of the SIGTERM that follows, the
attempt is recorded so, unless it completes. Such a worker stops too. The functions at the end make the
records of attempts that were ended.
"""

from __future__ import annotations

import select
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from database import clock
from database.claims.types import Finished, Token
from database.models import Outcome

STOP = b"stop"
#: The size that always fits into the pipe: the supervisor must not wait for a worker that does not read.
_MAX_CHARACTERS = 500


@dataclass(frozen=True)
class KillRequest:
    """An attempt that is being killed.

    Attributes
    ----------
    outcome : Outcome
        What the attempt is recorded as, unless it completes.
    token : tuple
        Experiment and attempt number.
    reason : str
        The reason, for the user; empty when the outcome suffices.
    """

    outcome: Outcome
    token: Token
    reason: str = ""

    def encode(self) -> bytes:
        """Return the request as bytes for the pipe."""
        experiment_id, attempt_number = self.token
        reason = self.reason[:_MAX_CHARACTERS]
        return f"{self.outcome.value} {experiment_id} {attempt_number} {reason}".strip().encode()

    @classmethod
    def decode(cls, message: bytes) -> KillRequest:
        """Return the request in a message."""
        outcome, experiment_id, attempt_number, *rest = message.decode().split(" ", 3)
        return cls(Outcome(outcome), (int(experiment_id), int(attempt_number)), "".join(rest))


class WorkerControl:
    """The worker's end of the pipe.

    Parameters
    ----------
    connection : Connection or None
        None without a supervisor: then no message ever arrives.
    """

    def __init__(self, connection: Connection | None) -> None:
        self._connection = connection
        self._poll = select.poll()
        self._stopped = False
        self._kill_request: KillRequest | None = None
        if connection is not None:
            self._poll.register(connection.fileno(), select.POLLIN | select.POLLHUP)

    def fileno(self) -> int | None:
        """Return the descriptor to wait for, or None when no message can arrive any more."""
        return self._connection.fileno() if self._connection is not None else None

    def stop(self) -> None:
        """Stop as if the supervisor had requested it."""
        self._stopped = True

    def is_stopped(self) -> bool:
        """Return whether no further experiment may begin."""
        self._read()
        return self._stopped

    def is_ending(self) -> bool:
        """Return whether no further experiment may begin; called between two, with an idle session."""
        return self.is_stopped()

    def kill_request(self, token: Token) -> KillRequest | None:
        """Return the request to kill this attempt, if there is one.

        The supervisor may have meant the one before, which ended meanwhile: then this one is killed
        by mistake, and is not at fault.
        """
        self._read()
        if self._kill_request is None or self._kill_request.token == token:
            return self._kill_request
        return KillRequest(Outcome.LOST, token)

    def _read(self) -> None:
        while self._connection is not None and self._poll.poll(0):
            self._stopped = True  # by any message, or when the supervisor's end is closed
            try:
                message = self._connection.recv_bytes()
            except (OSError, EOFError):
                self._connection = None
                return
            if message != STOP:
                self._kill_request = KillRequest.decode(message)


def outcome_of_death(number: int | None, *, stopping: bool, was_oom_kill: Callable[[], bool]) -> Outcome:
    """Return the outcome of an attempt whose process died without being killed by its supervisor.

    Parameters
    ----------
    number : int or None
        The signal that ended the process, if any.
    stopping : bool
        Whether the run is being stopped: then SIGTERM to all processes explains a death by it.
    was_oom_kill : callable
        Whether the kernel has just killed a process for lack of memory.
    """
    if number == signal.SIGTERM and stopping:
        return Outcome.INTERRUPTED
    if number == signal.SIGKILL and was_oom_kill():
        return Outcome.OUT_OF_MEMORY
    return Outcome.CRASHED


def ended_now(token: Token, outcome: Outcome, duration_s: float) -> Finished:
    """Return an attempt that has just ended without a report of its own, after this many seconds."""
    now = clock.since_1970()
    return Finished(
        *token,
        outcome,
        started_at=now - duration_s,
        finished_at=now,
        duration_s=duration_s,
        error_message=outcome.sentence(duration_s),
    )


def ended_from_outside(finished: Finished, outcome: Outcome, text: str | None) -> Finished:
    """Return an attempt with the outcome it was ended with, however its code handled the signal.

    Parameters
    ----------
    text : str or None
        The supervisor's reason, where it adds to the outcome.
    """
    return finished._replace(
        outcome=outcome,
        results=None,
        error_type=None,
        error_message=text or outcome.sentence(finished.duration_s or 0.0),
    )
