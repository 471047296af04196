"""Conversion of plain data to a `SeriesFile`, with messages in terms of the file format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from database.models.outcome import EARLIER_WORDS
from database.suggestions import suggestion
from experiments.series_file.axes import PARAMETER_SECTIONS
from experiments.series_file.cross_checks import check
from experiments.series_file.models import SeriesFile
from experiments.series_file.reading.document import Document
from experiments.series_file.reading.errors import MAX_PROBLEMS, KeyPath, PathMessage, Problem

_EXPECTED = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "tuple_type": "must be a list",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}
_MISSING: dict[KeyPath, str] = {
    ("name",): "is missing; give the series a name",
    ("run",): "is missing; write run: path/file.py:function",
    ("run", "function"): "is missing; write module:function or path/file.py:function",
    ("execute", "stop_after", "failed"): "is missing; write a count such as 10 or a share such as 20%",
}
#: What sections are called elsewhere, and the section that is meant.
_OTHER_WORDS = {
    **dict.fromkeys(("seeds", "repetitions", "replicates", "runs"), "repeat"),
    **dict.fromkeys(("parameters", "params", "sweep", "matrix"), "grid"),
    **dict.fromkeys(("function", "target", "script", "command"), "run"),
    **dict.fromkeys(("workers", "timeout", "isolation", "threads"), "execute"),
}
#: An example for each section, shown for a value that is no mapping.
_SECTION_EXAMPLES: dict[KeyPath, str] = {
    ("run",): "run: {function: train.py:main}",
    ("repeat",): "repeat: {seeds: 5}",
    ("execute", "retries"): "retries: {crashed: 2}",
    ("execute", "recycle"): "recycle: {experiments: 1000}",
    ("execute", "stop_after"): "stop_after: {failed: 20%}",
    ("execute", "notify"): "notify: {bell: true}",
}


def validate(document: Document) -> tuple[SeriesFile | None, list[Problem]]:
    """Return the file and all problems; the file is usable only without problems."""
    file: SeriesFile | None = None
    problems = list(document.problems)
    # One problem per path: further ones follow from the first.
    try:
        file = SeriesFile.model_validate(document.data)
    except ValidationError as error:
        problems += _new(document, problems, _translated(error))
    problems += _new(document, problems, _foreign_words(document))
    return file, problems + _new(document, problems, check(document.data))


def _foreign_words(document: Document) -> Iterator[PathMessage]:
    for path, message in document.foreign_words.items():
        if path[:1] and path[0] in PARAMETER_SECTIONS:
            yield path, message


def _new(document: Document, problems: list[Problem], messages: Iterable[PathMessage]) -> list[Problem]:
    reported = {problem.path for problem in problems}
    new: dict[KeyPath, str] = {}
    for path, message in messages:
        if path not in reported:
            new.setdefault(path, message)
        if len(new) == MAX_PROBLEMS:
            break
    return [document.problem(path, message) for path, message in new.items()]


def _translated(error: ValidationError) -> Iterator[PathMessage]:
    for details in error.errors(include_url=False):
        path = tuple(part for part in details["loc"] if part != "[key]")
        yield path, _message(details["type"], path, details["input"], details.get("ctx") or {})


def _message(kind: str, path: KeyPath, value: Any, context: dict[str, Any]) -> str:
    if kind == "extra_forbidden":
        if path[:-1] == ("execute", "retries") and path[-1] in EARLIER_WORDS:
            return f"is a status, not an outcome; write {EARLIER_WORDS[path[-1]]}: the function raised"
        written = str(path[-1])
        meant = _OTHER_WORDS.get(written.casefold(), written) if len(path) == 1 else written
        return f"is not a key here; {suggestion(meant, _keys_at(path))}"
    if kind == "missing":
        return _MISSING.get(path, "is missing")
    if kind in _EXPECTED:
        example = f", as in {_SECTION_EXAMPLES[path]}" if path in _SECTION_EXAMPLES else ""
        return f"{_EXPECTED[kind].format(**context)}{example}, not {_described(value)}"
    if kind in {"too_short", "string_too_short"}:
        return "must not be empty"
    return str(context.get("error", f"is not valid ({kind})"))


def _keys_at(path: KeyPath) -> list[str]:
    """Return the keys of the section that the last part of `path` lies in."""
    section: type[BaseModel] = SeriesFile
    for part in path[:-1]:
        field = section.model_fields.get(str(part))  # none for a user's name, or an index of a list
        if field is not None:
            section = _section_in(field.annotation) or section
    return list(section.model_fields)


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section in a type such as ``X | None`` or ``dict[str, X]``; None when there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_section_in, get_args(annotation))), None)


def _described(value: Any) -> str:
    """Return a value as messages show it."""
    if value is None:
        return "empty (null)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    return f"the number {value}"
