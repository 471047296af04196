"""The table of files that experiments keep."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Identifier


class Artifact(Base):
    """A file the experiment keeps, below the results folder."""

    __tablename__ = "artifact"

    id: Mapped[int] = mapped_column(Identifier, primary_key=True)
    experiment_id: Mapped[int] = mapped_column(ForeignKey("experiment.id", ondelete="CASCADE"))
    attempt_number: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    #: Relative to the results folder.
    path: Mapped[str] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(server_default=func.current_timestamp())

    __table_args__ = (UniqueConstraint("experiment_id", "attempt_number", "name"),)

    def __repr__(self) -> str:
        return f"Artifact(id={self.id}, name={self.name!r})"
