"""Waiting for space on a full disk."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from database import clock

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

#: A full disk, and a quota that is used up, may have space again. (A limit on the size of files of the
#: process itself stays: it dies of that.)
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PAUSE_S = 0.5


def until_there_is_space(action: Callable[[], Result], path: Path) -> Result:
    """Return what `action` returns, repeated while the disk of `path` is full; say once that it is."""
    is_waiting = False
    while True:
        try:
            return action()
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            if not is_waiting:
                is_waiting = True
                logger.warning("%s: %s; the worker waits until there is space", path, error.strerror)
            clock.sleep(_PAUSE_S)
