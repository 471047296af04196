"""Templates and children die with their worker, whatever they are doing.

The worker holds the writing end of a pipe; how the kernel kills by it, `experiments.processes.parent_death`
says. The worker itself dies so with its runner, and with it goes everything.
"""

from __future__ import annotations

import os

from experiments.processes.parent_death import die_with_runner


class Leash:
    """The worker's end, and what others hold on to.

    Attributes
    ----------
    descriptor : int
        The reading end, for `hold`.
    """

    def __init__(self) -> None:
        self.descriptor, self._writer = os.pipe()

    def let_go(self) -> None:
        """In a child of the worker: leave the writing end to the worker alone."""
        os.close(self._writer)

    def close(self) -> None:
        """In the worker: kill whoever still holds on."""
        os.close(self._writer)
        os.close(self.descriptor)


def hold(descriptor: int) -> None:
    """Let this process and its group be killed when the worker is gone.

    Whom the kernel kills is a property of the open file, which forked processes share: so this opens
    the pipe anew, and leaves what others have settled alone.
    """
    die_with_runner(os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC))
