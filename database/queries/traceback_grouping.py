"""What tells failures apart: where in the user's code they were raised, and messages without numbers."""

from __future__ import annotations

import re

from database import package_folder

_FRAME = re.compile(
    r'^[\s|]*File "(?P<file>.+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$', re.MULTILINE
)
#: What Python writes between the traceback of an exception and that of the one it led to.
_NEXT = re.compile(
    r"^[\s|]*(?:During handling of the above exception, another exception occurred"
    r"|The above exception was the direct cause of the following exception):$",
    re.MULTILINE,
)
#: Installed libraries, Python's own, and code that is in no file.
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
#: No more of a message than this tells it from others.
PATTERN_CHARACTERS = 200


def place(traceback: str, target: str = "") -> str:
    """Return ``file:line in function`` of the deepest frame in the user's code.

    Parameters
    ----------
    traceback : str
        Of chained exceptions, the last one counts.
    target : str
        The series'; its package is the user's code wherever it is installed.

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
    found = (own or frames)[-1]
    where = f"{found['file']}:{found['line']}"
    return f"{where} in {found['function']}" if found["function"] else where


def _package(target: str) -> str:
    """Return the part of a path that the target's package has; of a file, its whole path."""
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
