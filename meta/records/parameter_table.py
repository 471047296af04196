"""Which parameters distinguish configurations, and which only change together with others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from meta.records.value_set import ABSENT, ValueSet
from meta.statistics.estimators.arrays import Integers


class ParameterTable:
    """The parameters of all configurations of a series, each value as its place among the values.

    Parameters
    ----------
    values : mapping of str to ValueSet
        Of each parameter.
    configurations : sequence of mapping
        The parameters of each configuration by dotted name.
    """

    def __init__(self, values: Mapping[str, ValueSet], configurations: Sequence[Mapping[str, Any]]) -> None:
        self.values = values
        self._size = len(configurations)
        self._places: dict[str, Integers] = {
            name: np.fromiter(
                (known.place(parameters.get(name, ABSENT)) for parameters in configurations), dtype=np.int64
            )
            for name, known in values.items()
        }

    def distinguishing(self, taken: Iterable[str] = ()) -> list[str]:
        """Return the varying parameters needed besides `taken` to distinguish all configurations.

        A parameter that is a function of the others is left out. Of several that determine each other, one
        that every configuration has is preferred, then the one named first.
        """
        known = [name for name in taken if name in self.values]
        needed = [name for name, values in self.values.items() if len(values) > 1 and name not in set(known)]
        expendable = needed[::-1]
        expendable.sort(key=lambda name: ABSENT not in self.values[name].values)
        for name in expendable:
            others = [other for other in needed if other != name]
            if self._count([*known, *others]) == self._count([*known, *others, name]):
                needed = others
        return needed

    def most_lines(self, hues: Sequence[str], facet: str | None) -> int:
        """Return the largest number of lines in a panel, with a line for each combination of `hues`."""
        panel = self._groups([facet] if facet is not None else [])
        lines = self._groups(hues)
        pairs = np.unique(np.stack([panel, lines]), axis=1)
        return int(np.bincount(pairs[0]).max(initial=0))

    def _count(self, names: Sequence[str]) -> int:
        """Return how many combinations of values there are."""
        return int(self._groups(names).max(initial=-1)) + 1

    def _groups(self, names: Sequence[str]) -> Integers:
        """Return a number per configuration, equal where all those parameters are equal."""
        groups: Integers = np.zeros(self._size, dtype=np.int64)
        for name in names:
            pairs = groups * len(self.values[name]) + self._places[name]
            groups = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
        return groups
