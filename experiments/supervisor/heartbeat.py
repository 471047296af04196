"""The heartbeat of a process that is its own supervisor."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

from sqlalchemy.exc import SQLAlchemyError

from database.claims import runners
from database.errors import DatabaseError, FencedError
from database.session.lifecycle import SessionLocal

logger = logging.getLogger(__name__)


class HeartbeatThread:
    """Says from a thread that this runner is alive, while the main thread runs experiments.

    Only for the serial executor: code that holds the interpreter lock for longer than the lease
    would silence it. Runners with worker processes send the heartbeat from the supervisor.

    Parameters
    ----------
    runner_id : str
        Whose heartbeat it is.
    every_s : float
        The pause between two.
    """

    def __init__(self, runner_id: str, every_s: float) -> None:
        self._runner_id = runner_id
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> HeartbeatThread:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                with SessionLocal() as session:
                    runners.heartbeat(session, self._runner_id)
                    session.commit()
            except FencedError:
                return  # the next exchange with the database says so where it matters
            except (SQLAlchemyError, DatabaseError) as error:
                logger.warning("the heartbeat was not heard: %s", error)
