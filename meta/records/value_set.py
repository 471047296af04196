"""Values of parameters: their order, their labels, and which parameters distinguish configurations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from experiments.parameters import canonical
from experiments.series_file.sections.graphs import LARGEST_NUMBER
from meta.statistics.estimators.arrays import Integers

#: Numbers that differ in later digits only are hard to distinguish by eye.
_DIGITS = 6


class _Absent:
    """The value of a parameter that a configuration does not have."""

    def __repr__(self) -> str:
        return "absent"

    def __reduce__(self) -> str:
        return "ABSENT"  # there is only one, also in the process that draws


ABSENT = _Absent()


class ValueSet:
    """The distinct values of one parameter: ascending when all are numbers, else in the given order.

    As in configurations, ``1``, ``1.0``, ``true`` and ``"1"`` are four values.

    Parameters
    ----------
    values : iterable
        In the order of the configurations, with repeats.
    """

    def __init__(self, values: Iterable[Any]) -> None:
        distinct = list({_identity(value): value for value in values}.values())
        self.values: list[Any] = sorted(distinct) if all(map(is_number, distinct)) else distinct
        self.labels: list[str] = labels_of(self.values)
        self._places = {_identity(value): place for place, value in enumerate(self.values)}

    @classmethod
    def single(cls, label: str) -> ValueSet:
        """Return the set of a parameter that no configuration has: one category of that label for all."""
        values = cls([ABSENT])
        values.labels = [label]
        return values

    def __len__(self) -> int:
        return len(self.values)

    def __contains__(self, value: Any) -> bool:
        return _identity(value) in self._places

    def ordered(self, first: Sequence[Any]) -> ValueSet:
        """Return these values with `first`, which are among them, before the others."""
        ordered = ValueSet(())
        leading = {_identity(value): None for value in first}
        places = [self._places[identity] for identity in leading]
        places += [place for identity, place in self._places.items() if identity not in leading]
        ordered.values = [self.values[place] for place in places]
        ordered.labels = [self.labels[place] for place in places]
        ordered._places = {_identity(value): place for place, value in enumerate(ordered.values)}
        return ordered

    def place(self, value: Any) -> int:
        """Return the index of `value` among the values."""
        return self._places[_identity(value)]

    def label(self, value: Any) -> str:
        """Return the label of `value`."""
        return self.labels[self.place(value)]

    def is_axis(self) -> bool:
        """Return whether the values are ascending numbers, each with a position on a numeric axis."""
        numbers = [float(value) for value in self.values if is_number(value)]
        return (
            len(numbers) == len(self)
            and all(low < high for low, high in pairwise(numbers))
            and all(number == 0 or 1 / LARGEST_NUMBER <= abs(number) <= LARGEST_NUMBER for number in numbers)
        )


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


def _identity(value: Any) -> str:
    if value is ABSENT:
        return ""
    try:
        return canonical(value)
    except ValueError:  # NaN or an infinity, which only rows written by hand have
        return json.dumps(value, sort_keys=True)


def is_number(value: Any) -> bool:
    """Return whether a value has a position on a numeric axis."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def labels_of(values: Sequence[Any]) -> list[str]:
    """Return the label of each value; different values have different labels."""
    labels = [_plain_label(value) for value in values]
    if len(set(labels)) < len({_identity(value) for value in values}):
        return [_identity(value) or repr(value) for value in values]
    return labels


def _plain_label(value: Any) -> str:
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, float):
        short = f"{value:.{_DIGITS}g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return for each dotted name its last part, or the name itself where that would be ambiguous."""
    last = [name.rpartition(".")[2] for name in names]
    return {name: part if last.count(part) == 1 else name for name, part in zip(names, last, strict=True)}


def shortened(texts: Sequence[str], length: int) -> list[str]:
    """Truncate texts to `length` characters: in the middle, or at an end where two would become equal.

    Texts that would become equal in any case are not truncated.
    """
    for kept in ((length - 1) // 2, length - 1, 0):  # so many characters at the end
        short = [
            text if len(text) <= length else f"{text[: length - 1 - kept]}…{text[len(text) - kept :]}"
            for text in texts
        ]
        if len(set(short)) == len(set(texts)):
            return short
    return list(texts)
