"""Monitoring the folder that workers write to: whether it is there, and the free space of its disk."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

logger = logging.getLogger(__name__)

#: Below this the user is warned; workers wait only when the disk is full.
LOW_BYTES = 32 * 2**20


class ResultsFolderMonitor:
    """Warns once when the disk is almost full, when it has space again, and when the folder is deleted.

    Parameters
    ----------
    folder : Path
        The results folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._was_there: Path | None = None
        self._is_low = False

    def check(self, part: Path) -> None:
        """Check once, and warn of what has changed.

        Parameters
        ----------
        part : Path
            The folder in it that workers write to, which is made once: others are made again when needed.
        """
        try:
            free = shutil.disk_usage(part).free
        except FileNotFoundError:
            if self._was_there == part:
                self._was_there = None
                logger.warning(
                    "the results folder %s was deleted: results are still recorded, but what experiments "
                    "print is lost until the run is started again",
                    self._folder,
                )
            return
        except OSError:
            return
        self._was_there = part
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
