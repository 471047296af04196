"""What all tables share: the declarative base, naming of constraints, and the column types of our own."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Double,
    Enum,
    Index,
    Integer,
    LargeBinary,
    MetaData,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import DDLCompiler
from sqlalchemy.types import TypeDecorator, TypeEngine

from database.models import exact_json

#: An integer key: 64 bits, and on SQLite the rowid itself (only ``INTEGER PRIMARY KEY`` is).
Identifier = BigInteger().with_variant(Integer(), "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, always in UTC.

    PostgreSQL stores ``timestamptz``. SQLite has no such type: there it is the text
    ``YYYY-MM-DD HH:MM:SS.ffffff``, which sorts as time does and is what its date functions read.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times, which mean something else on each host."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; use datetime.now(UTC)")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return UTC whatever time zone the server's session has."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactJSON(TypeDecorator[Any]):
    """JSON that returns exactly what was stored, NaN and infinities included (`database.models.exact_json`).

    PostgreSQL's ``json``, not ``jsonb``: jsonb rewrites 1e22 as an integer and refuses some text.
    """

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Replace what JSON cannot represent."""
        return None if value is None else exact_json.to_plain(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Undo `process_bind_param`."""
        return None if value is None else exact_json.from_plain(value)


def enum_column(enum: type[StrEnum], name: str) -> TypeEngine[Any]:
    """Return a text column whose values the database itself checks.

    Not a native enum: PostgreSQL cannot remove a value from one, and SQLite has none.
    """
    return Enum(
        enum,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


def partial_index(name: str, *columns: Any, where: str, unique: bool = False) -> Index:
    """Return an index of the rows that meet a condition, on both databases."""
    return Index(name, *columns, unique=unique, info={"where": where})


@compiles(CreateIndex)
def _create_index(create: CreateIndex, compiler: DDLCompiler, **options: Any) -> str:
    """Return the statement, with the condition of a partial index.

    Both dialects have an option for it; merely naming one imports the dialect, which takes long.
    """
    statement: str = compiler.visit_create_index(create, **options)  # type: ignore[no-untyped-call]  # as it is
    where = create.element.info.get("where")
    return statement if where is None else f"{statement} WHERE {where}"


class Base(DeclarativeBase):
    """The declarative base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # Annotations name plain containers; the column types store them exactly.
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a plain class attribute
        datetime: UtcDateTime(),
        dict[str, Any]: ExactJSON(),
        list[str]: ExactJSON(),
        bytes: LargeBinary(),
        float: Double(),  # SQLAlchemy 2.0 would use FLOAT
    }
