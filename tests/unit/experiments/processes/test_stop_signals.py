"""Signals that are counted: what processes that are forked meanwhile do with them."""

from __future__ import annotations

import os
import select
import signal

from experiments.processes.stop_signals import StopSignals


def test_a_forked_process_ends_at_a_signal() -> None:
    """As of a Pool of a serial experiment, which is ended by SIGTERM as soon as its values are there."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with StopSignals() as signals:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                signal.pause()
                os._exit(0)
            os.kill(child, signal.SIGTERM)  # usually before it has run at all
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
        assert signals.received == []
        assert select.select([signals], [], [], 0)[0] == []
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask
        os.kill(os.getpid(), signal.SIGTERM)
        assert signals.received == [signal.SIGTERM]
