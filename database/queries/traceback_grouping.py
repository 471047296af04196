"""Grouping of failures: the place in the user's code that raised them, and messages without numbers."""

from __future__ import annotations

import re

from database import package_folder

_FRAME = re.compile(
    r'^[\s|]*File "(?P<file>.+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$', re.MULTILINE
)
#: The line between the tracebacks of chained exceptions.
_NEXT = re.compile(
    r"^[\s|]*(?:During handling of the above exception, another exception occurred"
    r"|The above exception was the direct cause of the following exception):$",
    re.MULTILINE,
)
#: Files of installed libraries and of Python itself, and code without a file.
_FOREIGN = re.compile(r"/(?:site|dist)-packages/|/lib(?:64)?/(?:python|pypy)3[^/]*/|^<")
_ROOT = package_folder().parent
_FRAMEWORK = (f"{_ROOT}/database/", f"{_ROOT}/experiments/")
_EXAMPLES = f"{_ROOT}/experiments/library/"
#: Addresses, identifiers in hexadecimal, numbers.
_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F]+"
    r"|\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b"
    r"|(?:(?<![\w.])[-+])?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
    r"|(?<!\w)-?(?:nan|inf)\b"
)
#: Messages are compared up to this length.
PATTERN_CHARACTERS = 200


def place(traceback: str, target: str = "") -> str:
    """Return ``file:line in function`` of the deepest frame in the user's code.

    Parameters
    ----------
    traceback : str
        The last one of chained exceptions counts.
    target : str
        The target of the series; its package is the user's code wherever it is installed.

    Returns
    -------
    str
        The deepest frame of all when none is the user's; empty without a traceback.
    """
    last = _NEXT.split(traceback)[-1]
    frames = list(_FRAME.finditer(last)) or list(_FRAME.finditer(traceback))
    if not frames:
        return ""
    package = _package(target)
    own = [frame for frame in frames if _is_users(frame["file"], package)]
    frame = (own or frames)[-1]
    where = f"{frame['file']}:{frame['line']}"
    return f"{where} in {frame['function']}" if frame["function"] else where


def _package(target: str) -> str:
    """Return the part of a path that identifies the target's package; for a file, its whole path."""
    module = target.rpartition(":")[0]
    if module.endswith(".py"):
        return module
    top = module.split(".", 1)[0]
    return f"-packages/{top}/" if top else ""


def _is_users(file: str, package: str) -> bool:
    if package and package in file:
        return True
    if file.startswith(_FRAMEWORK):
        return file.startswith(_EXAMPLES)
    return _FOREIGN.search(file) is None


def pattern(message: str) -> str:
    """Return the first line of a message with ``N`` in place of each number and address."""
    line = message.lstrip().split("\n", 1)[0]
    return _NUMBER.sub("N", line[:PATTERN_CHARACTERS])
