"""The SQL that writes a series: set-based where possible, in transactions that the caller ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, select, text
from sqlalchemy.orm import Session

from database.engine import sqlite as sqlite_locking
from database.insert_missing import insert_missing
from database.models import ExperimentSeries
from database.models.series import folder_names

_UPSERT = """
    INSERT INTO configuration (series_id, position, parameters, key, revision)
    {rows}
    ON CONFLICT (series_id, key) DO UPDATE SET position = excluded.position, revision = excluded.revision
"""
_UPSERT_ROW = text(_UPSERT.format(rows="VALUES (:series_id, :position, :parameters, :key, :revision)"))
# One statement with arrays: psycopg2 would send a row at a time.
_UPSERT_ARRAYS = text(
    _UPSERT.format(
        rows="""
    SELECT :series_id, listed.place, CAST(listed.encoded AS json), listed.digest, :revision
    FROM unnest(CAST(:positions AS integer[]), CAST(:parameters AS text[]), CAST(:keys AS bytea[]))
        AS listed(place, encoded, digest)"""
    )
)

# Seeds are paired: they depend on the repetition only, so that the database makes the experiments
# from its configurations. In the order of their positions, so that a claim reads adjacent rows.
_INSERT_EXPERIMENTS = """
    INSERT INTO experiment
        (series_id, configuration_id, repetition, position, seed, priority, status, retired, attempt_number)
    SELECT c.series_id, c.id, r.repetition, r.repetition * :configurations + c.position, r.seed,
        0, 'pending', false, 0
    FROM {repetitions} AS r CROSS JOIN configuration AS c
    WHERE c.series_id = :series_id AND c.revision = :revision
        AND c.position >= :first_position AND c.position < :end_position
    ORDER BY r.repetition, c.position
    ON CONFLICT (configuration_id, repetition) DO NOTHING
"""
_REPETITIONS = {
    "sqlite": "(SELECT key + :first_repetition AS repetition, value AS seed FROM json_each(:seeds))",
    "postgresql": (
        "(SELECT ordinality - 1 + :first_repetition AS repetition, CAST(seed AS integer) AS seed "
        "FROM json_array_elements_text(CAST(:seeds AS json)) WITH ORDINALITY AS listed(seed, ordinality))"
    ),
}
_INSERT_EXPERIMENTS_ON = {
    dialect: text(_INSERT_EXPERIMENTS.format(repetitions=repetitions))
    for dialect, repetitions in _REPETITIONS.items()
}
_SYNC = [
    text(
        """
        UPDATE experiment SET retired = true
        WHERE series_id = :series_id AND NOT retired AND (repetition >= :repetitions OR configuration_id IN
            (SELECT id FROM configuration WHERE series_id = :series_id AND revision <> :revision))
        """
    ),
    text(
        """
        UPDATE experiment SET retired = false
        WHERE series_id = :series_id AND retired AND repetition < :repetitions AND configuration_id IN
            (SELECT id FROM configuration WHERE series_id = :series_id AND revision = :revision)
        """
    ),
    text(
        """
        UPDATE experiment SET position = repetition * :configurations + c.position
        FROM configuration AS c
        WHERE c.id = experiment.configuration_id AND c.series_id = :series_id AND c.revision = :revision
            AND experiment.series_id = :series_id AND experiment.status = 'pending' AND NOT experiment.retired
            AND experiment.position <> repetition * :configurations + c.position
        """
    ),
]


@dataclass(frozen=True)
class ConfigurationRow:
    """A configuration to write.

    Attributes
    ----------
    position : int
        Its place in the order of the series file.
    parameters : str
        Its parameters as the column holds them: JSON.
    key : bytes
        The digest of its parameters.
    """

    position: int
    parameters: str
    key: bytes


@dataclass(frozen=True)
class Block:
    """A rectangle of experiments: consecutive configurations x consecutive repetitions.

    Attributes
    ----------
    first_position, end_position : int
        Of the configurations; the end is not included.
    first_repetition : int
        The repetition of the first seed.
    seeds : sequence of int
        One per repetition.
    """

    first_position: int
    end_position: int
    first_repetition: int
    seeds: Sequence[int]


def insert_series(session: Session, row: dict[str, Any]) -> int | None:
    """Insert a series unless there is one of its name; on SQLite this takes the write lock.

    Its folder is its name, or NAME-2, NAME-3 ... where a renamed series has that already.

    Returns
    -------
    int or None
        The id of the series of that name; None when it was deleted or renamed meanwhile.
    """
    table = cast(Table, ExperimentSeries.__table__)
    insert = insert_missing(session, table)
    connection = session.connection()
    for folder in folder_names(row["name"]):
        # Another transaction may take the name or the folder meanwhile: then nothing is inserted.
        connection.execute(insert, {**row, "folder": folder})
        series_id = connection.scalar(select(ExperimentSeries.id).where(ExperimentSeries.name == row["name"]))
        if series_id is not None:
            return series_id
        taken = select(ExperimentSeries.id).where(ExperimentSeries.folder == folder)
        if connection.scalar(taken) is None:
            return None
    return None


def lock_series(session: Session, series_id: int) -> ExperimentSeries | None:
    """Lock a series against other creations until this transaction ends, and return its current state.

    Other rows can still refer to it. On SQLite the lock is that of the whole database.
    """
    if _dialect(session) == "sqlite":
        sqlite_locking.hold_write_lock(session.connection())
    statement = (
        select(ExperimentSeries)
        .where(ExperimentSeries.id == series_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return session.scalars(statement).one_or_none()


def upsert_configurations(
    session: Session, series: ExperimentSeries, rows: Sequence[ConfigurationRow]
) -> None:
    """Insert configurations, or give those that exist their new position and the current revision."""
    connection = session.connection()
    named = {"series_id": series.id, "revision": series.revision}
    if _dialect(session) == "sqlite":
        values = [
            {**named, "position": row.position, "parameters": row.parameters, "key": row.key} for row in rows
        ]
        connection.execute(_UPSERT_ROW, values)
        return
    arrays = {
        "positions": [row.position for row in rows],
        "parameters": [row.parameters for row in rows],
        "keys": [row.key for row in rows],
    }
    connection.execute(_UPSERT_ARRAYS, {**named, **arrays})


def insert_experiments(session: Session, series: ExperimentSeries, configurations: int, block: Block) -> int:
    """Insert the missing experiments of a block, and return their number.

    Parameters
    ----------
    session : Session
        In a transaction.
    series : ExperimentSeries
        Only configurations of its current revision are read.
    configurations : int
        Their number in the revision: positions are breadth first, all configurations of a repetition
        before the next repetition.
    block : Block
        Which experiments.
    """
    values = {
        "series_id": series.id,
        "revision": series.revision,
        "configurations": configurations,
        "first_position": block.first_position,
        "end_position": block.end_position,
        "first_repetition": block.first_repetition,
        "seeds": json.dumps(list(block.seeds)),
    }
    return session.connection().execute(_INSERT_EXPERIMENTS_ON[_dialect(session)], values).rowcount


def sync_experiments(
    session: Session, series: ExperimentSeries, *, configurations: int, repetitions: int
) -> None:
    """Retire what the current revision no longer names, restore what it names again, and set the order."""
    values = {
        "series_id": series.id,
        "revision": series.revision,
        "configurations": configurations,
        "repetitions": repetitions,
    }
    connection = session.connection()
    is_postgresql = _dialect(session) == "postgresql"
    if is_postgresql:
        # PostgreSQL's statistics predate the insertion: it would plan for an empty series and scan 100,000
        # rows for each of them (measured: 147 s, not 0.05 s).
        connection.execute(text("SET LOCAL enable_nestloop = off"))
    for statement in _SYNC:
        names = statement.compile().params
        connection.execute(statement, {name: values[name] for name in names})
    if is_postgresql:
        connection.execute(text("SET LOCAL enable_nestloop TO DEFAULT"))


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name
