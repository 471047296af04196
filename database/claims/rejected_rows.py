"""Outcomes that the database rejects permanently: they must not prevent the recording of others.

Whatever this project writes meets the constraints of its own tables; but a database may have more (a
CHECK or a trigger of its owner's, a limit of its own), which are known only to the database.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from database.claims.types import Finished
from database.engine.faults import own_words, refuses_content, repeats_a_result
from database.errors import RecordRefusedError
from database.models import Outcome

logger = logging.getLogger(__name__)

#: The database's reason is cut to this length.
_REASON_CHARACTERS = 1000


def write_outcomes(
    connection: Connection, finished: Sequence[Finished], write: Callable[[Sequence[Finished]], int]
) -> int:
    """Write outcomes in one batch; when it is rejected, one by one, and the rejected ones as a note.

    Parameters
    ----------
    connection : Connection
        In the transaction that they belong to.
    write : callable
        Writes the outcomes it is given, and returns how many experiments are pending again; undone by a
        savepoint when it fails.

    Returns
    -------
    int
        How many experiments are pending again.

    Raises
    ------
    RecordRefusedError
        The database rejects the note too; the message names the experiment. Nothing is written.
    """
    if not finished:
        return 0
    try:
        return _write(connection, finished, write)
    except DBAPIError as error:
        if not _is_refusal(error):
            raise
    return sum(_write_one(connection, attempt, write) for attempt in finished)


def _write(
    connection: Connection, finished: Sequence[Finished], write: Callable[[Sequence[Finished]], int]
) -> int:
    with connection.begin_nested():
        return write(finished)


def _write_one(connection: Connection, attempt: Finished, write: Callable[[Sequence[Finished]], int]) -> int:
    try:
        return _write(connection, [attempt], write)
    except DBAPIError as error:
        if not _is_refusal(error):
            raise
        note = _note(attempt, _reason(error))
    name = f"experiment {attempt.experiment_id} (attempt {attempt.attempt_number})"
    try:
        written = _write(connection, [note], write)
    except DBAPIError as error:
        raise RecordRefusedError(
            f"{name} cannot be recorded: the database rejects its outcome, and also a note about it "
            f"({own_words(error)}). It is kept in its worker's journal: change the rule that rejects it, "
            "and run the series again on this computer"
        ) from error
    logger.warning("%s: %s", name, note.error_message)
    return written


def _is_refusal(error: DBAPIError) -> bool:
    # The protocol never claims what is completed: for a second result, the experiment was made pending
    # with SQL. Then only this experiment is wrong; the others are recorded.
    return refuses_content(error) or repeats_a_result(error)


def _reason(error: DBAPIError) -> str:
    if repeats_a_result(error):
        return "an earlier attempt has completed it, and an experiment has one result"
    return own_words(error)[:_REASON_CHARACTERS]


def _note(attempt: Finished, reason: str) -> Finished:
    """Return an outcome without anything that came from the user's code."""
    completed = attempt.outcome is Outcome.COMPLETED
    lost = "results" if completed else f"message ({attempt.error_type or attempt.outcome.value}), traceback"
    return Finished(
        attempt.experiment_id,
        attempt.attempt_number,
        Outcome.INVALID_RESULT if completed else attempt.outcome,
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
        duration_s=attempt.duration_s,
        error_type="RecordRefused",
        error_message=f"the database refuses to record it: {reason}. Its {lost}, the tail of its log and the "
        "metrics that were not recorded while it ran are not kept",
        exit_code=attempt.exit_code,
        signal=attempt.signal,
        code=attempt.code,
        threads=attempt.threads,
    )
