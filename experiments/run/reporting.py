"""Where a run shows its progress and its result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from database import clock
from experiments.creation import Created
from experiments.progress.model import Display
from experiments.progress.preparation import preparing
from experiments.run.summary import RunSummary


@dataclass(frozen=True)
class Reporting:
    """Where a run shows its progress and its result.

    Attributes
    ----------
    display : Display or None
        Shows the progress; None shows nothing.
    on_created : callable or None
        Called with the result of creation, before anything runs.
    on_ended : callable or None
        Called with the summary of a series as soon as its run has ended.
    before_serial : callable or None
        Called when all is checked and nothing written, if experiments will run in this process.
    begun : float or None
        When the command began, by `database.clock.monotonic`; by default when the function is called.
    """

    display: Display | None = None
    on_created: Callable[[Created], None] | None = None
    on_ended: Callable[[RunSummary], None] | None = None
    before_serial: Callable[[], None] | None = None
    begun: float | None = None

    def since(self) -> Reporting:
        """Return it with the time now, if there was none."""
        return self if self.begun is not None else replace(self, begun=clock.monotonic())

    def tell(self, text: str) -> AbstractContextManager[None]:
        """Tell on the display what is done before experiments start, while the context is entered."""
        return preparing(self.display, text)
