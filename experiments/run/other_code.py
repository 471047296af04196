"""Before a run: whether completed experiments ran other code than what is on disk, and what to do."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping

from sqlalchemy.orm import Session

from database.code_sets import accept_code_sets, code_sets, completed_by_code, record_code_set
from database.errors import ExperimentsError
from database.models import ExperimentSeries
from database.session.retry import retrying_transaction
from experiments.execution.assignment import Assignment
from experiments.supervisor.edit_notice import retry_command
from experiments.target.base import TargetError
from experiments.target.current_code import current_code

logger = logging.getLogger(__name__)

#: So many files are named.
_MOST_NAMES = 5


class OtherCodeError(ExperimentsError):
    """Completed experiments ran other code, and `execute.code` is ``refuse``; nothing was run."""


def read_current_code(session: Session, series: ExperimentSeries) -> Mapping[str, str]:
    """Return the code of a series as it is on disk; warn where it cannot be found."""
    try:
        return retrying_transaction(session, lambda session: current_code(session, series))
    except TargetError as error:
        logger.warning("%s", error)
        return {}


def check_code(session: Session, assignment: Assignment) -> str | None:
    """Return a warning that completed experiments ran other code than a run will; None without any.

    With `RunOptions.accept_code` it is accepted here.

    Parameters
    ----------
    session : Session
        This process's global session.
    assignment : Assignment
        What will be run, and how.

    Raises
    ------
    OtherCodeError
        Some did, and `execute.code` is ``refuse``.
    """
    if assignment.options.accept_code:
        retrying_transaction(session, lambda session: _accept(session, assignment))
        return None
    policy = assignment.execution.code
    if policy == "ignore":
        return None
    text = retrying_transaction(session, lambda session: _difference(session, assignment))
    if text is not None and policy == "refuse":
        raise OtherCodeError(f"{text}. Nothing was run, because execute.code is refuse")
    return text


def _accept(session: Session, assignment: Assignment) -> None:
    record_code_set(
        session,
        assignment.series_id,
        assignment.code,
        git_commit=assignment.provenance.git_commit,
    )
    accept_code_sets(session, assignment.series_id)


def _difference(session: Session, assignment: Assignment) -> str | None:
    """Return what differs and what to do; None when no completed experiment is known to differ."""
    known = code_sets(session, assignment.series_id)
    same = known.one_with(assignment.code)
    if all(one.id in same for one in known.sets):
        return None  # without counting experiments
    completed = completed_by_code(session, assignment.series_id)
    others = {one.id: one for one in known.sets if one.id not in same and completed[one.id]}
    if not others:
        return None
    count, total = sum(completed[code] for code in others), completed.total()
    names = sorted({path for one in others.values() for path in one.differing(assignment.code)})
    shown = names[:_MOST_NAMES] + ([f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else [])
    name = assignment.series_name
    unknown = f" (of {completed[None]} it is unknown)" if completed[None] else ""
    return (
        f"{name}: {count} of {total} completed experiments ran other code{unknown}: {', '.join(shown)} differ"
        f"{'s' if len(names) == 1 else ''}. {retry_command(name)} makes them pending again; "
        f"`experiments run {shlex.quote(name)} --accept-code` records that you accept both as one"
    )
