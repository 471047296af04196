"""Where curves end: repetitions that end before their line, and steps that a configuration lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from meta.statistics.estimators.arrays import Booleans, Floats
from meta.statistics.estimators.curves import CurveMatrix


@dataclass(frozen=True)
class EarlyEnd:
    """A line of which some repetitions have no finite value at or after its last step.

    Attributes
    ----------
    label : str
    count, of : int
        How many repetitions, and of how many.
    step : int
        The last one of the line.
    """

    label: str
    count: int
    of: int
    step: int

    @classmethod
    def find(cls, label: str, curves: CurveMatrix, last: float) -> EarlyEnd | None:
        """Count the curves of a line that end before its last step; None without one."""
        is_finite = np.isfinite(curves.readings[:, curves.steps >= last])
        count = int(np.count_nonzero(~is_finite.any(axis=1)))
        return cls(label, count, len(is_finite), int(last)) if count else None


@dataclass(frozen=True)
class UndrawnSteps:
    """Steps, or times, at which a line is not drawn, as some of its configurations have no value there.

    Attributes
    ----------
    label : str
    lacking : sequence of str
        The labels of these configurations.
    count, of : int
        How many steps, and of how many.
    after : float or None
        The last step of the line if all undrawn steps are later, else None.
    """

    label: str
    lacking: Sequence[str]
    count: int
    of: int
    after: float | None

    @classmethod
    def find(
        cls, label: str, has: Mapping[str, Booleans], steps: Floats, drawn: Booleans
    ) -> UndrawnSteps | None:
        """Return the steps that are not drawn although a configuration has a value there, or None.

        Parameters
        ----------
        label : str
        has : mapping of str to ndarray of bool, shape (steps,)
            Where each configuration has a value, by its label.
        steps : ndarray, shape (steps,)
        drawn : ndarray of bool, shape (steps,)
        """
        anywhere = np.any([*has.values()], axis=0)
        undrawn = anywhere & ~drawn
        if not undrawn.any():
            return None
        last = float(steps[drawn][-1])
        return cls(
            label,
            [name for name, has_value in has.items() if not has_value[undrawn].all()],
            int(np.count_nonzero(undrawn)),
            int(np.count_nonzero(anywhere)),
            after=last if (steps[undrawn] > last).all() else None,
        )
