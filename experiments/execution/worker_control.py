"""What a supervisor tells its worker, and how it is written on the pipe between them.

``stop`` means to begin with nothing more. ``<outcome> <experiment> <number> [<text>]`` says that this
attempt is being ended, as what, and why: whatever user code makes of the SIGTERM that follows, the
attempt is recorded so, unless it completes. Such a worker stops too.
"""

from __future__ import annotations

import select
from dataclasses import dataclass
from multiprocessing.connection import Connection

from database.claims.protocol import Token
from database.models import Outcome

STOP = b"stop"
#: So much always fits into the pipe: the supervisor must not wait for a worker that does not read.
_MOST_CHARACTERS = 500


@dataclass(frozen=True)
class Doom:
    """How an attempt is being ended.

    Attributes
    ----------
    outcome : Outcome
        What it is recorded as, unless it completes.
    token : tuple
        Experiment and attempt number.
    text : str
        Why, for people; empty when the outcome says it all.
    """

    outcome: Outcome
    token: Token
    text: str = ""

    def message(self) -> bytes:
        """Return what is written on the pipe."""
        experiment_id, attempt_number = self.token
        text = self.text[:_MOST_CHARACTERS]
        return f"{self.outcome.value} {experiment_id} {attempt_number} {text}".strip().encode()

    @classmethod
    def parse(cls, message: bytes) -> Doom:
        """Return what a message says."""
        outcome, experiment_id, attempt_number, *rest = message.decode().split(" ", 3)
        return cls(Outcome(outcome), (int(experiment_id), int(attempt_number)), "".join(rest))


class Control:
    """The worker's end of the pipe.

    Parameters
    ----------
    connection : Connection or None
        None when there is no supervisor: nothing is ever told.
    """

    def __init__(self, connection: Connection | None) -> None:
        self._connection = connection
        self._poll = select.poll()
        self._stopped = False
        self._doom: Doom | None = None
        if connection is not None:
            self._poll.register(connection.fileno(), select.POLLIN | select.POLLHUP)

    def fileno(self) -> int | None:
        """Return the descriptor to wait at, or None when nothing can come any more."""
        return self._connection.fileno() if self._connection is not None else None

    def stop(self) -> None:
        """Go on as if told to stop."""
        self._stopped = True

    def is_stopped(self) -> bool:
        """Whether to begin with nothing more."""
        self._read()
        return self._stopped

    def is_ending(self) -> bool:
        """Whether to begin with nothing more; asked between two experiments, while the session is idle."""
        return self.is_stopped()

    def doom(self, token: Token) -> Doom | None:
        """Return as what this attempt is being ended, if it is.

        The supervisor may have meant the one before, which ended meanwhile: then this one is ended
        by mistake, and nobody's fault.
        """
        self._read()
        if self._doom is None or self._doom.token == token:
            return self._doom
        return Doom(Outcome.LOST, token)

    def _read(self) -> None:
        while self._connection is not None and self._poll.poll(0):
            self._stopped = True  # whatever it says, also when the supervisor's end is closed
            try:
                message = self._connection.recv_bytes()
            except (OSError, EOFError):
                self._connection = None
                return
            if message != STOP:
                self._doom = Doom.parse(message)
