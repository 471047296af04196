"""The heartbeat of a process that is its own supervisor."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from database.errors import DatabaseError, FencedError
from database.session.lifecycle import SessionLocal

logger = logging.getLogger(__name__)


class HeartbeatThread:
    """Sends a runner's heartbeat from a thread, while the main thread runs experiments.

    Only for the serial executor: code that holds the interpreter lock for longer than the lease
    would block it. Runners with worker processes send the heartbeat from the supervisor.

    Parameters
    ----------
    send : callable
        Sends a heartbeat in the session it is given.
    every_s : float
        The pause between two heartbeats, in seconds.
    """

    def __init__(self, send: Callable[[Session], None], every_s: float) -> None:
        self._send = send
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> HeartbeatThread:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                with SessionLocal() as session:
                    self._send(session)
                    session.commit()
            except FencedError:
                return  # the worker's next transaction raises it in the main thread
            except (SQLAlchemyError, DatabaseError) as error:
                logger.warning("a heartbeat could not be recorded: %s", error)
