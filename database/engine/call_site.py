"""The place in the user's code that called this package, for messages about sessions."""

from __future__ import annotations

import os
import sys
from types import FrameType

from database import package_folder

_OWN = f"{package_folder()}{os.sep}"
#: Packages whose frames may lie between the user's code and this package.
_SKIPPED = frozenset({"sqlalchemy", "contextlib", "logging", "warnings", "flask", "werkzeug"})


def caller_location() -> str:
    """Return ``file:line`` of the nearest caller outside this package, SQLAlchemy, contextlib and Flask."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_OWN):
            package = frame.f_globals.get("__name__", "").partition(".")[0]
            if package not in _SKIPPED:
                return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return "an unknown place"
