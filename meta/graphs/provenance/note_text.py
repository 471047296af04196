"""The note of a graph as text: two lines below it, and what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Note:
    """What is said about a graph.

    Attributes
    ----------
    lines : tuple of str
        Below the graph: what is drawn, with which interval, of how many repetitions; and the worst of what
        is missing, where something is.
    details : tuple of str
        Sentences that stand in the metadata of its files only.
    intervals : mapping of str to tuple of str
        By result, how the intervals of its numbers were made; see `meta.statistics.intervals.rule.Method`.
    """

    lines: tuple[str, ...]
    details: tuple[str, ...] = ()
    intervals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def below(self) -> str:
        """The text below the graph."""
        return "\n".join(self.lines)

    @property
    def beside(self) -> str:
        """The text that is not below it."""
        return " ".join(self.details)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is below it, and then what is beside it."""
        return *self.lines, *self.details
