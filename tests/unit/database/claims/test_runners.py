"""Telling processes and computers apart."""

from __future__ import annotations

import os
import socket
from dataclasses import replace

import pytest

from database.process_identity import ProcessIdentity


def test_own_process_lives() -> None:
    """A process is not gone for itself; one with its pid that started at another time is."""
    own = ProcessIdentity.own()
    assert (own.host, own.pid) == (socket.gethostname(), os.getpid())
    assert not own.is_gone()
    assert replace(own, pid_start=own.pid_start - 1).is_gone()


def test_hosts_of_other_names_cannot_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """EXPERIMENTS_HOST makes a computer another one, about whose processes nothing is known here."""
    ended = replace(ProcessIdentity.own(), pid_start=-2)
    assert ended.is_gone()
    monkeypatch.setenv("EXPERIMENTS_HOST", "elsewhere")
    assert ProcessIdentity.own().host == "elsewhere"
    assert not ended.is_gone()
    assert replace(ended, host="elsewhere").is_gone()
