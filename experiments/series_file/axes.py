"""The sections that contain parameters, each read as axes; no other module lists these sections.

Checks, expansion, the digest of a series and expressions use it, so that a new section of parameters is
one reader below and one field of `SeriesFile`. Data may be as written, with parts of a wrong type (which
are passed over), as a `SeriesFile` has it, or as it was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.parameters import ParameterError, flatten, leaves
from experiments.series_file.reading.errors import KeyPath


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as read from its section.

    Attributes
    ----------
    name : str
        Dotted.
    path : tuple of str and int
        The keys that lead to it in the file.
    values : sequence
        Its value for each choice of its axis.
    is_fixed : bool
        Whether it has one value, which is at `path` itself; otherwise `path` leads to a list of the values.
    """

    name: str
    path: KeyPath
    values: Sequence[Any]
    is_fixed: bool = False

    def value_path(self, index: int) -> KeyPath:
        """Return the keys that lead to one of its values."""
        return self.path if self.is_fixed else (*self.path, index)


@dataclass(frozen=True, slots=True)
class Axis:
    """Parameters that change together: a configuration has the values of the same choice for all of them."""

    parameters: tuple[Parameter, ...]

    def __len__(self) -> int:
        """Return the number of choices."""
        return len(self.parameters[0].values)

    @property
    def is_fixed(self) -> bool:
        """Whether there is only one choice."""
        return self.parameters[0].is_fixed

    @property
    def names(self) -> list[str]:
        """The dotted names."""
        return [parameter.name for parameter in self.parameters]


def _fixed(section: Mapping[str, Any]) -> Iterator[Axis]:
    parameters = tuple(
        Parameter(".".join(path), ("fixed", *path), (value,), is_fixed=True)
        for path, value in leaves(section)
    )
    if parameters:
        yield Axis(parameters)


def _grid(section: Mapping[str, Any]) -> Iterator[Axis]:
    for name, choices in section.items():
        values = choices if isinstance(choices, list | tuple) else ()
        yield Axis((Parameter(name, ("grid", name), values),))


_READERS: dict[str, Callable[[Mapping[str, Any]], Iterator[Axis]]] = {"fixed": _fixed, "grid": _grid}

#: The keys of the sections that contain parameters.
PARAMETER_SECTIONS = tuple(_READERS)


def axes(sections: Mapping[str, Any]) -> list[Axis]:
    """Return the axes of a series' sections, in the order of its configurations: the last changes fastest.

    Parameters
    ----------
    sections : mapping
        All of a series file, or `ExperimentSeries.resolved`, which may be any JSON in a series made by hand;
        other sections are ignored.
    """
    return [
        axis
        for key, read in _READERS.items()
        if isinstance(sections, Mapping) and isinstance(section := sections.get(key), Mapping)
        for axis in read(section)
    ]


def parameter_names(chain: Iterable[Axis]) -> list[str]:
    """Return the dotted names that configurations can have, each once: a mapping among values is a group."""
    names: dict[str, None] = {}
    for axis in chain:
        for parameter in axis.parameters:
            for value in parameter.values or (None,):
                try:
                    names.update(dict.fromkeys(flatten({parameter.name: value})))
                except ParameterError:  # reported by the checks of values
                    names[parameter.name] = None
    return list(names)


def fixed_names(sections: Mapping[str, Any]) -> frozenset[str]:
    """Return the dotted names of the parameters that have the same value in all configurations."""
    return frozenset(name for axis in axes(sections) if axis.is_fixed for name in axis.names)
