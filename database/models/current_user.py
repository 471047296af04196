"""The user this process runs as, for messages and records."""

from __future__ import annotations

import getpass
import os
import socket
from functools import cache


@cache
def current_user() -> str:
    """Return ``user@host`` of this process; the uid in place of a missing user name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no entry anywhere
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
