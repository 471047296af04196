"""Writes to a series: creating, editing, retrying, cancelling, releasing and deleting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from database.engine.taken_names import NameTakenError as NameTakenError
    from database.series.cancel_and_release import cancel as cancel
    from database.series.cancel_and_release import owners as owners
    from database.series.cancel_and_release import release as release
    from database.series.editing import SeriesEdit as SeriesEdit
    from database.series.editing import edit_series as edit_series
    from database.series.retry_and_delete import delete_series as delete_series
    from database.series.retry_and_delete import retry as retry

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "editing": ["SeriesEdit", "edit_series", "NameTakenError"],
        "cancel_and_release": ["cancel", "owners", "release"],
        "retry_and_delete": ["delete_series", "retry"],
    },
)
