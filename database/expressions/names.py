"""Resolution of names and words: the value of an experiment that a name means; errors for unknown ones."""

from __future__ import annotations

import json
import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from database.expressions.errors import ExpressionError
from database.expressions.tree import Constant, Field, Path, Value
from database.models import ExperimentStatus, Outcome
from database.models.outcome import EARLIER_WORDS
from database.suggestions import suggestion

#: The fields that every experiment has, also written `experiment.NAME`; a parameter with such a name is
#: written `parameters.NAME`.
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
    "code",
)
#: Own names that are newer than some series: there a parameter or result of that name keeps the bare name.
_NEWER_NAMES = frozenset({"code", "started_at", "finished_at"})
#: Words that `code` is compared with besides digests: the code on disk, and attempts without a record of it.
CURRENT_CODE = "current"
UNKNOWN_CODE = "unknown"
_CODE_WORDS = (CURRENT_CODE, UNKNOWN_CODE)
#: The fewest digits of a set of code that an expression may name.
_MIN_DIGITS = 6
_DIGITS = re.compile(rf"[0-9a-f]{{{_MIN_DIGITS},64}}")
#: The words of own names, as users see them: claimed experiments are pending, released attempts hidden.
_WORDS = {
    "status": [status.value for status in ExperimentStatus if status is not ExperimentStatus.CLAIMED],
    "outcome": [outcome.value for outcome in Outcome if outcome is not Outcome.RELEASED],
}

#: Spellings from other languages.
_CONSTANTS = {"true": "True", "false": "False", "null": "None", "none": "None", "nan": "x != x for NaN"}


@dataclass
class KnownNames:
    """The names that the experiments of a series have, as far as they are known before any has run.

    Attributes
    ----------
    parameters : collection of Path
    results : collection of Path or None
        None when they are not known yet: any name that is no parameter may be a result.
    own : sequence of str
        The fields that every experiment has, as far as they can be named.
    """

    parameters: Collection[Path]
    results: Collection[Path] | None = None
    own: Sequence[str] = OWN_NAMES

    def has_parameter(self, path: Path) -> bool:
        """Return whether any experiment has this parameter, or group of parameters."""
        return leads_into(path, self.parameters)

    def has_result(self, path: Path) -> bool:
        """Return whether any experiment has, or may have, this result, or group of results."""
        return self.results is None or leads_into(path, self.results)

    def lacks_results(self) -> bool:
        """Return whether there are no results yet that a name could be compared with."""
        return not self.all_results()

    def all_parameters(self) -> Collection[Path]:
        """Return the parameters, to be listed in messages."""
        return self.parameters

    def all_results(self) -> Collection[Path]:
        """Return the known results, to be listed in messages."""
        return self.results or ()

    def code_digests(self, word: str) -> Collection[str]:
        """Return the names of the sets of code that a word stands for: ``current``, or the first digits."""
        return ()


def leads_into(path: Path, leaves: Iterable[Path]) -> bool:
    """Return whether `path` is one of `leaves`, or a group that contains one of them."""
    return any(leaf[: len(path)] == path for leaf in leaves)


def field_of(path: Path, place: int, names: KnownNames, text: str) -> Field:
    """Resolve the name at a place of a text.

    The experiment's own fields come first, then parameters, then results; the prefixes ``experiment.``,
    ``parameters.`` and ``results.`` select one of these. A parameter or result keeps a name that it had
    before the experiment's own field of that name came to be.

    Raises
    ------
    ExpressionError
        There is no such name; the message lists the existing ones, the nearest first.
    """
    source, rest = path[0], path[1:]
    if rest and source == "parameters":
        if names.has_parameter(rest):
            return Field("parameters", rest)
    elif rest and source == "results":
        if names.lacks_results() or names.has_result(rest):
            return Field("results", rest)
    elif not rest and source in names.own and not _is_taken(path, names):
        return Field("own", path)
    elif len(rest) == 1 and source == "experiment" and rest[0] in names.own and not _is_taken(path, names):
        return Field("own", rest)
    elif names.has_parameter(path):
        return Field("parameters", path)
    elif names.has_result(path):
        return Field("results", path)
    raise ExpressionError(f"there is nothing named {written(path)}; {_hint(path, names)}", text, place)


def _is_taken(path: Path, names: KnownNames) -> bool:
    """Return whether a series gave this name a meaning before the experiment's own field had it."""
    if len(path) == 1 and path[0] not in _NEWER_NAMES:
        return False
    return names.has_parameter(path) or (not names.lacks_results() and names.has_result(path))


def code_words(constants: Sequence[Value], names: KnownNames, text: str, place: int) -> list[Constant]:
    """Return what the field `code` equals where it is one of these: names of sets; None for unknown code.

    Raises
    ------
    ExpressionError
        It is compared with something that is no name of a set of code.
    """
    wanted: list[str | None] = []
    for constant in constants:
        word = constant.value if isinstance(constant, Constant) else None
        if isinstance(constant, Constant):
            place = constant.place
        if not isinstance(word, str) or not (word in _CODE_WORDS or _DIGITS.fullmatch(word)):
            listed = " or ".join(f'"{known}"' for known in _CODE_WORDS)
            raise ExpressionError(
                f"code is compared with {listed}, or with at least the first {_MIN_DIGITS} digits of a set "
                "of code, as `experiments show` has them",
                text,
                place,
            )
        wanted += [None] if word == UNKNOWN_CODE else names.code_digests(word)
    return [Constant(word, place) for word in dict.fromkeys(wanted)]


def word_of(constant: Constant, field: Field, text: str, *, is_recorded: bool) -> Constant:
    """Return a constant that is compared with a field; `status` and `outcome` have words of their own.

    Parameters
    ----------
    is_recorded : bool
        Written by any version of this program: its words are translated, and unknown ones never match.

    Raises
    ------
    ExpressionError
        It is a text that the field never has.
    """
    value, name = constant.value, field.path[0]
    words = _WORDS.get(name, []) if field.source == "own" else []
    if not isinstance(value, str) or not words or value in words:
        return constant
    meant = EARLIER_WORDS.get(value) if name == "outcome" else None
    if is_recorded:
        return constant if meant is None else replace(constant, value=meant.value)
    listed = suggestion(meant or value, words, kind=name)
    raise ExpressionError(f"{name} is never {value!r}; {listed}", text, constant.place)


def _plain(names: KnownNames) -> Iterator[tuple[str, Path]]:
    """Yield all names with their shortest prefix, which may be empty."""
    taken: set[Path] = set()
    for source, paths in (("parameters", names.all_parameters()), ("results", names.all_results())):
        for path in paths:
            hidden = path in taken or path[0] in ("parameters", "results")
            hidden = hidden or (len(path) == 1 and path[0] in names.own)
            yield (source if hidden or not _is_word(path[0]) else ""), path
            taken.add(path)
    for own in names.own:
        yield "", (own,)


def _hint(path: Path, names: KnownNames) -> str:
    """Return what to write in place of an unknown name."""
    shown = written(path)
    if shown in _CONSTANTS:
        return f"write {_CONSTANTS[shown]}"
    kind = path[0] if path[1:] and path[0] in ("parameters", "results") else "names"
    if kind == "names":
        valid = list(_plain(names))
    else:
        paths = names.all_parameters() if kind == "parameters" else names.all_results()
        valid = [(kind, known) for known in paths]
    full = [(source, *known) if source else known for source, known in valid]
    hint = suggestion(shown, dict.fromkeys(map(written, full)), kind=kind)
    if cut := _cut_short(path[-1], full):
        hint = f"{cut[0]!r} is written in brackets: {written(cut[1])}; {hint}"
    if kind == "names" and names.lacks_results():
        hint += f". No result is recorded yet; if it is one, write {written(('results', *path))}"
    return hint


def _cut_short(word: str, known: Iterable[Path]) -> tuple[str, Path] | None:
    """Return the key that begins with `word`, and its path: ``val/loss`` is read as a division."""
    size = len(word)
    for path in known:
        for key in path:
            if key.startswith(word) and len(key) > size and not (_is_word(key) or key[size].isalnum()):
                return key, path
    return None


def written(path: Path) -> str:
    """Return a name as it is written in an expression: ``optimizer.lr``, ``parameters["batch size"]``."""
    first, *rest = path if _is_word(path[0]) else ("parameters", *path)
    return first + written_below(rest)


def written_below(keys: Iterable[str]) -> str:
    """Return what is appended to the name of a group, to name what these keys lead to in it."""
    return "".join(f".{key}" if _is_word(key) else f"[{json.dumps(key, ensure_ascii=False)}]" for key in keys)


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
