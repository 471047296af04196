"""The tables of a series: the series itself and its configurations."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from database import clock
from database.models.base import Base, Identifier, enum_column
from database.process_identity import current_user

if TYPE_CHECKING:
    from database.models.experiment import Experiment


class SeriesState(StrEnum):
    """How far a series is described in the database."""

    CREATING = "creating"  #: its rows are being written; an interrupted creation is completed by the next one
    READY = "ready"  #: all its experiments are recorded


#: The highest priority of a series; the lowest is its negative.
MAX_PRIORITY = 1000


def folder_names(name: str) -> Iterator[str]:
    """Yield the folders that a series of this name may have, beginning with its name."""
    yield name
    yield from (f"{name}-{number}" for number in itertools.count(2))


def _folder(context: Any) -> str:
    """Return the first of these that no renamed series has."""
    name = str(context.get_current_parameters()["name"])
    table = ExperimentSeries.__table__
    for folder in folder_names(name):
        owner = context.root_connection.scalar(select(table.c.name).where(table.c.folder == folder))
        if owner is None or owner == name:  # the same name is refused as such
            return folder
    raise AssertionError("there is always another number")


class ExperimentSeries(Base):
    """Everything one series file describes."""

    __tablename__ = "experiment_series"

    id: Mapped[int] = mapped_column(Identifier, primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    #: The folder of its logs, files and graphs, below the results folder. A rename does not change it: they
    #: may lie on several computers, and workers may be writing.
    folder: Mapped[str] = mapped_column(String(160), unique=True, default=_folder)
    description: Mapped[str] = mapped_column(Text, default="")
    tags: Mapped[list[str]] = mapped_column(default=list)
    #: The series file as it was written, except the URL of its webhook (`database.redaction`); NULL when the
    #: series came from a mapping.
    source: Mapped[str | None] = mapped_column(Text)
    #: Where the file lay; its target is found relative to this.
    source_path: Mapped[str | None] = mapped_column(Text)
    #: The parsed file, with every default filled in; as in `source`, without the URL of its webhook.
    resolved: Mapped[dict[str, Any]]
    #: SHA-256 of what decides the experiments; an equal digest skips the expansion.
    digest: Mapped[str] = mapped_column(String(64), default="")
    #: `module:function` or an absolute `path/file.py:function`.
    target: Mapped[str] = mapped_column(Text)
    state: Mapped[SeriesState] = mapped_column(
        enum_column(SeriesState, "state"), default=SeriesState.CREATING
    )
    #: Counts the changes of the file; it no longer names configurations of an older revision.
    revision: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(server_default=func.current_timestamp())
    #: Optimistic concurrency: an update of a row that changed meanwhile is refused.
    version: Mapped[int] = mapped_column(default=1)
    #: Who changed this row last, and when: named in the error of a concurrent change.
    changed_by: Mapped[str] = mapped_column(Text, default=current_user, onupdate=current_user)
    changed_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)
    #: A user's notes; not part of the series file.
    notes: Mapped[str] = mapped_column(Text, default="")
    #: Nothing more of it is claimed until a user resumes it.
    paused: Mapped[bool] = mapped_column(default=False)
    #: Of several series that run together, the one with the highest priority is next.
    priority: Mapped[int] = mapped_column(default=0)

    configurations: Mapped[list[Configuration]] = relationship(
        back_populates="series", order_by="Configuration.position", passive_deletes=True
    )
    experiments: Mapped[list[Experiment]] = relationship(
        back_populates="series", order_by="Experiment.position", passive_deletes=True
    )

    __table_args__ = (
        CheckConstraint(f"priority BETWEEN -{MAX_PRIORITY} AND {MAX_PRIORITY}", name="priority"),
    )
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy, never changed

    def __repr__(self) -> str:
        return f"ExperimentSeries(id={self.id}, name={self.name!r})"


class Configuration(Base):
    """One distinct set of parameters of a series."""

    __tablename__ = "configuration"

    id: Mapped[int] = mapped_column(Identifier, primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("experiment_series.id", ondelete="CASCADE"))
    #: The order of the series file, from 0.
    position: Mapped[int]
    #: The sub-series it belongs to, when the file has any.
    block: Mapped[str | None] = mapped_column(String(128))
    #: Nested, as the target receives them.
    parameters: Mapped[dict[str, Any]]
    #: 16-byte digest of the canonical parameters.
    key: Mapped[bytes] = mapped_column(LargeBinary(16))
    #: The last revision of the series file that named it.
    revision: Mapped[int]

    series: Mapped[ExperimentSeries] = relationship(back_populates="configurations")
    experiments: Mapped[list[Experiment]] = relationship(
        back_populates="configuration", order_by="Experiment.repetition", passive_deletes=True
    )

    __table_args__ = (
        UniqueConstraint("series_id", "key"),
        Index("ix_configuration_series_id_position", "series_id", "position"),
    )

    def __repr__(self) -> str:
        return f"Configuration(id={self.id}, parameters={self.parameters!r})"


class SeriesCounters(Base):
    """A part of the counters of a series, one per worker; the sums are its counts (`database.counters`).

    A part may be negative: a user may retry what a worker has ended. The table keeps the name ``tally``, by
    which databases and users' own queries know it.
    """

    __tablename__ = "tally"

    series_id: Mapped[int] = mapped_column(
        Identifier, ForeignKey("experiment_series.id", ondelete="CASCADE"), primary_key=True
    )
    #: The worker that owned the experiments; empty for changes that no worker made.
    worker_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    #: All that the series file names, and those of them that have ended.
    experiments: Mapped[int]
    completed: Mapped[int]
    failed: Mapped[int]
    cancelled: Mapped[int]
    #: Those that it no longer names, whatever their status.
    retired: Mapped[int]

    def __repr__(self) -> str:
        return f"SeriesCounters(series_id={self.series_id}, worker_id={self.worker_id!r})"
