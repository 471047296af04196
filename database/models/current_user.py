"""Who is at work here, for people to read."""

from __future__ import annotations

import getpass
import os
import socket
from functools import cache


@cache
def current_person() -> str:
    """Return ``user@host`` of this process; a user without a name is their number."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no entry anywhere
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
