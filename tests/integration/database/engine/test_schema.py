"""Creating, checking and upgrading the tables, on both databases."""

from __future__ import annotations

import multiprocessing
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.orm import Session

from database.claims.runners import Provenance, register_runner
from database.engine import registry as engines
from database.engine import schema
from database.errors import DatabaseError, DatabaseMissingError, SchemaError
from database.models import Base, ExperimentSeries, ProcessState, Runner
from database.session.lifecycle import SessionLocal, configure, scoped_session
from database.session.transactions import run_in_transaction, transactional
from experiments.run_experiments import run_a_single_experiment, run_series
from meta.commands.group import run_command
from tests.integration.database.starting import start

CURRENT = schema.CURRENT_REVISION
FURTHER_REVISION = f'''"""A further revision of a test."""
import sqlalchemy as sa
from alembic import op
revision = "9999_v0.9.0"
down_revision = "{CURRENT}"
branch_labels = None
depends_on = None
def upgrade() -> None:
    op.create_table("addition", sa.Column("id", sa.Integer(), primary_key=True))
'''


@pytest.fixture
def newer_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this program one with a further revision, for which today's databases are older."""
    migrations = tmp_path / "migrations %s é"
    shutil.copytree(schema.MIGRATIONS, migrations)
    (migrations / "versions" / "9999_addition.py").write_text(FURTHER_REVISION)
    monkeypatch.setattr(schema, "MIGRATIONS", migrations)
    monkeypatch.setattr(schema, "CURRENT_REVISION", "9999_v0.9.0")


def revision_of(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return schema.revision(connection)


def set_revision(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = :to"), {"to": revision})


def test_head() -> None:
    """The revision the program names is the last migration."""
    script = ScriptDirectory(str(schema.MIGRATIONS))
    assert script.get_current_head() == schema.CURRENT_REVISION
    assert schema.known_revisions()[0] == schema.CURRENT_REVISION


def test_empty_database_is_created(empty_database_url: str) -> None:
    """The first use of an empty database makes its tables, at the current revision, without a command."""
    configure(empty_database_url)
    with scoped_session() as session:
        assert session.scalars(select(ExperimentSeries)).all() == []
    assert revision_of(engines.get_engine()) == schema.CURRENT_REVISION


def test_wal(sqlite_url: str) -> None:
    """A new SQLite file lets readers and the writer work at once, for good."""
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection, connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("processes", [2, 8])
def test_processes_starting_at_once(empty_database_url: str, tmp_path: Path, processes: int) -> None:
    """Any number of processes may meet on an empty database: all succeed, and the tables exist once."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(processes)
    started = [
        context.Process(target=start, args=(empty_database_url, barrier, str(tmp_path / f"{number}.txt")))
        for number in range(processes)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
    told = [path.read_text() for path in sorted(tmp_path.glob("*.txt"))]
    assert told == ["ok"] * processes
    configure(empty_database_url)
    with SessionLocal() as session:
        names = sorted(session.scalars(select(ExperimentSeries.name)))
        versions = session.execute(text(f"SELECT version_num FROM {schema.VERSION_TABLE}")).scalars().all()
    assert len(names) == processes
    assert versions == [schema.CURRENT_REVISION]


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based:UserWarning")
def test_models_equal_migrations(empty_database_url: str) -> None:
    """What the migrations make is what the models make: columns, constraints, partial indexes, storage."""
    engine = engines.new_engine(empty_database_url)
    schema.ensure(engine)
    with engine.connect() as connection:
        described = _definitions(connection)
    Base.metadata.drop_all(engine)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE {schema.VERSION_TABLE}"))
    schema._migrate(engine)
    with engine.connect() as connection:
        assert _definitions(connection) == described
        options = {"compare_type": True, "compare_server_default": True, "include_object": _comparable}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()
    assert {"uq_attempt_completed", *_BY_EXPRESSION, "ix_experiment_due", "ck_experiment_owned"} <= _names(
        described
    )
    assert described.get("storage of metric_chunk.readings", "e") == "e"


def _names(definitions: dict[str, str]) -> set[str]:
    return {name for text_ in [*definitions, *definitions.values()] for name in re.findall(r"\w+", text_)}


_BY_EXPRESSION = {"ix_experiment_pending", "ix_experiment_first"}


def _comparable(_item: object, name: str | None, kind: str, *_: object) -> bool:
    """Leave out Alembic's own table, and an index by an expression, which it cannot compare."""
    return name != schema.VERSION_TABLE and not (kind == "index" and name in _BY_EXPRESSION)


def _definitions(connection: Connection) -> dict[str, str]:
    """Return the definition of each constraint and index, as the database tells it."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('table', 'index')"
        return {
            # Added columns stand on one line; commas in parentheses are no ends of columns.
            name: "\n".join(sorted(re.split(r",\s*(?![^()]*\))|\s*\n\s*", sql)))
            for name, sql in connection.execute(text(query))
        }
    query = (
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' "
        "UNION ALL SELECT conname || ' of ' || relname, pg_get_constraintdef(c.oid) FROM pg_constraint c "
        "JOIN pg_class t ON t.oid = c.conrelid WHERE c.connamespace = 'public'::regnamespace "
        "UNION ALL SELECT 'storage of ' || relname || '.' || attname, attstorage::text FROM pg_attribute a "
        "JOIN pg_class t ON t.oid = a.attrelid WHERE relnamespace = 'public'::regnamespace "
        "AND relkind = 'r' AND attnum > 0 AND NOT attisdropped "
        "UNION ALL SELECT 'default of ' || table_name || '.' || column_name, column_default "
        "FROM information_schema.columns WHERE table_schema = 'public' AND column_default IS NOT NULL"
    )
    return {row[0]: row[1] for row in connection.execute(text(query))}


def test_older_revision_is_refused(
    database_url: str, newer_program: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables of an older program are refused with the command that upgrades them; nothing is changed."""
    with pytest.raises(SchemaError, match=rf"older revision {CURRENT}; run `experiments database upgrade`"):
        engines.get_engine()
    assert run_command(["status"]) == 3
    told = capsys.readouterr().err
    assert "experiments database upgrade" in told
    assert ("a backup copy is made" in told) == database_url.startswith("sqlite")  # PostgreSQL gets none
    engine = engines.new_engine(database_url)
    assert revision_of(engine) == CURRENT
    engine.dispose()


def test_upgrade(
    database_url: str, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    """`database upgrade` brings the tables up to date, keeps the rows, and on SQLite leaves a copy."""
    with scoped_session() as session:
        session.add(ExperimentSeries(name="kept é", resolved={}, target="a:b"))
    engines.dispose_engines()
    request.getfixturevalue("newer_program")
    assert run_command(["database", "upgrade"]) == 0
    told = capsys.readouterr().out
    assert f"upgraded from revision {CURRENT} to 9999_v0.9.0" in told
    with scoped_session() as session:
        assert session.scalars(select(ExperimentSeries.name)).all() == ["kept é"]
        session.execute(text("INSERT INTO addition (id) VALUES (1)"))
    if database_url.startswith("sqlite"):
        folder = Path(database_url.removeprefix("sqlite:///")).parent
        [backup] = folder.glob(f"*.before-upgrade-{CURRENT}-*.db")
        assert str(backup) in told
        with closing(sqlite3.connect(backup)) as connection, connection:
            assert connection.execute("SELECT name FROM experiment_series").fetchall() == [("kept é",)]
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
    assert run_command(["database", "upgrade"]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_upgrade_refuses_while_a_runner_works(database_url: str, request: pytest.FixtureRequest) -> None:
    """Tables are not changed under a live runner; one that is over does not count."""
    with scoped_session() as session:
        register_runner(session, "r" * 32, Provenance(), None)
    engines.dispose_engines()
    request.getfixturevalue("newer_program")
    engine = engines.new_engine(database_url)
    with pytest.raises(SchemaError, match=r"a runner uses this database \(process \d+ on .+\); stop it"):
        schema.upgrade(engine)
    assert revision_of(engine) == CURRENT
    with engine.begin() as connection:
        connection.execute(text("UPDATE runner SET state = 'stopped'"))
    assert schema.upgrade(engine).after == "9999_v0.9.0"
    engine.dispose()


def test_upgrade_does_not_wait_for_a_dead_runner(database_url: str, request: pytest.FixtureRequest) -> None:
    """A runner of this machine whose process is gone is dead, however recent its last heartbeat."""
    with scoped_session() as session:
        register_runner(session, "r" * 32, Provenance(), None)
        session.execute(text("UPDATE runner SET pid_start = pid_start + 1"))
    engines.dispose_engines()
    request.getfixturevalue("newer_program")
    engine = engines.new_engine(database_url)
    assert schema.upgrade(engine).after == "9999_v0.9.0"
    engine.dispose()


def test_newer_revision_is_refused(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables of a newer program are refused, with the version that a runner had; nothing is written."""
    set_revision(engines.get_engine(), "0007_v3.2.1")
    engines.dispose_engines()
    own = version("experiment-series")
    message = rf"newer program \(revision 0007_v3.2.1, .*install the program that wrote it: .* version {own},"
    with pytest.raises(SchemaError, match=message) as caught:
        engines.get_engine()
    assert caught.value.exit_code == 3
    engine = engines.new_engine(database_url)
    with Session(engine) as session, session.begin():
        register_runner(session, "r" * 32, Provenance(packages={"experiment-series": "0.3.1"}), None)
    engine.dispose()
    assert run_command(["status"]) == 3
    assert run_command(["database", "upgrade"]) == 3
    told = f"install the version that wrote it, experiment-series 0.3.1 (this one is {own})\n"
    assert capsys.readouterr().err.count(told) == 2
    engine = engines.new_engine(database_url)
    assert revision_of(engine) == "0007_v3.2.1"
    engine.dispose()


def test_unknown_revision_is_refused(database_url: str) -> None:
    """A revision this program has never heard of is named."""
    set_revision(engines.get_engine(), "0000_v0.0.1")
    engines.dispose_engines()
    with pytest.raises(SchemaError, match=f"unknown revision 0000_v0.0.1; this program knows {CURRENT}"):
        engines.get_engine()


@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
def test_shared_postgresql(empty_database_url: str) -> None:
    """Our tables live beside another program's in one PostgreSQL database, its Alembic included."""
    engine = engines.new_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num varchar(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))
    engine.dispose()
    configure(empty_database_url)
    with scoped_session() as session:
        assert session.scalars(select(Runner)).all() == []
        assert session.execute(text("SELECT version_num FROM alembic_version")).scalar() == "theirs"


@dataclass(frozen=True)
class Foreign:
    """A file that is not ours: how it is made, and what is said of it."""

    make: Callable[[Path], None]
    message: str


def _another_programs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE moz_places (id INTEGER PRIMARY KEY)")
    connection.close()


def _text_file(path: Path) -> None:
    path.write_text("dear diary\n" * 1000)


def _truncated(path: Path) -> None:
    engines.get_engine(f"sqlite:///{path}")
    engines.dispose_engines()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])


@pytest.mark.parametrize(
    "foreign",
    [
        Foreign(
            _another_programs, "belongs to another program (it has the table moz_places); name another file"
        ),
        Foreign(_text_file, "is damaged or not an SQLite database"),
        Foreign(_truncated, "is damaged ("),
    ],
)
@pytest.mark.parametrize("verb", ["status", "create"])
def test_foreign_files_are_untouched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], foreign: Foreign, verb: str
) -> None:
    """A file that is not ours, or no longer whole, is refused with exit code 3 and not changed by a byte."""
    folder = tmp_path / "fremd é"
    folder.mkdir()
    path = folder / "places.sqlite"
    foreign.make(path)
    before = path.read_bytes()
    (folder / "train.py").write_text("def main(lr): return {'a': lr}\n")
    (folder / "s.yaml").write_text("name: s\nrun: {function: train.py:main}\ngrid: {lr: [1]}\n")
    arguments = ["status"] if verb == "status" else ["create", str(folder / "s.yaml")]
    assert run_command([*arguments, "--database", f"sqlite:///{path}"]) == 3
    assert foreign.message in capsys.readouterr().err
    with pytest.raises(DatabaseError):
        engines.get_engine(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_looking_creates_nothing(empty_database_url: str, tmp_path: Path) -> None:
    """Who only looks gets an error, and neither a file nor a folder nor a table."""

    def look() -> None:
        with scoped_session(read_only=True) as session:
            session.execute(text("SELECT 1"))

    def look_elsewhere() -> None:
        with scoped_session(read_only=True, url=empty_database_url) as session:
            session.execute(text("SELECT 1"))

    configure(empty_database_url)
    uses: list[Callable[[], object]] = [
        look,
        look_elsewhere,
        lambda: run_in_transaction(lambda _session: None, read_only=True),
        transactional(read_only=True)(lambda _session: None),
        lambda: run_a_single_experiment("s"),
        lambda: run_series("s"),
    ]
    for use in uses:
        with pytest.raises(
            DatabaseMissingError, match=r"`experiments create FILE` or `experiments run FILE`"
        ):
            use()
    configure(empty_database_url, create=False)
    with pytest.raises(DatabaseMissingError, match=r"`experiments create FILE` or `experiments run FILE`"):
        engines.get_engine()
    if empty_database_url.startswith("sqlite"):
        assert not Path(empty_database_url.removeprefix("sqlite:///")).parent.exists()
    else:
        engine = engines.new_engine(empty_database_url)
        assert revision_of(engine) is None
        engine.dispose()


def test_empty_file_is_no_database_yet(tmp_path: Path) -> None:
    """An empty file becomes a database when something is recorded, not when somebody looks."""
    path = tmp_path / "leer.db"
    path.touch()
    configure(f"sqlite:///{path}", create=False)
    with pytest.raises(DatabaseMissingError, match="holds no experiments yet"):
        engines.get_engine()
    assert path.stat().st_size == 0
    configure(f"sqlite:///{path}")
    assert revision_of(engines.get_engine()) == schema.CURRENT_REVISION


def test_unwritable_folder(tmp_path: Path) -> None:
    """A folder that cannot be made is named."""
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseError, match=r"the folder of .*file/x\.db cannot be made"):
        engines.new_engine(f"sqlite:///{tmp_path}/file/x.db")


def test_process_state_words() -> None:
    """The words the upgrade looks for are those the models write."""
    assert ProcessState.ALIVE == "alive"
