"""Records as JSON, for `--json` and exports."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from database.models.exact_json import to_plain


def json_ready(value: Any) -> Any:
    """Return `value` in the types JSON has.

    Records become mappings with their fields as keys, times ISO 8601 texts in UTC, paths texts.
    NaN and the infinities, which JSON does not have, become ``{"$float": "nan"}``, as in the
    database (see `database.models.exact_json`).
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_ready(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    if isinstance(value, Mapping):
        return {_escaped(name): json_ready(item) for name, item in value.items()}
    return to_plain(value)


def _escaped(name: str) -> str:
    """Keep a user's key that begins with ``$`` apart from ours, as `to_plain` does."""
    return f"${name}" if name.startswith("$") else name
