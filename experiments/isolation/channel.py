"""Messages between a worker, its fork server and their children: a kind, bytes, and descriptors.

They are sent as packets, each of which arrives whole or not at all. So a message that is cut short, by
the death of its sender or by an exception in a signal handler of the user's, is recognised and
dropped; the next one is read correctly.
"""

from __future__ import annotations

import select
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

from experiments.journal_encoding import UnreadableError
from experiments.processes.open_files import identity_of

#: Message number, kind, and whether more packets of it follow.
_HEAD = struct.Struct("<IB?")
#: A packet must fit the socket's buffer, which is 208 KiB by default.
_PACKET_BYTES = 1 << 16


class MessageKind(IntEnum):
    """The kind of a message."""

    LOAD = 1  #: worker to fork server: the target
    LOADED = 2  #: the answer: how many threads the import left running, and the digests of the files
    FAILED = 3  #: the other answer: what the import raised
    FORK = 4  #: worker to fork server: fork a child, which gets this descriptor
    FORKED = 5  #: the answer: its process id
    REAP = 6  #: worker to fork server: end the child and all that it left
    REAPED = 7  #: the answer: how it ended and what it used
    EXEC = 8  #: worker to fork server: become the child itself
    JOB = 9  #: worker to child: what to run
    FINISHED = 10  #: child to worker: how the attempt ended
    CODE = 11  #: child to worker: the digests of the files that it has loaded


class ChannelClosedError(Exception):
    """The other end is closed: its process has ended, or was never started."""


@dataclass(frozen=True)
class Message:
    """A received message.

    Attributes
    ----------
    descriptors : list of int
        Owned by the receiver.
    """

    kind: MessageKind
    body: bytes
    descriptors: list[int]


class Channel:
    """One end of a connection.

    Parameters
    ----------
    end : socket.socket
        One of a pair of sequenced-packet sockets; closed with the channel.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._identity = identity_of(end.fileno())
        self._sent = 0
        self._number = 0
        self._parts: list[bytes] = []

    @classmethod
    def pair(cls) -> tuple[Channel, socket.socket]:
        """Return a channel and the socket of its other end."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), theirs

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def is_lost(self) -> bool:
        """Whether user code has closed the descriptor: it is closed, or refers to another file."""
        return identity_of(self.fileno()) != self._identity

    def send(self, kind: MessageKind, body: bytes = b"", descriptors: tuple[int, ...] = ()) -> None:
        """Send a message.

        Raises
        ------
        ChannelClosedError
            The other end is closed.
        """
        self._sent += 1
        for start in range(0, max(1, len(body)), _PACKET_BYTES):
            more = start + _PACKET_BYTES < len(body)
            packet = _HEAD.pack(self._sent, kind, more) + body[start : start + _PACKET_BYTES]
            try:
                if descriptors and not more:
                    socket.send_fds(self._socket, [packet], descriptors)
                else:
                    self._socket.send(packet)
            except OSError as error:
                raise ChannelClosedError(str(error)) from error

    def receive(self, timeout_s: float | None = None) -> Message | None:
        """Wait for a message; return None when none is complete in time.

        Parameters
        ----------
        timeout_s : float, optional
            For the next packet; 0 does not wait. By default unlimited.

        Raises
        ------
        ChannelClosedError
            No more messages will arrive.
        UnreadableError
            The other end sent something else.
        """
        while timeout_s is None or self._is_readable(timeout_s):
            try:
                packet, descriptors, _, _ = socket.recv_fds(self._socket, _PACKET_BYTES + _HEAD.size, 1)
            except OSError as error:
                raise ChannelClosedError(str(error)) from error
            if not packet:
                raise ChannelClosedError("the other end was closed")
            try:
                number, code, more = _HEAD.unpack_from(packet)
                kind = MessageKind(code)
            except (struct.error, ValueError) as error:
                raise UnreadableError(f"not a packet: {error}") from error
            if number != self._number:  # the parts of an earlier message were cut short
                self._number, self._parts = number, []
            self._parts.append(packet[_HEAD.size :])
            if not more:
                body, self._parts = b"".join(self._parts), []
                return Message(kind, body, descriptors)
        return None

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _is_readable(self, timeout_s: float) -> bool:
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))
