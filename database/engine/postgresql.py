"""Connection settings of PostgreSQL, for scripts and for the claim protocol."""

from __future__ import annotations

import os
from typing import Any

#: The locks of a client that vanished are released within 30 s. Only for runners and workers: a user's
#: script may compute for a minute inside its transaction.
_PROTOCOL_OPTIONS = (
    "-c idle_in_transaction_session_timeout=30s -c lock_timeout=15s -c statement_timeout=60s "
    "-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
)


def connect_arguments(*, protocol: bool) -> dict[str, Any]:
    """Return the arguments of `psycopg2.connect`.

    Parameters
    ----------
    protocol : bool
        True for the connections of runners and workers, which must never hold a lock for long.
    """
    arguments: dict[str, Any] = {
        "connect_timeout": 5,
        "application_name": f"experiments:{'runner' if protocol else 'script'}:{os.getpid()}",
        "keepalives": 1,
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
    if protocol:
        arguments["options"] = _PROTOCOL_OPTIONS
    return arguments
