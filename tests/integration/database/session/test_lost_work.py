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
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from database.engine.usage_warnings import SessionWarning
from database.models import ExperimentSeries
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


WAYS: dict[str, Callable[[Session], object]] = {
    "added": lambda session: session.add(series("lost")),
    "flushed": _flush,
    "changed": _change,
    "deleted": lambda session: session.delete(session.scalars(select(ExperimentSeries)).one()),
    "a statement": lambda session: session.execute(insert(ExperimentSeries), [ROW]),
    "text": lambda session: session.execute(text("UPDATE experiment_series SET notes = 'changed'")),
    "a query": lambda session: session.query(ExperimentSeries).delete(),
    "bulk": lambda session: session.bulk_insert_mappings(ExperimentSeries, [ROW]),
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
        with SessionLocal() as session, session.begin():
            session.add(series("begun"))
    assert names() == ["begun", "committed", "kept"]


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
