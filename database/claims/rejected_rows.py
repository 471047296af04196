"""Outcomes that the database refuses for good: one of them must cost no other one anything.

The rules of this project's own tables are met by whatever it writes; but a database may have more
(a CHECK or a trigger of its owner's, a limit of its own), and only the database knows them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from database.claims.types import Finished
from database.engine.faults import own_words, refuses_content, repeats_a_result
from database.errors import RecordRefusedError
from database.models import Outcome

Written = TypeVar("Written")

logger = logging.getLogger(__name__)

#: More of the database's reason is not kept.
_REASON_CHARACTERS = 1000


def write_outcomes(
    connection: Connection, finished: Sequence[Finished], write: Callable[[Sequence[Finished]], Written]
) -> list[Written]:
    """Write outcomes together; when the database refuses one of them, one by one, and that one as a note.

    Parameters
    ----------
    connection : Connection
        In the transaction that they belong to.
    write : callable
        Writes some of them; undone by a savepoint when it fails.

    Returns
    -------
    list
        What `write` returned, for each time it was called.

    Raises
    ------
    RecordRefusedError
        The database refuses the note too: the message names the experiment. Nothing may stay.
    """
    if not finished:
        return []
    try:
        return [_write(connection, finished, write)]
    except DBAPIError as error:
        if not _is_refusal(error):
            raise
    return [_write_one(connection, one, write) for one in finished]


def _write(
    connection: Connection, finished: Sequence[Finished], write: Callable[[Sequence[Finished]], Written]
) -> Written:
    with connection.begin_nested():
        return write(finished)


def _write_one(
    connection: Connection, one: Finished, write: Callable[[Sequence[Finished]], Written]
) -> Written:
    try:
        return _write(connection, [one], write)
    except DBAPIError as error:
        if not _is_refusal(error):
            raise
        note = _note(one, _reason(error))
    name = f"experiment {one.experiment_id} (attempt {one.attempt_number})"
    try:
        written = _write(connection, [note], write)
    except DBAPIError as error:
        raise RecordRefusedError(
            f"{name} cannot be recorded: the database refuses how it ended, and a note of that too "
            f"({own_words(error)}). It waits in its worker's journal: change what refuses it, "
            "and run the series again on this computer"
        ) from error
    logger.warning("%s: %s", name, note.error_message)
    return written


def _is_refusal(error: DBAPIError) -> bool:
    # A second result is none of the protocol's, which never claims what is completed: somebody made it
    # pending with SQL. Then this one experiment is wrong, and no other needs to wait for that.
    return refuses_content(error) or repeats_a_result(error)


def _reason(error: DBAPIError) -> str:
    if repeats_a_result(error):
        return "an earlier attempt has completed it, and an experiment has one result"
    return own_words(error)[:_REASON_CHARACTERS]


def _note(one: Finished, reason: str) -> Finished:
    """Return what is left of an outcome without what came from the user's code."""
    completed = one.outcome is Outcome.COMPLETED
    said = "results" if completed else f"message ({one.error_type or one.outcome.value}), traceback"
    return Finished(
        one.experiment_id,
        one.attempt_number,
        Outcome.INVALID_RESULT if completed else one.outcome,
        started_at=one.started_at,
        finished_at=one.finished_at,
        duration_s=one.duration_s,
        error_type="RecordRefused",
        error_message=f"the database refuses to record it: {reason}. Its {said}, metrics "
        "and the tail of its log are not kept",
        exit_code=one.exit_code,
        signal=one.signal,
    )
