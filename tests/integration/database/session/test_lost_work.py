"""Work that no commit keeps is told when its session ends; what was given up on purpose is not."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, insert, lambda_stmt, select, text, union, update
from sqlalchemy.exc import DBAPIError, ResourceClosedError
from sqlalchemy.orm import Session

from database.engine.instrumented_session import InstrumentedSession
from database.engine.registry import get_engine
from database.engine.usage_warnings import SessionWarning
from database.models import ExperimentSeries
from database.series import NameTakenError
from database.session.lifecycle import SessionLocal, get_session
from database.session.thread_sessions import thread_session
from tests.integration.database.recorded_series import add, in_thread, names, series
from tests.integration.databases import on_sqlite

ROW = {"name": "lost", "folder": "lost", "target": "a:b", "resolved": {}}
LOST = r"\) at .*test_lost_work\.py:\d+ ended with work that was not committed and is lost; call"


def _change(session: Session) -> None:
    session.scalars(select(ExperimentSeries)).one().notes = "changed"


def _flush(session: Session) -> None:
    session.add(series("lost"))
    session.flush()


def _without_rows(session: Session) -> None:
    with suppress(ResourceClosedError):
        session.scalar(update(ExperimentSeries).values(notes="changed"))


def _refused(session: Session) -> None:
    with suppress(DBAPIError):
        session.execute(text("UPDATE nothing SET x = 1"))


WAYS: dict[str, Callable[[Session], object]] = {
    "added": lambda session: session.add(series("lost")),
    "flushed": _flush,
    "changed": _change,
    "deleted": lambda session: session.delete(session.scalars(select(ExperimentSeries)).one()),
    "a statement": lambda session: session.execute(insert(ExperimentSeries), [ROW]),
    "text": lambda session: session.execute(text("UPDATE experiment_series SET notes = 'changed'")),
    "a query": lambda session: session.query(ExperimentSeries).delete(),
    "bulk": lambda session: session.bulk_insert_mappings(ExperimentSeries, [ROW]),
    "returned": lambda session: session.scalars(
        insert(ExperimentSeries).returning(ExperimentSeries), [ROW]
    ).all(),
    "returned value": lambda session: session.scalar(
        update(ExperimentSeries).values(notes="changed").returning(ExperimentSeries.id)
    ),
    "from a statement": lambda session: session.scalars(
        select(ExperimentSeries).from_statement(
            insert(ExperimentSeries).values(ROW).returning(ExperimentSeries)
        )
    ).all(),
    "lambda": lambda session: session.execute(
        lambda_stmt(lambda: update(ExperimentSeries).values(notes="changed"))
    ),
    "text with columns": lambda session: session.execute(
        text("UPDATE experiment_series SET notes = '' RETURNING id").columns(ExperimentSeries.id)
    ).all(),
    "objects of a text": lambda session: session.scalars(
        select(ExperimentSeries).from_statement(
            text("UPDATE experiment_series SET notes = '' RETURNING id").columns(ExperimentSeries.id)
        )
    ).all(),
    "without rows": _without_rows,
}

HARMLESS: dict[str, Callable[[Session], object]] = {
    "comment": lambda session: session.execute(text("-- which\n/* a * b */ SELECT 1")),
    "no row": lambda session: session.execute(update(ExperimentSeries).values(notes="changed")),
    "no rows of a query": lambda session: session.query(ExperimentSeries).delete(),
    "no rows for bulk": lambda session: session.bulk_insert_mappings(ExperimentSeries, []),
    "refused": _refused,
    "rows of a text": lambda session: session.scalars(
        select(ExperimentSeries).from_statement(text("SELECT * FROM experiment_series"))
    ).all(),
    "lambda": lambda session: session.scalars(lambda_stmt(lambda: select(ExperimentSeries))).all(),
    "text with columns": lambda session: session.execute(
        text("SELECT id FROM experiment_series").columns(ExperimentSeries.id)
    ).all(),
    "several": lambda session: session.execute(
        union(select(ExperimentSeries.id), select(ExperimentSeries.version))
    ).all(),
    "function": lambda session: session.scalar(func.coalesce(None, 1)),
}


@pytest.mark.parametrize("way", WAYS)
def test_block_whose_work_is_lost(database_url: str, way: str) -> None:
    """`with get_session() as session:` closes and does not commit, whatever wrote: a warning says so."""
    add("kept")
    with pytest.warns(SessionWarning, match=rf"get_session\({LOST}"), get_session() as session:
        WAYS[way](session)
    assert names() == ["kept"]


@on_sqlite
def test_other_patterns(database_url: str) -> None:
    """So do a plain session and that of a thread."""
    with pytest.warns(SessionWarning, match=rf"SessionLocal\({LOST}"), SessionLocal() as session:
        session.add(series("lost"))
    with pytest.warns(SessionWarning, match=rf"thread_session\({LOST}"):
        thread_session().add(series("lost"))
        thread_session.remove()
    with pytest.warns(SessionWarning, match=rf"thread_session\({LOST}"):
        in_thread(lambda: thread_session().add(series("lost")))
    assert names() == []


def test_nothing_is_told_of_what_was_not_lost(database_url: str) -> None:
    """Not after a commit, a rollback or an exception, of reads, and of what a savepoint undid."""
    add("kept")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with SessionLocal() as session:
            session.scalars(select(ExperimentSeries)).one().notes = ""  # as it was
            session.execute(text("SELECT 1"))
        with get_session() as session:
            session.add(series("committed"))
            session.commit()
            session.scalars(select(ExperimentSeries)).all()
        with get_session() as session:
            _flush(session)
            session.rollback()
        with suppress(ZeroDivisionError), get_session() as session:
            _flush(session)
            raise ZeroDivisionError
        with SessionLocal() as session, suppress(ZeroDivisionError), session.begin_nested():
            _flush(session)
            raise ZeroDivisionError
        with SessionLocal() as session, suppress(ZeroDivisionError), session.begin_nested():
            with session.begin_nested():  # released, and undone with the one around it
                _flush(session)
            raise ZeroDivisionError
        with SessionLocal() as session, session.begin():
            session.add(series("begun"))
    assert names() == ["begun", "committed", "kept"]


@pytest.mark.parametrize("way", HARMLESS)
def test_nothing_is_told_of_statements_that_write_nothing(database_url: str, way: str) -> None:
    """Not of reads in any form, of updates that meet no row, and of bulk methods without rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with SessionLocal() as session:
            HARMLESS[way](session)


def test_nothing_is_told_within_a_transaction_of_others(database_url: str) -> None:
    """Whoever gave a session a connection ends the transaction: a test undoes all, others commit."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with get_engine().begin() as connection, InstrumentedSession(connection) as session:
            session.add(series("kept"))
            session.flush()
    assert names() == ["kept"]


def test_work_around_a_savepoint_that_failed(database_url: str) -> None:
    """Work before a savepoint whose rows were refused is still there, so its loss is told."""
    add("kept")
    with pytest.warns(SessionWarning, match=LOST), SessionLocal() as session:
        _flush(session)
        with suppress(NameTakenError), session.begin_nested():
            session.add(series("kept"))
    assert names() == ["kept"]


@on_sqlite
@pytest.mark.parametrize("ending", ["", "raise SystemExit(1)", "1 / 0"])
@pytest.mark.parametrize("pattern", ["get_session", "SessionLocal", "thread_session"])
def test_end_of_the_process(database_url: str, tmp_path: Path, pattern: str, ending: str) -> None:
    """A script that ends with work is told where its session was opened; a traceback is enough by itself."""
    script = tmp_path / "skript é.py"
    script.write_text(
        "from database.session import *\nfrom database.models import ExperimentSeries\n"
        f"session = {pattern}()\n"
        "session.add(ExperimentSeries(name='lost', target='a:b', resolved={}))\nsession.flush()\n"
        f"{ending}\n"
    )
    environment = {**os.environ, "EXPERIMENTS_DATABASE_URL": database_url}
    ended = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    if ending != "1 / 0":
        assert f"{script}:3: SessionWarning: the session of {pattern}() at {script}:3 ended" in ended.stderr
    elif pattern == "get_session":
        assert "SessionWarning" not in ended.stderr
    assert names() == []
