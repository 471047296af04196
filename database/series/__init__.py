"""Everything that is written about a series: creating, editing, retrying, cancelling, deleting it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from database.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from database.series.cancel_and_release import cancel, owners, release
    from database.series.editing import SeriesEdit, edit_series
    from database.series.retry_and_delete import delete_series, retry

__all__ = ["SeriesEdit", "cancel", "delete_series", "edit_series", "owners", "release", "retry"]

__getattr__ = lazy_exports(
    __name__,
    {
        "SeriesEdit": "editing",
        "cancel": "cancel_and_release",
        "delete_series": "retry_and_delete",
        "edit_series": "editing",
        "owners": "cancel_and_release",
        "release": "cancel_and_release",
        "retry": "retry_and_delete",
    },
)
