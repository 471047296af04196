"""Writes to a series: creating, editing, retrying, cancelling, releasing and deleting."""

from __future__ import annotations

from database.engine.taken_names import NameTakenError
from database.series.cancel_and_release import cancel, owners, release
from database.series.editing import SeriesEdit, edit_series
from database.series.retry_and_delete import delete_series, retry

__all__ = [
    "NameTakenError",
    "SeriesEdit",
    "cancel",
    "delete_series",
    "edit_series",
    "owners",
    "release",
    "retry",
]
