"""Changing a constraint of a table on SQLite, which can only be done by copying the table."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op


def copy_table(name: str, definition: tuple[str, str], values: Mapping[str, str] | None = None) -> None:
    """Copy a table under a changed definition; its triggers and indexes are kept.

    Parameters
    ----------
    name : str
    definition : tuple of str
        A text of its CREATE TABLE, and the text in its place.
    values : mapping, optional
        By column the SQL of what is written in place of its value.
    """
    connection = op.get_bind()
    table, *others = connection.execute(
        sa.text(
            "SELECT sql FROM sqlite_master WHERE tbl_name = :name AND sql IS NOT NULL "
            "ORDER BY type = 'table' DESC, name"
        ),
        {"name": name},
    ).scalars()
    columns = [column["name"] for column in sa.inspect(connection).get_columns(name)]
    before = f"{name}_before"
    connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")  # views go on naming this table
    op.rename_table(name, before)
    connection.exec_driver_sql("PRAGMA legacy_alter_table = OFF")
    connection.exec_driver_sql(table.replace(*definition))
    written = ", ".join((values or {}).get(column, f'"{column}"') for column in columns)
    listed = ", ".join(f'"{column}"' for column in columns)
    op.execute(f"INSERT INTO {name} ({listed}) SELECT {written} FROM {before}")
    op.drop_table(before)
    for statement in others:
        connection.exec_driver_sql(statement)
