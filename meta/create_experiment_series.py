"""Creating series in the database from series files.

``python -m meta.create_experiment_series FILE...`` prints one line per series.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from database.engine.wrong_use import takes_session
from database.errors import ExperimentsError
from database.session.lifecycle import configure, scoped_session
from experiments.creation import Created, Source, check_target, create_series
from experiments.series_file.loading import load_series_file

#: A malformed URL is wrong usage; the 3 of `DatabaseError` is for databases that cannot be used.
WRONG_URL = 2


@takes_session
def insert_data(session: Session, item: Source) -> Created:
    """Record one series: its configurations, and its experiments as pending.

    Parameters
    ----------
    session : Session
        From `scoped_session`, which commits it.
    item : path, mapping or LoadedSeries
        A series file, what one would contain, or one that was loaded before.

    Raises
    ------
    ExperimentsError
        See `experiments.creation.create_series`.
    """
    return create_series(session, item)


def create_from_file(file: Path | str) -> Created:
    """Record the series of one file in a transaction of its own.

    The file and its target are checked first: an error is raised before a database is opened or created.

    Raises
    ------
    ExperimentsError
        See `experiments.creation.create_series`.
    """
    loaded = load_series_file(file)
    check_target(loaded)
    with scoped_session() as session:
        return insert_data(session, loaded)


def summary(created: Created) -> str:
    """Return one line about what was created."""
    parts = [f"{created.new:,} new"]
    if created.existing:
        parts.append(f"{created.existing:,} existing")
    if created.retired:
        parts.append(f"{created.retired:,} no longer in the file (kept, not run)")
    return f"{created.name}: {', '.join(parts)}"


def main(argv: Sequence[str] | None = None) -> int:
    """Create the series of the files named; return the exit code.

    Each file is a transaction of its own: a wrong one does not affect the others.
    """
    parser = argparse.ArgumentParser(prog="python -m meta.create_experiment_series", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="a series file")
    parser.add_argument("--database", metavar="URL", help="instead of EXPERIMENTS_DATABASE_URL")
    arguments = parser.parse_args(argv)
    exit_code = 0
    try:
        if arguments.database:
            configure(arguments.database)
    except ExperimentsError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_URL
    for file in arguments.files:
        try:
            line = summary(create_from_file(file))
        except ExperimentsError as error:
            sys.stderr.write(f"{error}\n")
            exit_code = max(exit_code, error.exit_code)
        else:
            sys.stdout.write(f"{line}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
