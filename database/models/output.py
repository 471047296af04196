"""The tables of what experiments leave beside their results: metrics as arrays of points, and files."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DDL, BigInteger, ForeignKey, String, Text, UniqueConstraint, event, func
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Identifier


class MetricChunk(Base):
    """Consecutive points of one metric of one attempt.

    The three arrays have `count` entries each, little-endian: steps int64, readings and
    seconds float64. A curve has the chunks of one attempt, the completed one or else the last; for one
    step the later point wins.
    """

    __tablename__ = "metric_chunk"

    experiment_id: Mapped[int] = mapped_column(
        Identifier, ForeignKey("experiment.id", ondelete="CASCADE"), primary_key=True
    )
    attempt_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    metric: Mapped[str] = mapped_column(String(200), primary_key=True)
    #: Orders the chunks of the attempt, from 0; some numbers have no chunk of a metric that is logged rarely.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int]
    steps: Mapped[bytes]
    readings: Mapped[bytes]
    #: Seconds since the attempt's start.
    seconds: Mapped[bytes]

    def __repr__(self) -> str:
        return f"MetricChunk(experiment_id={self.experiment_id}, metric={self.metric!r}, count={self.count})"


for _column in ("steps", "readings", "seconds"):
    # Arrays of numbers hardly compress: not trying makes writing 3.5 times faster.
    _statement = DDL(f"ALTER TABLE metric_chunk ALTER COLUMN {_column} SET STORAGE EXTERNAL")  # type: ignore[no-untyped-call]  # as it is
    event.listen(MetricChunk.__table__, "after_create", _statement.execute_if(dialect="postgresql"))


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
