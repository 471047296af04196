"""The tables of who runs: runners with their provenance, and their workers."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from database.models.base import Base, enum_column, partial_index


class ProcessState(StrEnum):
    """The state of a runner or worker, as far as the database knows."""

    ALIVE = "alive"  #: may claim and record
    STOPPED = "stopped"  #: ended normally
    DEAD = "dead"  #: declared dead; anything it tries to record is refused


class Runner(Base):
    """One invocation of `run` on one host, with its provenance."""

    __tablename__ = "runner"

    #: A fresh UUID, never a name that could be reused.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    host: Mapped[str] = mapped_column(Text)
    #: The host's boot; the same pid after a reboot is another process.
    boot_id: Mapped[str] = mapped_column(Text)
    pid: Mapped[int]
    #: When the kernel started that pid (clock ticks since boot).
    pid_start: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[ProcessState] = mapped_column(
        enum_column(ProcessState, "state"), default=ProcessState.ALIVE
    )
    #: Counts heartbeats; observers check that it changes, and ignore the clocks of hosts.
    beat: Mapped[int] = mapped_column(BigInteger, default=0)
    #: By the database's clock.
    beat_at: Mapped[datetime]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    #: Where its workers' journals lie on its host.
    journal_directory: Mapped[str | None] = mapped_column(Text)
    user: Mapped[str] = mapped_column("user_name", Text, default="")
    arguments: Mapped[list[str]] = mapped_column(default=list)
    git_commit: Mapped[str | None] = mapped_column(String(64))
    #: NULL when the code is not under version control.
    git_dirty: Mapped[bool | None]
    python_version: Mapped[str] = mapped_column(Text, default="")
    platform: Mapped[str] = mapped_column(Text, default="")
    #: Installed distributions and their versions.
    packages: Mapped[dict[str, Any]] = mapped_column(default=dict)

    workers: Mapped[list[Worker]] = relationship(back_populates="runner", passive_deletes=True)

    def __repr__(self) -> str:
        return f"Runner(id={self.id!r}, host={self.host!r}, state={self.state})"


class Worker(Base):
    """A process that a runner supervises."""

    __tablename__ = "worker"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    runner_id: Mapped[str] = mapped_column(ForeignKey("runner.id", ondelete="CASCADE"))
    state: Mapped[ProcessState] = mapped_column(
        enum_column(ProcessState, "state"), default=ProcessState.ALIVE
    )

    runner: Mapped[Runner] = relationship(back_populates="workers")

    __table_args__ = (partial_index("ix_worker_runner_id", "runner_id", where="state = 'alive'"),)

    def __repr__(self) -> str:
        return f"Worker(id={self.id!r}, state={self.state})"
