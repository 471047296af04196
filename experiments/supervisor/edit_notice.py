"""Saying that files were edited during a run, as soon as a worker has loaded one of them."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterable

from database.code_sets import RunningCode
from experiments.execution.assignment import Assignment

logger = logging.getLogger(__name__)


class EditNotice:
    """Compares what the workers of a run have loaded with what was there when it began.

    Parameters
    ----------
    assignment : Assignment
        Contains the code as it was then.
    """

    def __init__(self, assignment: Assignment) -> None:
        self._series = assignment.series_name
        self._is_silent = assignment.execution.code == "ignore"
        self._files = dict(assignment.code)
        self._said: set[tuple[str, str]] = set()
        self._seen: set[int] = set()

    def note(self, codes: Iterable[RunningCode]) -> None:
        """Say which files were edited, once for each version of a file.

        Parameters
        ----------
        codes : iterable of RunningCode
            All that a worker has run.
        """
        for code in codes:
            if code.id in self._seen:
                continue
            self._seen.add(code.id)
            new = [pair for pair in code.files.items() if self._files.setdefault(*pair) != pair[1]]
            edited = sorted({path for path, digest in new if (path, digest) not in self._said})
            self._said.update(new)
            if edited and not self._is_silent:
                logger.warning(
                    "%s %s edited during this run: experiments that load %s from now on run other code than "
                    "those before, which %s makes pending again",
                    ", ".join(edited),
                    "was" if len(edited) == 1 else "were",
                    "it" if len(edited) == 1 else "them",
                    retry_command(self._series),
                )


def retry_command(series: str) -> str:
    """Return the command that makes experiments that ran other code than what is on disk pending again."""
    # Not `code` alone: a parameter or a result of the series may have that name.
    condition = 'experiment.code != "current"'
    return f"`experiments retry {shlex.quote(series)} --status completed --where '{condition}'`"
