"""The tables of what runs: experiments and their attempts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from database.models.base import Base, Identifier, enum_column, partial_index
from database.models.outcome import Outcome
from database.models.series import Configuration, ExperimentSeries


class ExperimentStatus(StrEnum):
    """The status of an experiment."""

    PENDING = "pending"  #: waits for a worker
    CLAIMED = "claimed"  #: a worker owns it but has not started it; shown as pending
    RUNNING = "running"  #: a worker runs it
    COMPLETED = "completed"  #: its result is recorded
    FAILED = "failed"  #: its last attempt failed and no retry is left
    CANCELLED = "cancelled"  #: cancelled by a user

    def is_finished(self) -> bool:
        """Whether it is final: only a user's request can change it."""
        return self in {self.COMPLETED, self.FAILED, self.CANCELLED}


#: The first experiment of each configuration, while `--canary` needs it. Repetitions are retired from
#: the last one on or all together, so that the smallest of a live configuration is 0.
FIRST = "repetition = 0 AND NOT retired AND due_at IS NULL AND (status = 'pending' OR status = 'failed')"


#: The index by which the database itself refuses a second result.
ONE_RESULT = "uq_attempt_completed"


class Experiment(Base):
    """One configuration x one repetition: the unit that runs and is recorded."""

    __tablename__ = "experiment"

    id: Mapped[int] = mapped_column(Identifier, primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("experiment_series.id", ondelete="CASCADE"))
    configuration_id: Mapped[int] = mapped_column(ForeignKey("configuration.id", ondelete="CASCADE"))
    repetition: Mapped[int]
    #: The order of claims within a priority, from 0.
    position: Mapped[int]
    seed: Mapped[int]
    #: Higher runs earlier.
    priority: Mapped[int] = mapped_column(default=0)
    #: The old values of this and of `retired` are loaded when they are set: the counters need the difference.
    status: Mapped[ExperimentStatus] = mapped_column(
        enum_column(ExperimentStatus, "status"), default=ExperimentStatus.PENDING, active_history=True
    )
    #: No longer named by the series file: kept, reported, not run.
    retired: Mapped[bool] = mapped_column(default=False, active_history=True)
    #: How many attempts were ever claimed; the fencing token of the one in progress.
    attempt_number: Mapped[int] = mapped_column(default=0)
    # No foreign key: PostgreSQL would check it per row in the hot path; `claims.orphaned_workers` finds
    # what belongs to a missing worker.
    worker_id: Mapped[str | None] = mapped_column(String(32))
    claimed_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    results: Mapped[dict[str, Any] | None]
    #: When a delayed retry may be claimed, by the database's clock; NULL for all others.
    due_at: Mapped[datetime | None]
    #: Attempts up to this number no longer count towards the limits of its retries: a user asked for a retry.
    retries_reset_at: Mapped[int] = mapped_column("forgiven", default=0, server_default=text("0"))

    series: Mapped[ExperimentSeries] = relationship(back_populates="experiments")
    configuration: Mapped[Configuration] = relationship(back_populates="experiments")
    attempts: Mapped[list[Attempt]] = relationship(
        back_populates="experiment", order_by="Attempt.number", passive_deletes=True
    )

    __table_args__ = (
        UniqueConstraint("configuration_id", "repetition"),
        CheckConstraint("(status IN ('claimed', 'running')) = (worker_id IS NOT NULL)", name="owned"),
        # With the time, so that the last activity and the rate are read from the end of the index.
        Index("ix_experiment_series_id_status_finished_at", "series_id", "status", "finished_at"),
        # Few experiments are running: counting them must not read the table.
        partial_index("ix_experiment_retired", "series_id", "status", where="retired"),
        # Without delayed retries: claims must not skip over many of them.
        partial_index(
            "ix_experiment_pending",
            "series_id",
            text("priority DESC"),
            "position",
            where="status = 'pending' AND NOT retired AND due_at IS NULL",
        ),
        partial_index(
            "ix_experiment_due",
            "series_id",
            "due_at",
            "repetition",
            where="status = 'pending' AND NOT retired AND due_at IS NOT NULL",
        ),
        # The first repetitions alone, for `--canary`.
        partial_index(
            "ix_experiment_first", "series_id", "status", text("priority DESC"), "position", where=FIRST
        ),
        partial_index("ix_experiment_worker_id", "worker_id", where="worker_id IS NOT NULL"),
    )

    def __repr__(self) -> str:
        return f"Experiment(id={self.id}, repetition={self.repetition}, status={self.status})"


class Attempt(Base):
    """One try at running an experiment; its row is the proof that the try was recorded."""

    __tablename__ = "attempt"

    experiment_id: Mapped[int] = mapped_column(
        Identifier, ForeignKey("experiment.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    worker_id: Mapped[str] = mapped_column(String(32))
    outcome: Mapped[Outcome] = mapped_column(enum_column(Outcome, "outcome"))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    #: By a monotonic clock; the two times above are the host's wall clock.
    duration_s: Mapped[float | None]
    error_type: Mapped[str | None] = mapped_column(Text)
    error_message: Mapped[str | None] = mapped_column(Text)
    traceback: Mapped[str | None] = mapped_column(Text)
    exit_code: Mapped[int | None]
    signal: Mapped[int | None]
    peak_memory_bytes: Mapped[int | None] = mapped_column(BigInteger)
    cpu_s: Mapped[float | None]
    #: The last lines it wrote, kept when it did not complete.
    log_tail: Mapped[str | None] = mapped_column(Text)
    #: What code it ran (`database.models.code.Code`); NULL when that is unknown. No foreign key: PostgreSQL
    #: would check it per row in the hot path.
    code: Mapped[int | None] = mapped_column(Identifier)
    #: How many threads numerical libraries had; NULL when that is unknown.
    threads: Mapped[int | None]
    #: What was valid of a result that could not be stored; no part of the experiment's results.
    partial: Mapped[dict[str, Any] | None]
    #: The results of an attempt that a user has replaced; those of others are in the experiment.
    results: Mapped[dict[str, Any] | None]

    experiment: Mapped[Experiment] = relationship(back_populates="attempts")

    __table_args__ = (partial_index(ONE_RESULT, "experiment_id", unique=True, where="outcome = 'completed'"),)

    def __repr__(self) -> str:
        return f"Attempt(experiment_id={self.experiment_id}, number={self.number}, outcome={self.outcome})"
