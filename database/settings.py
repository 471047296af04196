"""The typed list of all EXPERIMENTS_* environment variables, and what is derived from them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from database.errors import DatabaseError, ExperimentsError
from database.files.paths import current_folder
from database.redaction import HIDDEN, shown_options

DEFAULT_DATABASE_URL = "sqlite:///results/experiments.db"
DURABILITIES = ("normal", "full")
#: The parts of an invalid URL that may be a password or a secret option.
_SECRET_PARTS = re.compile(r"(?<=:)(?!//).*(?=@)|(?<==)[^&]*")


class SettingError(ExperimentsError, ValueError):
    """An environment variable has an invalid value."""


@dataclass(frozen=True)
class Settings:
    """The settings of the environment.

    Attributes
    ----------
    database_url : str
        EXPERIMENTS_DATABASE_URL: where series are recorded.
    results : str or None
        EXPERIMENTS_RESULTS: the folder of logs, artifacts and graphs; by default beside the SQLite file.
    durability : str
        EXPERIMENTS_DURABILITY: ``normal`` (a power cut may cost the last second of results, which then
        run again) or ``full`` (SQLite waits for the disk at each commit).
    lease_s : float
        EXPERIMENTS_LEASE_S: how long after its last heartbeat a runner on another host is dead.
    heartbeat_s : float
        EXPERIMENTS_HEARTBEAT_S: how often a runner sends a heartbeat, in seconds.
    host : str or None
        EXPERIMENTS_HOST: this computer's name, by default its host name. Set it where computers or
        containers that share a database have the same one: processes of the same host are checked here.
    start_method : str
        EXPERIMENTS_START_METHOD: how worker processes are started, ``forkserver`` or ``spawn``.
    pool_size : int
        EXPERIMENTS_POOL_SIZE: how many idle connections an engine keeps open.
    pool_overflow : int
        EXPERIMENTS_POOL_OVERFLOW: how many more it opens while all of these are in use.
    pool_timeout_s : float
        EXPERIMENTS_POOL_TIMEOUT_S: how long a session waits for a connection when that is used up too.
    pool_recycle_s : float
        EXPERIMENTS_POOL_RECYCLE_S: a connection older than this is replaced before it is used again.
    slow_query_s : float
        EXPERIMENTS_SLOW_QUERY_S: a statement that takes longer is logged with its place.
    allow_network_file_system : bool
        EXPERIMENTS_ALLOW_NETWORK_FILE_SYSTEM: 1 lets an SQLite file lie where SQLite may damage it.
    """

    database_url: str = DEFAULT_DATABASE_URL
    results: str | None = None
    durability: str = "normal"
    lease_s: float = 60.0
    heartbeat_s: float = 10.0
    host: str | None = None
    start_method: str = "forkserver"
    pool_size: int = 5
    pool_overflow: int = 10
    pool_timeout_s: float = 30.0
    pool_recycle_s: float = 1800.0
    slow_query_s: float = 5.0
    allow_network_file_system: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the variables; an unset or empty one means its default.

        Raises
        ------
        SettingError
            The message names the variable, its value and the valid values.
        """
        variables = os.environ if environment is None else environment

        def text(name: str, default: str) -> str:
            return variables.get(f"EXPERIMENTS_{name}") or default

        def seconds(name: str, default: float) -> float:
            return _positive_seconds(name, text(name, str(default)))

        lease_s = seconds("LEASE_S", cls.lease_s)
        heartbeat_s = seconds("HEARTBEAT_S", cls.heartbeat_s)
        if heartbeat_s * 3 > lease_s:
            raise SettingError(
                f"EXPERIMENTS_LEASE_S={lease_s:g} is shorter than three heartbeats of "
                f"EXPERIMENTS_HEARTBEAT_S={heartbeat_s:g}; a healthy runner would be declared dead"
            )
        return cls(
            database_url=text("DATABASE_URL", cls.database_url),
            results=variables.get("EXPERIMENTS_RESULTS") or None,
            durability=_one_of("DURABILITY", text("DURABILITY", cls.durability), DURABILITIES),
            lease_s=lease_s,
            heartbeat_s=heartbeat_s,
            host=variables.get("EXPERIMENTS_HOST") or None,
            start_method=_one_of(
                "START_METHOD", text("START_METHOD", cls.start_method), ("forkserver", "spawn")
            ),
            pool_size=_whole_number("POOL_SIZE", text("POOL_SIZE", str(cls.pool_size)), least=1),
            pool_overflow=_whole_number(
                "POOL_OVERFLOW", text("POOL_OVERFLOW", str(cls.pool_overflow)), least=0
            ),
            pool_timeout_s=seconds("POOL_TIMEOUT_S", cls.pool_timeout_s),
            pool_recycle_s=seconds("POOL_RECYCLE_S", cls.pool_recycle_s),
            slow_query_s=seconds("SLOW_QUERY_S", cls.slow_query_s),
            allow_network_file_system=_one_of(
                "ALLOW_NETWORK_FILE_SYSTEM", text("ALLOW_NETWORK_FILE_SYSTEM", "0"), ("0", "1")
            )
            == "1",
        )


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise SettingError(f"EXPERIMENTS_{name}={value!r} is not one of {', '.join(allowed)}")
    return value


def _whole_number(name: str, value: str, *, least: int) -> int:
    if not value.isdecimal() or int(value) < least:
        raise SettingError(f"EXPERIMENTS_{name}={value!r} is not a whole number from {least} on")
    return int(value)


def _positive_seconds(name: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError as error:
        raise SettingError(f"EXPERIMENTS_{name}={value!r} is not a number of seconds") from error
    if not 0 < seconds < float("inf"):
        raise SettingError(f"EXPERIMENTS_{name}={value!r} is not a positive number of seconds")
    return seconds


def normalise_url(url: str | URL) -> URL:
    """Return `url` with its driver, and independent of the current folder.

    ``postgresql://`` and ``postgres://`` mean psycopg2 (SQLAlchemy 2.1 would take another driver);
    a relative SQLite path is made absolute at once, so that a later ``chdir`` changes nothing.

    Raises
    ------
    DatabaseError
        For a malformed URL, another database, or one in memory, which no worker process could see.
    """
    if not isinstance(url, str | URL):
        raise DatabaseError(
            "a database is named by its URL, such as sqlite:///path/to/file.db, not by a value of type "
            f"{type(url).__name__}"
        )
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Without its cause: SQLAlchemy 2.0's message repeats the URL with its password.
        raise DatabaseError(
            f"{_SECRET_PARTS.sub('***', str(url))!r} is not a database URL; "
            "write sqlite:///path/to/file.db or postgresql://user@host/name"
        ) from None
    if parsed.drivername in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg2")
    if parsed.drivername == "postgresql+psycopg2":
        return parsed
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise DatabaseError(
            f"{safe_url(parsed)}: {parsed.drivername} is not supported; use sqlite:/// or postgresql://"
        )
    if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
        raise DatabaseError(
            f"{safe_url(parsed)} is not a file that worker processes can open; write sqlite:///path/to/file.db"
        )
    return parsed.set(drivername="sqlite", database=str(_absolute(parsed.database)))


def safe_url(url: str | URL) -> str:
    """Return `url` for messages, without its passwords and the values of options that may be secret."""
    parsed = make_url(url)
    shown = parsed.set(query=shown_options(parsed.query)).render_as_string(hide_password=True)
    return shown.replace(quote(HIDDEN), HIDDEN)


def results_directory(url: str | URL, settings: Settings | None = None) -> Path:
    """Return the root of logs, artifacts and graphs: EXPERIMENTS_RESULTS, or beside the SQLite file."""
    settings = settings or Settings.from_environment()
    if settings.results:
        return _absolute(settings.results)
    parsed = normalise_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        return Path(parsed.database).parent
    return _absolute("results")


def _absolute(path: str) -> Path:
    return Path(path) if Path(path).is_absolute() else current_folder() / path
