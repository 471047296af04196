"""Diagnosing a database."""

from __future__ import annotations

import dataclasses

from sqlalchemy import Connection, Engine, text

from database import clock
from database.diagnosis import postgresql, sqlite
from database.diagnosis.advice import advise
from database.diagnosis.findings import Diagnosis, PoolState
from database.engine import schema
from database.engine.pool import ExplainingPool
from database.errors import DatabaseMissingError, SchemaError
from database.settings import Settings, safe_url


def diagnose(engine: Engine) -> Diagnosis:
    """Diagnose the database of `engine`, whatever the revision of its tables; nothing is changed.

    Parameters
    ----------
    engine : Engine
        From `database.engine`; its pool is described too.
    """
    settings = Settings.from_environment()
    backend = sqlite if engine.dialect.name == "sqlite" else postgresql
    if backend is sqlite:
        sqlite.touch(engine)
    with engine.connect() as connection:
        revision = schema.revision(connection)
        findings = backend.examine(connection)
        difference_s, uncertainty_s = _compare_clocks(connection, backend.CLOCK, backend.CLOCK_RESOLUTION_S)
    advice = [*_about_tables(engine), *advise(findings, difference_s)]
    environment = {
        f"EXPERIMENTS_{name.upper()}": str(value)
        for name, value in dataclasses.asdict(settings).items()
        if name != "database_url" and value is not None  # it may contain a password, and is shown already
    }
    return Diagnosis(
        database=safe_url(engine.url),
        revision=revision,
        known_revision=schema.CURRENT_REVISION,
        found=findings,
        pool=pool_state(engine),
        environment=environment,
        clock_difference_s=difference_s,
        clock_uncertainty_s=uncertainty_s,
        advice=tuple(advice),
    )


def pool_state(engine: Engine) -> PoolState:
    """Return how many connections an engine has open, and its limits."""
    pool = engine.pool
    assert isinstance(pool, ExplainingPool)
    return PoolState(
        size=pool.size(),
        overflow=pool.limit - pool.size(),
        timeout_s=pool.timeout_s,
        recycle_s=pool.recycle_s,
        idle=pool.checkedin(),
        in_use=pool.checkedout(),
    )


def _compare_clocks(connection: Connection, statement: str, resolution_s: float) -> tuple[float, float]:
    """Return how far the database's clock is ahead, and the uncertainty of that, in seconds.

    Compares three times and returns the fastest answer, which the round trip distorts least.
    """
    readings = []
    for _ in range(3):
        asked = clock.since_1970()
        reading = float(connection.scalar(text(statement)) or 0.0)
        travelled_s = clock.since_1970() - asked
        readings.append((reading - asked - travelled_s / 2, travelled_s / 2 + resolution_s))
    return min(readings, key=lambda reading: reading[1])


def _about_tables(engine: Engine) -> list[str]:
    try:
        schema.ensure(engine, create=False)
    except (SchemaError, DatabaseMissingError) as error:
        return [str(error)]
    return []
