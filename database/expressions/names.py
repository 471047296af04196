"""Resolution of names: the value of an experiment that a name means, and the error for unknown names."""

from __future__ import annotations

import json
import keyword
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from database.expressions.errors import ExpressionError
from database.expressions.tree import Field, Name, Path
from database.suggestions import suggestion

#: The fields that every experiment has; a parameter with such a name is written `parameters.NAME`.
OWN_NAMES = (
    "id",
    "configuration",
    "repetition",
    "seed",
    "status",
    "retired",
    "attempts",
    "outcome",
    "duration_s",
)
Kind = Literal["names", "parameters", "results"]

#: Spellings from other languages.
_CONSTANTS = {"true": "True", "false": "False", "null": "None", "none": "None", "nan": "x != x for NaN"}


class Names(Protocol):
    """The names that the experiments of a series have."""

    def has_parameter(self, path: Path) -> bool:
        """Return whether any experiment has this parameter, or group of parameters."""

    def has_result(self, path: Path) -> bool:
        """Return whether any experiment has, or may have, this result, or group of results."""

    def lacks_results(self) -> bool:
        """Return whether there are no results yet that a name could be compared with."""

    def all_parameters(self) -> Iterable[Path]:
        """Return the parameters, to be listed in messages."""

    def all_results(self) -> Iterable[Path]:
        """Return the known results, to be listed in messages."""


@dataclass(frozen=True)
class KnownNames:
    """Names that are known before any experiment has run.

    Attributes
    ----------
    parameters : collection of Path
    results : collection of Path or None
        None when they are not known yet: any name that is no parameter may be a result.
    """

    parameters: Collection[Path]
    results: Collection[Path] | None = None

    def has_parameter(self, path: Path) -> bool:
        """Return whether any experiment has this parameter, or group of parameters."""
        return leads_into(path, self.parameters)

    def has_result(self, path: Path) -> bool:
        """Return whether any experiment has, or may have, this result, or group of results."""
        return self.results is None or leads_into(path, self.results)

    def lacks_results(self) -> bool:
        """Return whether there are no results yet that a name could be compared with."""
        return not self.results

    def all_parameters(self) -> Iterable[Path]:
        """Return the parameters, to be listed in messages."""
        return self.parameters

    def all_results(self) -> Iterable[Path]:
        """Return the known results, to be listed in messages."""
        return self.results or ()


def leads_into(path: Path, leaves: Iterable[Path]) -> bool:
    """Return whether `path` is one of `leaves`, or a group that contains one of them."""
    return any(leaf[: len(path)] == path for leaf in leaves)


def field_of(name: Name, names: Names, text: str) -> Field:
    """Resolve a name.

    The experiment's own fields come first, then parameters, then results; the prefixes ``parameters.`` and
    ``results.`` select one of these.

    Raises
    ------
    ExpressionError
        There is no such name; the message lists the existing ones, the nearest first.
    """
    source, rest = name.path[0], name.path[1:]
    if rest and source == "parameters":
        if names.has_parameter(rest):
            return Field("parameters", rest)
        raise _wrong(name, names, "parameters", text)
    if rest and source == "results":
        if names.lacks_results() or names.has_result(rest):
            return Field("results", rest)
        raise _wrong(name, names, "results", text)
    if not rest and source in OWN_NAMES:
        return Field("own", name.path)
    if names.has_parameter(name.path):
        return Field("parameters", name.path)
    if names.has_result(name.path):
        return Field("results", name.path)
    raise _wrong(name, names, "names", text)


def _plain(names: Names) -> Iterator[tuple[str, Path]]:
    """Yield all names with their shortest prefix, which may be empty."""
    taken: set[Path] = set()
    for source, paths in (("parameters", names.all_parameters()), ("results", names.all_results())):
        for path in paths:
            hidden = path in taken or path[0] in ("parameters", "results")
            hidden = hidden or (len(path) == 1 and path[0] in OWN_NAMES)
            yield (source if hidden or not _is_word(path[0]) else ""), path
            taken.add(path)
    for own in OWN_NAMES:
        yield "", (own,)


def _wrong(name: Name, names: Names, kind: Kind, text: str) -> ExpressionError:
    if kind == "names":
        valid = list(_plain(names))
    else:
        paths = names.all_parameters() if kind == "parameters" else names.all_results()
        valid = [(kind, path) for path in paths]
    shown = written(name.path)
    listed = list(dict.fromkeys(written((source, *path) if source else path) for source, path in valid))
    if shown in _CONSTANTS:
        return ExpressionError(f"there is nothing named {shown}; write {_CONSTANTS[shown]}", text, name.place)
    hint = suggestion(shown, listed, kind=kind)
    if kind == "names" and names.lacks_results():
        hint += f". No result is recorded yet; one is named {written(('results', *name.path))}"
    return ExpressionError(f"there is nothing named {shown}; {hint}", text, name.place)


def written(path: Path) -> str:
    """Return a name as it is written in an expression: ``optimizer.lr``, ``parameters["batch size"]``."""
    first, *rest = path if _is_word(path[0]) else ("parameters", *path)
    return first + "".join(
        f".{part}" if _is_word(part) else f"[{json.dumps(part, ensure_ascii=False)}]" for part in rest
    )


def _is_word(part: str) -> bool:
    """Return whether `part` is an identifier that Python does not normalise."""
    return part.isidentifier() and not keyword.iskeyword(part) and unicodedata.normalize("NFKC", part) == part


def leaves(nested: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the paths to all values; an empty mapping and a list are values."""
    for key, value in nested.items():
        if isinstance(value, Mapping) and value:
            yield from ((key, *rest) for rest in leaves(value))
        else:
            yield (key,)


def found_at(path: Path, nested: Mapping[str, Any] | None) -> Any:
    """Return the value at a path, or None."""
    value: Any = nested
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value
