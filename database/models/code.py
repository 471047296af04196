"""The tables of the code that attempts ran: sets of files with digests, and the sets of each series."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, ExactJSON, Identifier


class Code(Base):
    """A set of source files that attempts ran, stored once."""

    __tablename__ = "code"

    #: `code_id` of the files: attempts that run while the database is away know it too.
    id: Mapped[int] = mapped_column(Identifier, primary_key=True, autoincrement=False)
    #: `code_digest` of the files.
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    #: The digest of each file, by its path relative to the project.
    files: Mapped[dict[str, str]] = mapped_column(ExactJSON())
    #: The git commit that was checked out when it was first run; NULL where there was none.
    git_commit: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.current_timestamp())

    def __repr__(self) -> str:
        return f"Code(id={self.id}, digest={self.digest[:12]!r})"


class SeriesCode(Base):
    """A set of code that attempts of a series ran, and whether a user has accepted it.

    The accepted sets of a series count as one. A program finds here that a series has one set only, without
    reading its attempts.
    """

    __tablename__ = "series_code"

    series_id: Mapped[int] = mapped_column(
        Identifier, ForeignKey("experiment_series.id", ondelete="CASCADE"), primary_key=True
    )
    #: `UNKNOWN` in series that ran before attempts recorded their code. No foreign key for that.
    code_id: Mapped[int] = mapped_column(Identifier, primary_key=True, autoincrement=False)
    #: When the series ran it first.
    created_at: Mapped[datetime] = mapped_column(server_default=func.current_timestamp())
    #: Who accepted it as one with the other accepted sets, and when; NULL when nobody has.
    accepted_by: Mapped[str | None] = mapped_column(Text)
    accepted_at: Mapped[datetime | None]

    def __repr__(self) -> str:
        return f"SeriesCode(series_id={self.series_id}, code_id={self.code_id})"


#: In `SeriesCode.code_id`: the series has attempts whose `code` is NULL.
UNKNOWN = 0
