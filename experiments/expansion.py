"""From a series file to its configurations: one after the other, without holding them all.

A file is a chain of axes, each with its names and choices; configurations are the product of the
axes in the order of the file, the last one changing fastest. What the axes contribute is encoded
once, so that a configuration costs one formatting of its canonical text and one digest.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from experiments.parameters import canonical, flatten, key_of_text, nest
from experiments.series_file.models import SeriesFile


@dataclass(frozen=True)
class Counts:
    """How much a series file describes."""

    configurations: int
    repetitions: int

    @property
    def experiments(self) -> int:
        """Configurations times repetitions."""
        return self.configurations * self.repetitions


@dataclass(slots=True)
class ExpandedConfiguration:
    """One distinct set of parameters.

    Attributes
    ----------
    position : int
        Its place in the order of the file, from 0.
    text : str
        The canonical text of its parameters.
    key : bytes
        The 16-byte digest of the text.
    """

    position: int
    text: str
    key: bytes

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters, nested as the target receives them."""
        found: dict[str, Any] = json.loads(self.text)
        return found


@dataclass(frozen=True)
class Axis:
    """Parameters that change together.

    Attributes
    ----------
    names : tuple of str
        Dotted.
    choices : tuple of tuples
        The values of all names, once per choice.
    """

    names: tuple[str, ...]
    choices: tuple[tuple[Any, ...], ...]


def count(file: SeriesFile) -> Counts:
    """Count without expanding."""
    return Counts(math.prod(len(axis.choices) for axis in axes(file)), file.repeat.seeds)


def axes(file: SeriesFile) -> list[Axis]:
    """Return the chain of axes of `file`: what is fixed is an axis with one choice."""
    fixed = flatten(file.fixed)
    chain = [Axis(tuple(fixed), (tuple(fixed.values()),))] if fixed else []
    chain += [Axis((name,), tuple((choice,) for choice in choices)) for name, choices in file.grid.items()]
    return chain


def expand(file: SeriesFile) -> Iterator[ExpandedConfiguration]:
    """Yield the configurations of `file` in its order.

    Memory does not depend on their number. The file must have passed `load_series_file`.
    """
    chain = axes(file)
    template = _template([name for axis in chain for name in axis.names])
    encoded = [[tuple(_encoded(value) for value in choice) for choice in axis.choices] for axis in chain]
    for position, combination in enumerate(itertools.product(*encoded)):
        text = template.format(*itertools.chain.from_iterable(combination))
        yield ExpandedConfiguration(position, text, key_of_text(text))


def _encoded(value: Any) -> str:
    return canonical(nest(value) if isinstance(value, dict) else value)


def _template(names: list[str]) -> str:
    """Return the canonical text with a numbered gap for the value of each name."""
    return _object_template(nest({name: index for index, name in enumerate(names)}))


def _object_template(group: dict[str, Any]) -> str:
    members = []
    for name in sorted(group):
        inner = group[name]
        gap = _object_template(inner) if isinstance(inner, dict) else f"{{{inner}}}"
        quoted = json.dumps(name).replace("{", "{{").replace("}", "}}")
        members.append(f"{quoted}:{gap}")
    return "{{" + ",".join(members) + "}}"
