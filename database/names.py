"""Names of series and graphs: safe as names of folders and files everywhere."""

from __future__ import annotations

import re

PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"

_SAFE = re.compile(PATTERN + r"\Z")
#: Windows opens a device for these, whatever follows the first dot.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{kind}{number}" for kind in ("com", "lpt") for number in range(1, 10))}
)
#: The database, its backups and its auxiliary files lie beside the folders of the series.
_DATABASE_FILE = re.compile(r".*\.(?:(?:db|sqlite3?)(?:-wal|-shm|-journal)?|journal)\Z", re.IGNORECASE)


def series_name(value: object) -> object:
    """Return `value` when it is a safe name and cannot be that of a database file.

    Raises
    ------
    ValueError
        The name is not allowed; the message contains the rule.
    """
    if isinstance(safe_name(value), str) and _DATABASE_FILE.match(str(value)):
        raise ValueError(
            f"{value!r} ends as a database file does, and a series' folder lies beside the database; "
            "choose another name"
        )
    return value


def safe_name(value: object) -> object:
    """Return `value` when it is a safe name, or no text at all, which the check of types refuses.

    Raises
    ------
    ValueError
        The name is not allowed; the message contains the rule.
    """
    if not isinstance(value, str):
        return value
    if not _SAFE.match(value):
        raise ValueError(
            "must begin with a letter or digit and consist of at most 128 of A-Z a-z 0-9 . _ -, "
            f"because it names folders and files; it is {value[:140]!r}"
        )
    if value.split(".")[0].lower() in _DEVICES:
        raise ValueError(f"{value!r} is the name of a device on Windows; choose another one")
    return value
