"""Arguments of commands: a series by its name or the path of its file, and some of its experiments."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from meta.commands.support.options import DATABASE

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from database.models import ExperimentSeries
    from experiments.output.results_folder import ResultsFolder
    from experiments.series_file.models import SeriesFile
    from meta.records.selection.chosen_series import ChosenSeries

_SUFFIXES = (".yaml", ".yml")


class _Series(click.ParamType):  # type: ignore[type-arg]  # older clicks cannot be subscripted
    """A series by its name or the path of its file."""

    name = "series"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the names in the database, beside the shell's own completion of paths."""
        from database.queries.series_lookup import series_names
        from database.session.lifecycle import scoped_session

        names: list[str] = []
        with suppress(Exception), scoped_session(read_only=True, url=ctx.meta.get(DATABASE)) as session:
            names = [name for name in series_names(session) if name.startswith(incomplete)]
        # The paths come first: what follows them is all that bash shows, if there is anything.
        return [CompletionItem(incomplete, type="file"), *map(CompletionItem, names)]


SERIES = _Series()


def find_series(session: Session, written: str) -> ExperimentSeries:
    """Return the series of that name, or of the name in that series file.

    Raises
    ------
    NotFoundError
        The database has no such series; the message lists those it has.
    SeriesFileError
        The file cannot be used.
    """
    return _find(session, written)[0]


def chosen_series(
    session: Session, series: Sequence[str], directory: Path | None, where: str | None
) -> list[ChosenSeries]:
    """Return the series that were named, or all, for commands that take `--output` and `--where`.

    Raises
    ------
    NotFoundError, SeriesFileError
        As `find_series`.
    ExpressionError
        `where` cannot be read, or has a name that one of the series does not have.
    """
    from meta.records.selection.chosen_series import choose_series

    named = [_find(session, written) for written in series]
    chosen = choose_series(
        session,
        [series_named for series_named, _ in named] or None,
        files=[file for _, file in named if file is not None],
        where=where,
    )
    several = len(chosen) > 1  # their files may have the same names
    return [
        replace(member, directory=directory and directory / (member.name if several else ""))
        for member in chosen
    ]


def where_condition(
    session: Session, series: ExperimentSeries, where: str | None
) -> ColumnElement[bool] | None:
    """Return `--where` as a condition on experiments, None when it was not given.

    Raises
    ------
    ExpressionError
        It cannot be read, or has a name that the series does not have.
    """
    if where is None:
        return None
    from experiments.where import condition_of

    return condition_of(session, series, where)


def none_of(
    session: Session,
    series: ExperimentSeries,
    where: str | None,
    condition: ColumnElement[bool] | None,
    *,
    statuses: Sequence[str] = (),
    retired: bool = True,
) -> str | None:
    """Return why no experiment was chosen by `--where` and statuses; None if other reasons are possible.

    Parameters
    ----------
    session : Session
    series : ExperimentSeries
    where : str or None
    condition : condition on Experiment, or None
        The same, as `where_condition` returned it.
    statuses : sequence of str
        Those that were asked for, if nothing else was.
    retired : bool
        Whether retired experiments were among those to choose from.
    """
    from database.models import Experiment
    from database.queries.experiment_rows import count_experiments
    from meta.formats import none_chosen

    among = [] if retired else [~Experiment.retired]
    matching = count_experiments(session, series.id, *among, *([] if condition is None else [condition]))
    if where is not None and not matching:
        return none_chosen.none_of(count_experiments(session, series.id, *among), series.name, where=where)
    is_none = f"has the status {' or '.join(statuses)}"
    return none_chosen.none_of(matching, series.name, where=where, otherwise=is_none) if statuses else None


def results_folder() -> ResultsFolder:
    """Return the folder of the results of this process's database."""
    from database.engine.registry import current_url
    from database.settings import results_directory
    from experiments.output.results_folder import ResultsFolder

    return ResultsFolder(results_directory(current_url()))


def _find(session: Session, written: str) -> tuple[ExperimentSeries, SeriesFile | None]:
    """Return the series, and its file if it was named by the path of one."""
    from database.errors import NotFoundError
    from database.queries import series_lookup

    path = Path(written)
    is_file = written.endswith(_SUFFIXES) and path.exists()
    file = None
    # A series made by hand may have a name that looks like a path.
    if is_file or ("/" in written and not series_lookup.has_name(session, written)):
        from experiments.series_file.loading import load_series_file

        file = load_series_file(path).file
    try:
        return series_lookup.find_series(session, file.name if file else written), file
    except NotFoundError as error:
        if written.endswith(_SUFFIXES) and not is_file:
            raise NotFoundError(f"{written}: there is no such file, and {error}") from error
        raise
