"""Where curves end: repetitions that end before the line does, and configurations that end before others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.series_file.sections.graphs import SECONDS
from meta.graphs.data.groups import Group
from meta.graphs.data.plan import Plan
from meta.statistics.estimators.curves import CurveMatrix

Floats = NDArray[np.float64]


class Ends:
    """What is to be said about the ends of the curves of a graph, found out line by line."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._early: list[tuple[float, str]] = []
        self._cut: list[tuple[str, str]] = []
        self._lines = 0

    def add(self, group: Group, curves: CurveMatrix, shares: Sequence[int], drawn: Floats) -> None:
        """Look at one line.

        Parameters
        ----------
        group : Group
        curves : CurveMatrix
            All its repetitions.
        shares : sequence of int
            How many of them are of each configuration.
        drawn : ndarray, shape (points,)
            The steps, or times, at which the line is drawn.
        """
        self._lines += 1
        label = group.cell_label(self._plan, group.members[0])
        there = np.isfinite(curves.readings)
        last = float(drawn[-1])
        lost = int(np.count_nonzero(~there[:, curves.steps >= last].any(axis=1)))
        if lost and self._plan.x != SECONDS:  # no two repetitions end at the same time
            text = f"{label or 'all'} ({lost:,} of {len(there):,} before step {int(last):,})"
            self._early.append((lost / len(there), text))
        has = np.array([part.any(axis=0) for part in np.split(there, np.cumsum(shares)[:-1])])
        after = curves.steps > last
        # Each configuration's first time is another one, too.
        missing = has.any(axis=0) & (after if self._plan.x == SECONDS else ~np.isin(curves.steps, drawn))
        if not missing.any():
            return
        lacking = [
            self._plan.described(self._plan.over, member.parameters)
            for member, here in zip(group.members, has, strict=True)
            if not here[missing].all()
        ]
        named = lacking[0] + (f" and {len(lacking) - 1:,} more" if len(lacking) > 1 else "")
        if self._plan.x == SECONDS:
            which = f"times after {last:.3g} s"
        elif (missing & after).sum() == missing.sum():
            which = f"steps after {int(last):,}"
        else:
            which = f"{missing.sum():,} of {np.count_nonzero(has.any(axis=0)):,} steps"
        self._cut.append((label, f"{which} ({named})"))

    @property
    def early(self) -> list[str]:
        """The lines of which repetitions have no finite reading at or after their end, the worst first."""
        return [text for _, text in sorted(self._early, key=lambda found: -found[0])]

    @property
    def cut(self) -> list[str]:
        """The steps at which lines are not drawn, with the configurations that lack them."""
        texts = list(dict.fromkeys(text for _, text in self._cut))
        if len(texts) == 1 and len(self._cut) == self._lines:
            return texts
        return [f"{label}, {text}" for label, text in self._cut]
