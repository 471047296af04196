"""Sessions: global, scoped, per thread, per transaction; retries, snapshots and services."""

from __future__ import annotations

from database.engine.usage_warnings import SessionWarning
from database.session.lifecycle import (
    SessionLocal,
    assert_idle,
    close_global_session,
    commit_part,
    get_session,
    scoped_session,
    snapshot,
)
from database.session.optimistic_locking import ConcurrentUpdateError, check_version, reporting_conflicts
from database.session.retry import retrying, retrying_transaction
from database.session.services import Service
from database.session.thread_sessions import thread_session
from database.session.transactions import run_in_transaction, transactional

__all__ = [
    "ConcurrentUpdateError",
    "Service",
    "SessionLocal",
    "SessionWarning",
    "assert_idle",
    "check_version",
    "close_global_session",
    "commit_part",
    "get_session",
    "reporting_conflicts",
    "retrying",
    "retrying_transaction",
    "run_in_transaction",
    "scoped_session",
    "snapshot",
    "thread_session",
    "transactional",
]
