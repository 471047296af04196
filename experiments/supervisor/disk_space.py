"""Monitoring the free space of the disk that workers write to."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

logger = logging.getLogger(__name__)

#: Below this the user is warned; workers wait only when the disk is full.
LOW_BYTES = 32 * 2**20


class DiskSpaceMonitor:
    """Warns once when the disk is almost full, and when it has space again.

    Parameters
    ----------
    folder : Path
        A folder on the disk.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_low = False

    def check(self) -> None:
        """Check once; warn when the disk has become almost full, or has space again."""
        try:
            free = shutil.disk_usage(self._folder).free
        except OSError:
            return
        if (free < LOW_BYTES) is self._is_low:
            return
        self._is_low = not self._is_low
        if self._is_low:
            logger.warning(
                "the disk of %s has %d MiB left; when it is full, workers wait and nothing is "
                "lost; make room",
                self._folder,
                free // 2**20,
            )
        else:
            logger.warning("the disk of %s has space again", self._folder)
