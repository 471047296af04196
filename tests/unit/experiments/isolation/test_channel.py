"""Messages between processes that may die while they send."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

import pytest

from experiments.isolation.channel import Channel, ChannelClosedError, MessageKind
from experiments.processes.forks import fork_quietly


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    ours, theirs = Channel.pair()
    other = Channel(theirs)
    yield ours, other
    ours.close()
    other.close()


def test_messages_in_order(ends: tuple[Channel, Channel]) -> None:
    """MessageKind and body arrive, also an empty one, in the order they were sent."""
    ours, theirs = ends
    ours.send(MessageKind.LOAD, b"abc")
    ours.send(MessageKind.REAP)
    for kind, body in ((MessageKind.LOAD, b"abc"), (MessageKind.REAP, b"")):
        message = theirs.receive()
        assert message is not None
        assert (message.kind, message.body) == (kind, body)
    assert theirs.receive(0) is None


@pytest.mark.parametrize("size", [(1 << 16) - 1, 1 << 16, (1 << 16) + 1])
def test_sizes_around_a_packet(ends: tuple[Channel, Channel], size: int) -> None:
    """A body of just a packet's size arrives whole."""
    body = os.urandom(size)
    ends[0].send(MessageKind.JOB, body)
    message = ends[1].receive()
    assert message is not None
    assert message.body == body


def test_large_message(ends: tuple[Channel, Channel]) -> None:
    """A message larger than the socket's buffer arrives, when somebody reads."""
    ours, theirs = ends
    body = os.urandom(5_000_001)
    if (pid := fork_quietly()) == 0:
        ours.send(MessageKind.FINISHED, body)
        os._exit(0)
    message = theirs.receive()
    os.waitpid(pid, 0)
    assert message is not None
    assert message.body == body


def test_message_cut_short() -> None:
    """What was sent of a message that was never completed is dropped; the next one is read correctly."""
    raw, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reader = Channel(theirs)
    head = struct.Struct("<IB?")
    raw.send(head.pack(1, MessageKind.JOB, True) + b"begun")
    assert reader.receive(0) is None
    raw.send(head.pack(2, MessageKind.FINISHED, False) + b"whole")
    message = reader.receive(0)
    assert message is not None
    assert (message.kind, message.body) == (MessageKind.FINISHED, b"whole")
    raw.close()
    reader.close()


def test_descriptors_travel(ends: tuple[Channel, Channel]) -> None:
    """A descriptor is handed over with a message."""
    reader, writer = os.pipe()
    ends[0].send(MessageKind.FORK, descriptors=(writer,))
    os.close(writer)
    message = ends[1].receive()
    assert message is not None
    (received,) = message.descriptors
    os.write(received, b"x")
    assert os.read(reader, 1) == b"x"
    os.close(received)
    os.close(reader)


def test_other_end_closed(ends: tuple[Channel, Channel]) -> None:
    """Both directions say that the other process is gone."""
    ours, theirs = ends
    theirs.close()
    with pytest.raises(ChannelClosedError):
        ours.receive()
    with pytest.raises(ChannelClosedError):
        ours.send(MessageKind.REAP)


def test_lost_descriptor(ends: tuple[Channel, Channel]) -> None:
    """A descriptor that user code has closed, or whose number another file has now, is noticed."""
    ours, _ = ends
    assert not ours.is_lost()
    with open(os.devnull, "rb") as other:  # noqa: PTH123 - its descriptor is wanted
        os.dup2(other.fileno(), ours.fileno())
        assert ours.is_lost()
