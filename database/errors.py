"""The base class of all errors, and the errors of the database."""

from __future__ import annotations

#: The end of messages about a missing database.
HOW_TO_MAKE_ONE = (
    "`experiments create FILE` or `experiments run FILE` makes one; "
    "name another with --database, configure(url) or EXPERIMENTS_DATABASE_URL"
)


class ExperimentsError(Exception):
    """The base class of every error this project raises on purpose; the message contains what to do.

    Attributes
    ----------
    exit_code : int
        The exit code of the `experiments` command when this error ends it.
    """

    exit_code = 2


class DatabaseError(ExperimentsError):
    """The database cannot be used as it is."""

    exit_code = 3


class DatabaseUnreachableError(DatabaseError, ConnectionError):
    """No connection to the database could be made."""


class DatabaseMissingError(DatabaseError, FileNotFoundError):
    """There is no database, and the command or script only reads."""


class DatabaseReplacedError(DatabaseError):
    """The SQLite file was deleted or replaced while in use; what is written now would be lost."""


class SchemaError(DatabaseError):
    """The tables in the database have another revision than this program knows."""


class SessionMisuseError(ExperimentsError, RuntimeError):
    """A session was used in a way that could lose or mix transactions."""


class MissingExtraError(ExperimentsError, ImportError):
    """An optional library is not installed; the message names the extra that brings it."""


class FencedError(ExperimentsError):
    """A worker or runner was declared dead: nothing it does afterwards is recorded."""

    exit_code = 3


class RecordRefusedError(DatabaseError):
    """The database rejects the outcome of an experiment permanently; the message names the experiment."""


class InvalidValueError(ExperimentsError, ValueError):
    """A value cannot be stored exactly; the message names its place and type."""


class NotFoundError(ExperimentsError, LookupError):
    """The series, experiment or runner that was named is not in the database."""
