"""The expansion of a series file to its configurations, in constant memory, and the seeds of repetitions.

Configurations are the product of the file's axes, the last one changing fastest. What the axes contribute
is encoded once, so that a configuration costs one formatting of its canonical text and one digest.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from experiments.parameters import canonical, key, nest
from experiments.series_file.models import SeriesFile

_MASK_31_BITS = 2**31 - 1


@dataclass(frozen=True)
class Counts:
    """The size of a series."""

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
        Its index in the order of the file, from 0.
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
        parameters: dict[str, Any] = json.loads(self.text)
        return parameters


def count(file: SeriesFile) -> Counts:
    """Count without expanding."""
    return Counts(math.prod(map(len, file.axes())), file.repeat.seeds)


def expand(file: SeriesFile) -> Iterator[ExpandedConfiguration]:
    """Yield the configurations of `file` in its order.

    The file must have passed `load_series_file`.
    """
    chain = file.axes()
    template = _template([name for axis in chain for name in axis.names])
    encoded = [
        list(zip(*(map(_encoded, parameter.values) for parameter in axis.parameters), strict=True))
        for axis in chain
    ]
    for position, combination in enumerate(itertools.product(*encoded)):
        text = template.format(*itertools.chain.from_iterable(combination))
        yield ExpandedConfiguration(position, text, key(text))


def experiments_digest(file: SeriesFile) -> str:
    """Return the SHA-256 digest of all that determines the experiments of `file`, their order included.

    It is recorded with the series: its input must never change for existing files.
    """
    fixed: dict[str, Any] = {}
    varying: list[list[Any]] = []
    for axis in file.axes():
        if axis.is_fixed:
            fixed.update({parameter.name: parameter.values[0] for parameter in axis.parameters})
        else:
            varying.append(
                [part for parameter in axis.parameters for part in (parameter.name, list(parameter.values))]
            )
    text = json.dumps([canonical(nest(fixed)), varying, file.repeat.seeds])
    return hashlib.sha256(text.encode()).hexdigest()


def seed_for(repetition: int) -> int:
    """Return the seed of an experiment: a 31-bit integer, the same on every machine and for ever.

    It is derived by a hash of named components, never by counting. Seeds are paired: one repetition has the
    same seed in all configurations, so that differences between them are not due to different seeds.

    Parameters
    ----------
    repetition : int
        The experiment's repetition, from 0.
    """
    text = f"seed:base=0:repetition={repetition}:configuration=paired"
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "big") & _MASK_31_BITS


def _encoded(value: Any) -> str:
    return canonical(nest(value) if isinstance(value, dict) else value)


def _template(names: list[str]) -> str:
    """Return the canonical text as a template with a numbered field for the value of each name."""
    return _object_template(nest({name: index for index, name in enumerate(names)}))


def _object_template(group: dict[str, Any]) -> str:
    members = []
    for name in sorted(group):
        inner = group[name]
        field = _object_template(inner) if isinstance(inner, dict) else f"{{{inner}}}"
        quoted = json.dumps(name).replace("{", "{{").replace("}", "}}")
        members.append(f"{quoted}:{field}")
    return "{{" + ",".join(members) + "}}"
