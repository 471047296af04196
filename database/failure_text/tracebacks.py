"""Tracebacks as text: what was raised, and where in the user's code.

A dump of faulthandler is one too: its frames are in the opposite order, the deepest first.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from database import package_folder

HEADER = re.compile(r"^(?P<margin>[\s|+]*)(?:Exception Group )?Traceback \(most recent call last\):$")
FRAME = re.compile(
    r'^(?P<margin>[\s|]*)File "(?P<file>.+)", line (?P<line>\d+)(?:,? in (?P<function>.+))?$', re.MULTILINE
)
#: The first line of each thread in a dump of faulthandler.
THREAD = re.compile(r"^(?:Current thread|Thread) .*\(most recent call first\):$", re.MULTILINE)
_CURRENT_THREAD = re.compile(r"^Current thread .*\n(?P<frames>(?:  .*\n?)*)", re.MULTILINE)
#: The line between the tracebacks of chained exceptions.
LINK = re.compile(
    r"^[\s|]*(?:(?P<handling>During handling of the above exception, another exception occurred)"
    r"|The above exception was the direct cause of the following exception):$"
)
_LINKS = re.compile(LINK.pattern.replace("?P<handling>", "?:"), re.MULTILINE)
#: The line before each member of an exception group, and after the last one.
_MEMBER = re.compile(r"^\s*\+[-+]+(?: (?:\d+|\.\.\.) -+)?$")
#: What Python writes in place of a group's members beyond the 15th.
_MORE_MEMBERS = re.compile(r"and (\d+) more exceptions?")
_MARGIN = re.compile(r"^\s*[|+] ?")
#: Files of installed libraries and of Python itself, and code without a file.
_FOREIGN = re.compile(r"/(?:site|dist)-packages/|/lib(?:64)?/(?:python|pypy)3[^/]*/|^<")
_ROOT = package_folder().parent
_FRAMEWORK = (f"{_ROOT}/database/", f"{_ROOT}/experiments/")
_EXAMPLES = f"{_ROOT}/experiments/library/"


@dataclass(frozen=True)
class Raised:
    """One of the exceptions in a traceback.

    Attributes
    ----------
    text : str
        The first line of what was raised: ``json.decoder.JSONDecodeError: Expecting value``.
    place : str
        ``file:line in function`` of the last frame in the user's code; empty without one.
    relation : str
        To the one that the traceback is of: ``caused by``, ``while handling`` or, of a member of a group,
        ``with``.
    count : int
        How many it stands for: Python leaves out members of a large group.
    """

    text: str
    place: str
    relation: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.relation} {self.text}" + (f", at {self.place}" if self.place else "")


def place(traceback: str, target: str = "") -> str:
    """Return ``file:line in function`` of the deepest frame in the user's code.

    Parameters
    ----------
    traceback : str
        The last one of chained exceptions counts; of a dump, the thread that was running.
    target : str
        The target of the series; its package is the user's code wherever it is installed.

    Returns
    -------
    str
        The deepest frame of all when none is the user's; empty without a traceback.
    """
    if THREAD.search(traceback):
        frames = _frames_of_dump(traceback)
    else:
        last = _LINKS.split(traceback)[-1]
        frames = _frames_of_block(last) or list(FRAME.finditer(last)) or list(FRAME.finditer(traceback))
    return _deepest(_users(frames, target) or frames)


def others(traceback: str, target: str = "") -> list[Raised]:
    """Return the exceptions that the last one of a traceback was raised from, and the members of a group.

    Parameters
    ----------
    traceback, target
        As for `place`.
    """
    found: list[Raised] = []
    frames: list[re.Match[str]] = []
    # An exception that was never raised has no heading: it comes first, or after a link.
    is_next, in_group, own = True, False, 0
    for line in traceback.splitlines():
        if line and not line[0].isspace():
            in_group = False
        if header := HEADER.match(line):
            starts_group = "Group" in line and not in_group
            in_group = in_group or bool(header["margin"])
            if starts_group or not in_group:
                own = len(found)
            is_next, frames = True, []
        elif in_group and _MEMBER.match(line):
            is_next, frames = True, []
        elif link := LINK.match(line):
            last = -1 if in_group else own
            if found:
                relation = "while handling" if link["handling"] else "caused by"
                found[last] = replace(found[last], relation=relation)
                is_next, frames = True, []
                if not in_group:
                    own = len(found)
        elif is_next:
            bare = _MARGIN.sub("", line) if in_group else line
            if frame := FRAME.match(line):
                frames.append(frame)
            elif bare and not bare[0].isspace():
                relation = "with" if in_group and len(found) > own else ""
                more = _MORE_MEMBERS.fullmatch(bare) if in_group else None
                count = int(more[1]) if more else 1
                found.append(Raised(bare, _deepest(_users(frames, target)), relation, count))
                is_next = False
    return [raised for raised in found if raised.relation]


def _frames_of_block(section: str) -> list[re.Match[str]]:
    """Return the frames of the first traceback in a text: a message may contain others."""
    lines = section.splitlines()
    begin = next((number for number, line in enumerate(lines) if HEADER.match(line)), None)
    if begin is None:
        return []
    block = itertools.takewhile(lambda line: line[:1].isspace(), lines[begin + 1 :])
    return [frame for frame in map(FRAME.match, block) if frame]


def _frames_of_dump(dump: str) -> list[re.Match[str]]:
    current = _CURRENT_THREAD.search(dump)
    return list(FRAME.finditer(current["frames"] if current else dump))[::-1]


def _users(frames: Sequence[re.Match[str]], target: str) -> list[re.Match[str]]:
    """Return the frames in the user's code."""
    package = _package(target)
    return [frame for frame in frames if _is_users(frame["file"], package)]


def _deepest(frames: Sequence[re.Match[str]]) -> str:
    if not frames:
        return ""
    frame = frames[-1]
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
