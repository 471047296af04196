"""The exact storage of results and parameters in JSON columns, the same on both databases.

JSON cannot represent NaN and the infinities, and both databases lose or refuse them: they are
stored as ``{"$float": "nan"}``. A user's key that begins with ``$`` gets a second one, so that
no user's value can be mistaken for these. A value that cannot be stored exactly is refused with an
`InvalidValueError` that names the place and the type; nothing is dropped or rounded silently.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from enum import Enum
from itertools import accumulate
from typing import Any

from database.errors import InvalidValueError
from database.models.foreign_values import ADVICE, library_class, plain_equivalent, type_name

#: Decimal digits an integer may have; what Python itself reads back.
MAX_INTEGER_DIGITS = 4300
_TOO_LARGE = 10**MAX_INTEGER_DIGITS
#: How deep lists and mappings may nest.
MAX_DEPTH = 64
#: Size of one experiment's results, encoded.
MAX_ENCODED_BYTES = 16 * 1024 * 1024
_LIMIT = f"the limit of {MAX_ENCODED_BYTES // 2**20} MiB; write large data to a file in run.directory"
#: A longer key is truncated in messages.
_SHOWN_CHARACTERS = 60

#: Made here, because an experiment may replace `json.dumps` and leave it so.
_to_json = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def to_plain(value: Any, name: str = "value") -> Any:
    """Return `value` in the types JSON has, or raise an error that explains why this is impossible.

    Parameters
    ----------
    value : object
        None, bool, int, float, str, numpy's scalars, dates (as ISO 8601), paths (as text), members of an Enum
        (as their value), and lists, tuples, mappings, arrays, Series and indexes of these. Keys are text;
        integers become it. A masked value is NaN; pandas' NA and NaT are None.
    name : str
        The name of the value in errors, such as ``result``.

    Raises
    ------
    InvalidValueError
        The message names the place, such as ``result['model']``, and the type found there.
    """
    return _to_plain(value, name, 0)


def storable(value: Mapping[Any, Any], name: str = "value") -> tuple[dict[str, Any], list[str]]:
    """Return what of a mapping can be stored, in the types JSON has, and why the rest cannot.

    Mappings in it lose their invalid keys only; a list with an invalid item is invalid as a whole.

    Returns
    -------
    plain : dict
        As `to_plain` returns it.
    problems : list of str
        One for each invalid key, with its place and type.
    """
    problems: list[str] = []
    return _storable(value, name, 0, problems), problems


def _storable(value: Mapping[Any, Any], path: str, depth: int, problems: list[str]) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    try:
        for key, item in value.items():
            try:
                found.setdefault(_key_text(key, path), []).append(item)
            except InvalidValueError as error:
                problems.append(str(error))
    except BaseException as error:  # noqa: BLE001 - reading a user's mapping may raise anything
        problems.append(unreadable(path, error))
    plain = {}
    for text, items in found.items():
        place = f"{path}[{text!r}]"
        if len(items) > 1:
            problems.append(_same_text(path, text))
            continue
        try:
            if issubclass(type(items[0]), Mapping) and depth < MAX_DEPTH:
                known = len(problems)
                part = _storable(items[0], place, depth + 1, problems)
                if part or len(problems) == known:  # not empty because all of it is invalid
                    plain[_escaped(text)] = part
            else:
                plain[_escaped(text)] = _to_plain(items[0], place, depth + 1)
        except InvalidValueError as error:
            problems.append(str(error))
        except BaseException as error:  # noqa: BLE001 - see above
            problems.append(unreadable(place, error))
    return plain


def unreadable(path: str, error: BaseException) -> str:
    """Return the message that reading a value of the user's raised an error."""
    try:
        return f"{path} could not be read ({type(error).__qualname__}: {error})"
    except Exception:  # noqa: BLE001 - a user's __str__ may raise anything
        return f"{path} could not be read ({type(error).__qualname__})"


def _same_text(path: str, text: str) -> str:
    return f"{path} has several keys that are {text!r} as text"


def _to_plain(value: Any, path: str, depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": str(value)}
    if kind is int:
        if not -_TOO_LARGE < value < _TOO_LARGE:
            raise InvalidValueError(f"{path} is an integer of more than {MAX_INTEGER_DIGITS} digits")
        return value
    if kind is str:
        return _checked_text(value, path)
    if depth >= MAX_DEPTH:
        raise InvalidValueError(f"{path} nests deeper than {MAX_DEPTH} levels (or contains itself)")
    if kind is list or kind is tuple:
        return [_to_plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    if kind is dict or issubclass(kind, Mapping):
        plain = {}
        for key, item in value.items():
            text = _key_text(key, path)
            name = _escaped(text)
            if name in plain:
                raise InvalidValueError(_same_text(path, text))
            plain[name] = _to_plain(item, f"{path}[{text!r}]", depth + 1)
        return plain
    return _to_plain(plain_equivalent(value, path), path, depth + 1)


def _key_text(key: Any, path: str) -> str:
    if type(key) is str and key.isascii() and "\0" not in key:
        return key
    plain = key
    if issubclass(type(key), (Enum, str, int, library_class("numpy", "integer"))):
        plain = _to_plain(key, f"a key of {path}", 0)
    if type(plain) not in {str, int}:
        raise InvalidValueError(
            f"{path} has the key {_shown(key)} of type {type_name(key)}; keys must be text or integers"
        )
    return str(plain)


def _escaped(key: str) -> str:
    return f"${key}" if key.startswith("$") else key


def _shown(key: object) -> str:
    try:
        return repr(key)[:_SHOWN_CHARACTERS]
    except Exception:  # noqa: BLE001 - a user's __repr__ may raise anything
        return "?"


def is_number(plain: Any) -> bool:
    """Return whether what `to_plain` returned is a number, NaN and the infinities included, or a boolean."""
    return isinstance(plain, int | float) or (isinstance(plain, dict) and "$float" in plain)


def joined(problems: Sequence[str], characters: int) -> str:
    """Return problems as one message of at most so many characters, what they have in common at its end."""
    advice = ADVICE if any(problem.endswith(ADVICE) for problem in problems) else ""
    parts = [problem.removesuffix(ADVICE) for problem in problems]
    room = characters - len(advice) - len(f"; and {len(parts)} more")
    fitting = sum(end <= room for end in accumulate(len(part) + 2 for part in parts)) or 1
    rest = f"; and {len(parts) - fitting} more" if fitting < len(parts) else ""
    return f"{'; '.join(parts[:fitting])[:room]}{rest}{advice}"


def _checked_text(text: str, path: str) -> str:
    if text.isascii():
        if "\0" in text:
            raise InvalidValueError(f"{path} contains a NUL character, which databases cannot store")
        return text
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidValueError(f"{path} contains a NUL or a lone surrogate, which databases cannot store")
    return text


def from_plain(value: Any) -> Any:
    """Undo `to_plain`; tuples become lists."""
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and "$float" in value:
            return _FLOATS[value["$float"]]
        return {
            (key[1:] if key.startswith("$") else key): (
                from_plain(item) if isinstance(item, dict | list) else item
            )
            for key, item in value.items()
        }
    return value


def encode(value: Any, name: str = "value") -> str:
    """Return the JSON text of `value`, as the JSON columns hold it.

    Raises
    ------
    InvalidValueError
        Also when the text is longer than `MAX_ENCODED_BYTES`.
    """
    text = _dumped(to_plain(value, name))
    if len(text) > MAX_ENCODED_BYTES:
        raise InvalidValueError(f"{name} takes {_megabytes(len(text))} encoded, more than {_LIMIT}")
    return text


def encode_fitting(plain: Mapping[str, Any], name: str) -> tuple[str, list[str]]:
    """Return the JSON text of what `storable` returned, and a message for each value that made it too long.

    The largest values are left out, as few as possible.
    """
    text = _dumped(plain)
    if len(text) <= MAX_ENCODED_BYTES:
        return text, []
    problems = []
    sizes = {key: len(_dumped({key: value})) for key, value in plain.items()}
    for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if sum(sizes.values()) <= MAX_ENCODED_BYTES:
            break
        size = _megabytes(sizes.pop(key))
        problems.append(
            f"{name}[{key.removeprefix('$')!r}] takes {size} encoded, and all of it more than {_LIMIT}"
        )
    return _dumped({key: plain[key] for key in plain if key in sizes}), problems


def _dumped(plain: Any) -> str:
    return _to_json(plain)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def decode(text: str) -> Any:
    """Return the value that `encode` was given."""
    plain = json.loads(text)
    # Hardly any text has a key with this sign; the others are as they are.
    return from_plain(plain) if "$" in text or r"\u0024" in text else plain


def storable_text(text: str) -> str:
    """Return `text` with what databases cannot store (NUL, lone surrogates) replaced by U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
