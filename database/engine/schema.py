"""The schema: creating the tables, checking their revision, upgrading them.

Alembic's revisions are called ``NNNN_vX.Y.Z``: the version is the one that was being made when the revision
was added. It may never have been published, so no message tells anybody to install it. Alembic itself
is imported only to upgrade: in an empty database the models create the tables at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from database import package_folder
from database.engine import sqlite
from database.errors import HOW_TO_MAKE_ONE, DatabaseMissingError, SchemaError
from database.models import Base, Runner
from database.process_identity import others_alive
from database.settings import Settings, safe_url

if TYPE_CHECKING:
    from alembic.config import Config

#: The head of `migrations/versions`; a test compares them.
CURRENT_REVISION = "0004_v0.1.0"
_DISTRIBUTION = "experiment-series"
#: A name of our own, so that the tables can live beside those of other tools that use Alembic.
VERSION_TABLE = "experiments_schema_version"
#: As Alembic makes it.
_VERSIONS = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
MIGRATIONS = package_folder() / "migrations"


@dataclass(frozen=True)
class Upgrade:
    """The result of an upgrade.

    Attributes
    ----------
    before, after : str
        The revisions; equal when nothing was upgraded.
    backup : Path or None
        The copy made before, on SQLite.
    """

    before: str
    after: str
    backup: Path | None


def ensure(engine: Engine, *, create: bool = True) -> None:
    """Create the tables in an empty database; raise for another revision.

    Any number of processes may do this at once on the same empty database.

    Raises
    ------
    SchemaError
        The database is older (run the upgrade), newer (update the program), or another program's.
    DatabaseMissingError
        It has no tables of ours, and `create` is False.
    """
    with engine.connect() as connection:
        current = revision(connection)
        if current is None:
            _refuse_foreign_file(connection)
    if current is None:
        if not create:
            raise DatabaseMissingError(f"{safe_url(engine.url)} holds no experiments yet; {HOW_TO_MAKE_ONE}")
        current = _create(engine)
    if current != CURRENT_REVISION:
        raise _wrong_revision(engine, current)


def revision(connection: Connection) -> str | None:
    """Return the revision of the tables, or None where there are none of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    current = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return None if current is None else str(current)


def upgrade(engine: Engine) -> Upgrade:
    """Bring the tables to the current revision; on SQLite after a backup copy beside the file.

    Raises
    ------
    SchemaError
        The database is newer than this program, another program's, or used by a live runner.
    """
    with engine.connect() as connection:
        before = revision(connection)
        if before is None:
            _refuse_foreign_file(connection)
    if before is None:
        return Upgrade(before="empty", after=_create(engine), backup=None)
    if before == CURRENT_REVISION:
        return Upgrade(before=before, after=before, backup=None)
    if before not in known_revisions():
        raise _wrong_revision(engine, before)
    _refuse_while_running(engine)
    backup = _back_up(engine, before)
    _migrate(engine)
    return Upgrade(before=before, after=CURRENT_REVISION, backup=backup)


def known_revisions() -> list[str]:
    """Return the revisions this program can upgrade from, newest first."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - only an upgrade needs it

    return [script.revision for script in ScriptDirectory.from_config(_alembic_config()).walk_revisions()]


def _create(engine: Engine) -> str:
    """Create the tables and return their revision: another one when another program has just created them."""
    if engine.dialect.name == "sqlite":
        sqlite.switch_to_wal(engine)
    with _changing(engine) as connection:
        current = revision(connection)
        if current is not None:
            return current
        Base.metadata.create_all(connection, checkfirst=False)
        _VERSIONS.create(connection, checkfirst=False)
        connection.execute(_VERSIONS.insert().values(version_num=CURRENT_REVISION))
    return CURRENT_REVISION


def _migrate(engine: Engine) -> None:
    """Run all missing migrations in one transaction."""
    from alembic import command  # noqa: PLC0415 - only an upgrade needs it

    with _changing(engine) as connection:
        if revision(connection) == CURRENT_REVISION:
            return  # another process has migrated it
        config = _alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _changing(engine: Engine) -> Iterator[Connection]:
    """Enter a transaction that no other process is in."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": VERSION_TABLE})
        else:
            sqlite.begin_immediate(connection)
        yield connection


def _alembic_config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - only an upgrade needs it

    config = Config()
    # Config reads % as the start of an interpolation.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _back_up(engine: Engine, before: str) -> Path | None:
    if engine.dialect.name != "sqlite":
        return None
    path = Path(str(engine.url.database))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    backup = path.with_name(f"{path.stem}.before-upgrade-{before}-{stamp}{path.suffix}")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(backup),))
    except BaseException:  # Ctrl-C interrupts it: half of a copy is none
        backup.unlink(missing_ok=True)
        raise
    return backup


def _refuse_while_running(engine: Engine) -> None:
    lease_s = Settings.from_environment().lease_s
    with Session(engine) as session:
        for runner in others_alive(session, ""):
            if runner.age_s < lease_s and not runner.has_ended():
                raise SchemaError(
                    f"a runner uses this database (process {runner.identity.pid} on {runner.identity.host}); "
                    "stop it, then upgrade the database"
                )


def _refuse_foreign_file(connection: Connection) -> None:
    """Raise for an SQLite file of another program; PostgreSQL databases may be shared."""
    if connection.dialect.name != "sqlite":
        return
    tables = inspect(connection).get_table_names()
    if tables and VERSION_TABLE not in tables:  # another process may have created ours just now
        raise SchemaError(
            f"{safe_url(connection.engine.url)} belongs to another program (it has the table {tables[0]}); "
            "name another file"
        )


def _wrong_revision(engine: Engine, current: str) -> SchemaError:
    place = safe_url(engine.url)
    number = current.partition("_v")[0]
    if number > CURRENT_REVISION.partition("_v")[0]:
        return SchemaError(
            f"{place} was written by a newer program (revision {current}, this one knows {CURRENT_REVISION})"
            f"; {_how_to_update(engine)}"
        )
    if current in known_revisions():
        copied = " (a backup copy is made)" if engine.dialect.name == "sqlite" else ""
        return SchemaError(
            f"{place} is of the older revision {current}; run `experiments database upgrade` "
            f"to bring it to {CURRENT_REVISION}{copied}"
        )
    return SchemaError(f"{place} has the unknown revision {current}; this program knows {CURRENT_REVISION}")


def _how_to_update(engine: Engine) -> str:
    """Return what to install, with its version if runners have recorded one: that one exists."""
    written_by = None
    with suppress(SQLAlchemyError), engine.connect() as connection:  # it may have other tables now
        latest = connection.scalar(select(Runner.packages).order_by(Runner.started_at.desc()).limit(1)) or {}
        written_by = latest.get(_DISTRIBUTION)
    own = metadata.version(_DISTRIBUTION)
    if written_by is None or written_by == own:
        return f"install the program that wrote it: this one, of version {own}, is older"
    return f"install the version that wrote it, {_DISTRIBUTION} {written_by} (this one is {own})"
