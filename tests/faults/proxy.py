"""A proxy before a PostgreSQL server that breaks a connection exactly at a COMMIT.

It reads just enough of the protocol of PostgreSQL (version 3): the start, which has no type byte,
and then messages of a type byte, a length and a body. A COMMIT is a simple query of that word.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from enum import Enum

from sqlalchemy.engine import URL, make_url

_LENGTH = struct.Struct("!I")
#: Questions before the start proper: encryption by TLS, by GSSAPI. The server says "N" to both.
_QUESTIONS = frozenset({80877103, 80877104})


class Cut(Enum):
    """What happens to a COMMIT."""

    NONE = "none"
    REQUEST_LOST = "request lost"  #: the server never gets it, and rolls back
    REPLY_LOST = "reply lost"  #: it lands, and the client never hears of it
    DELAYED = "delayed"  #: the client is cut off at once, and the COMMIT lands later, when it is released


class Proxy:
    """Listens on the loopback and passes everything on to a server, but for the COMMITs that it cuts.

    Parameters
    ----------
    server : str
        The server's URL; reached by its Unix socket, or by TCP.

    Attributes
    ----------
    cuts : Counter
        How often each was done; commits that went through are counted as ``Cut.NONE``.
    """

    def __init__(self, server: str) -> None:
        self._target = make_url(server)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._choose: Callable[[], Cut] = lambda: Cut.NONE
        self._released = threading.Event()
        self.cut = threading.Event()
        self.cuts: Counter[Cut] = Counter()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, database: str | URL) -> str:
        """Return the URL by which `database` of the server is reached through here."""
        through = make_url(database).set(host="127.0.0.1", port=self._listener.getsockname()[1], query={})
        return through.render_as_string(hide_password=False)

    def cut_next(self, cut: Cut) -> None:
        """Do that to the next COMMIT, and let those after it through; `self.cut` is set when it is done."""
        left = [cut]
        self._released.clear()
        self.cut.clear()
        self._choose = lambda: left.pop() if left else Cut.NONE

    def cut_at_random(self, share: float, seed: int) -> None:
        """Cut this share of all COMMITs, in all ways in turn; delayed ones are released by themselves."""
        chance = random.Random(seed)
        ways = itertools.cycle([Cut.REQUEST_LOST, Cut.REPLY_LOST, Cut.DELAYED])
        self._choose = lambda: next(ways) if chance.random() < share else Cut.NONE
        self._released.set()

    def release(self) -> None:
        """Let the delayed COMMIT land."""
        self._released.set()

    def close(self) -> None:
        """Stop listening and close all connections."""
        self._released.set()
        _shut(self._listener)
        with self._lock:
            for each in self._sockets:
                _shut(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = self._connect()
        except OSError:  # the server is away: so are we
            _shut(client)
            return
        with self._lock:
            self._sockets |= {client, server}
        connection = _Connection(client, server)
        threading.Thread(target=connection.answer, daemon=True).start()
        with contextlib.suppress(OSError, EOFError):
            connection.start()
            while (message := connection.question()) is not None:
                if not self._pass_on(connection, message):
                    break
        _shut(client)
        _shut(server)
        with self._lock:
            self._sockets -= {client, server}

    def _pass_on(self, connection: _Connection, message: bytes) -> bool:
        """Pass a message on; return False when that was the connection's end."""
        if not _is_commit(message):
            connection.server.sendall(message)
            return True
        with self._lock:
            cut = self._choose()
            self.cuts[cut] += 1
        if cut is Cut.NONE:
            connection.server.sendall(message)
            return True
        if cut is Cut.REPLY_LOST:
            connection.commit_unheard(message)
        elif cut is Cut.DELAYED:
            connection.hang_up()
            self.cut.set()
            self._released.wait()
            connection.commit_unheard(message)
        connection.hang_up()
        self.cut.set()
        return False

    def _connect(self) -> socket.socket:
        host, port = str(self._target.query.get("host") or self._target.host), self._target.port or 5432
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(f"{host}/.s.PGSQL.{port}")
        except OSError:
            server.close()
            raise
        return server


class _Connection:
    """One client and its connection to the server."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self._unheard = threading.Event()
        self._answered = threading.Event()

    def start(self) -> None:
        """Pass on what comes before the first message."""
        while True:
            head = _read(self.client, 8)
            length, code = _LENGTH.unpack(head[:4])[0], _LENGTH.unpack(head[4:])[0]
            self.server.sendall(head + _read(self.client, length - 8))
            if code not in _QUESTIONS:
                return

    def question(self) -> bytes | None:
        """Return the client's next message; None when there are no more."""
        kind = self.client.recv(1)
        if not kind:
            return None
        head = _read(self.client, 4)
        return kind + head + _read(self.client, _LENGTH.unpack(head)[0] - 4)

    def answer(self) -> None:
        """Pass on what the server says, until it is to be unheard."""
        with contextlib.suppress(OSError):
            while data := self.server.recv(1 << 16):
                if self._unheard.is_set():
                    self._answered.set()
                else:
                    self.client.sendall(data)
        self._answered.set()  # the server is gone; what it did, it did
        if not self._unheard.is_set():
            _shut(self.client)

    def commit_unheard(self, message: bytes) -> None:
        """Let the server commit, and keep what it says."""
        self._unheard.set()
        self.server.sendall(message)
        self._answered.wait()

    def hang_up(self) -> None:
        self._unheard.set()
        _shut(self.client)


def _is_commit(message: bytes) -> bool:
    return message[:1] == b"Q" and message[5:].rstrip(b"\0; ").upper() == b"COMMIT"


def _read(source: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = source.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
