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
from experiments.supervisor.edit_notice import retry_command
from experiments.target.base import TargetError
from experiments.target.current_code import current_code
from experiments.target.parsing import target_of
from experiments.target.provenance import git_commit

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


def check_code(
    session: Session, series: ExperimentSeries, files: Mapping[str, str], *, policy: str, accept: bool
) -> str | None:
    """Return a warning that completed experiments ran other code than a run will; None without any.

    Parameters
    ----------
    session : Session
        This process's global session.
    series : ExperimentSeries
        Of that session.
    files : mapping
        Its code on disk, from `read_current_code`.
    policy : str
        `execute.code` of its file.
    accept : bool
        Accept the code here, as `RunOptions.accept_code` asks; then there is no warning.

    Raises
    ------
    OtherCodeError
        Some did, and `execute.code` is ``refuse``.
    """
    series_id, name = series.id, series.name
    if accept:
        commit = git_commit(target_of(series).code)
        retrying_transaction(session, lambda session: _accept(session, series_id, files, commit))
        return None
    if policy == "ignore":
        return None
    text = retrying_transaction(session, lambda session: _difference(session, series_id, name, files))
    if text is not None and policy == "refuse":
        raise OtherCodeError(f"{text}. Nothing was run, because execute.code is refuse")
    return text


def _accept(session: Session, series_id: int, files: Mapping[str, str], commit: str | None) -> None:
    record_code_set(session, series_id, files, git_commit=commit)
    accept_code_sets(session, series_id)


def _difference(session: Session, series_id: int, name: str, files: Mapping[str, str]) -> str | None:
    """Return what differs and what to do; None when no completed experiment is known to differ."""
    known = code_sets(session, series_id)
    same = known.one_with(files)
    if all(one.id in same for one in known.sets):
        return None  # without counting experiments
    completed = completed_by_code(session, series_id)
    others = {one.id: one for one in known.sets if one.id not in same and completed[one.id]}
    if not others:
        return None
    count, total = sum(completed[code] for code in others), completed.total()
    names = sorted({path for one in others.values() for path in one.differing(files)})
    shown = names[:_MOST_NAMES] + ([f"{len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else [])
    unknown = f" (of {completed[None]} it is unknown)" if completed[None] else ""
    return (
        f"{name}: {count} of {total} completed experiments ran other code{unknown}: {', '.join(shown)} differ"
        f"{'s' if len(names) == 1 else ''}. {retry_command(name)} makes them pending again; "
        f"`experiments run {shlex.quote(name)} --accept-code` records that you accept both as one"
    )
