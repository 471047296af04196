"""What tests of SQLite files write, and read past the library."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.orm import Session

from database.models import ExperimentSeries


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def add(session: Session, name: str) -> None:
    session.add(ExperimentSeries(name=name, resolved={}, target="a:b"))
    session.flush()


def names(url: str) -> list[str]:
    with sqlite3.connect(file_of(url)) as connection:
        found = [row[0] for row in connection.execute("SELECT name FROM experiment_series ORDER BY name")]
    connection.close()
    return found
