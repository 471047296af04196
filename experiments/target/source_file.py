"""Reading a file of code: a digest that comments and docstrings do not change, and what it imports.

The digest is that of the file's tokens without comments, blank lines and docstrings, or of its bytes where it
cannot be read as Python. All versions of Python that can read a file agree on it.
"""

from __future__ import annotations

import ast
import hashlib
import io
import os
import stat
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

#: Longer files are read as bytes: data that somebody wrote as Python takes seconds per 10 MB otherwise.
_MAX_BYTES = 4 << 20
#: What a file that is not Python raises when it is read as Python; the last two are deeply nested code.
_NOT_PYTHON = (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError)
#: What is before each token, and stands for those that are layout; no other token begins so.
_BEFORE_TOKEN, _NEWLINE, _INDENT, _DEDENT = "\0", "\n", "\1", "\2"
_LAYOUT = {tokenize.NEWLINE: _NEWLINE, tokenize.INDENT: _INDENT, tokenize.DEDENT: _DEDENT}
#: From Python 3.12 on an f-string is several tokens, and from 3.14 on a t-string too; before it is one.
_STRING_BEGINS = {getattr(tokenize, name, None) for name in ("FSTRING_START", "TSTRING_START")} - {None}
_STRING_ENDS = {getattr(tokenize, name, None) for name in ("FSTRING_END", "TSTRING_END")} - {None}
_IN_NAMES = frozenset({tokenize.NAME, tokenize.NUMBER, tokenize.ERRORTOKEN})
_LEFT_OUT = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}
_HAVE_DOCSTRINGS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

_Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Import:
    """An import statement: ``import module`` when `names` is empty, else ``from ..module import names``.

    Attributes
    ----------
    module : str
        Dotted; empty in ``from . import names``.
    level : int
        How many dots are before it.
    """

    module: str
    level: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What is read of a file.

    Attributes
    ----------
    digest : str
        64 hexadecimal digits.
    imports : tuple of Import
        In the whole file, functions included; empty where it cannot be read as Python.
    """

    digest: str
    imports: tuple[Import, ...] = ()


_known: dict[str, tuple[_Stamp, SourceFile]] = {}


def read_source_file(path: str) -> SourceFile | None:
    """Return what is in a file; None when it cannot be read.

    Unless its time, size or number has changed since the last call, it is not read again.
    """
    try:
        known = _known.get(path)
        if known is not None and known[0] == _stamp(os.stat(path)):  # noqa: PTH116 - a Path costs as much again
            return known[1]
        # A pipe is not waited for.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                return None
            source = _read(file, status.st_size)
        finally:
            os.close(file)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
    _known[path] = _stamp(status), source
    return source


def parse_source(content: bytes) -> SourceFile:
    """Return what is in the content of a file."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = io.TextIOWrapper(io.BytesIO(content), encoding, newline=None).read()
        with warnings.catch_warnings():  # importing it says them
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            imports, docstrings = _inspect(tree, text.split("\n"))
            tokens = "".join(_tokens(text, docstrings))
        return SourceFile(hashlib.sha256(tokens.encode("utf-8", "surrogatepass")).hexdigest(), imports)
    except _NOT_PYTHON:
        return SourceFile(hashlib.sha256(content).hexdigest())


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(file: int, size: int) -> SourceFile:
    with os.fdopen(file, "rb", closefd=False) as opened:
        if size > _MAX_BYTES:
            return SourceFile(hashlib.file_digest(opened, "sha256").hexdigest())
        return parse_source(opened.read())


def _inspect(tree: ast.Module, lines: list[str]) -> tuple[tuple[Import, ...], frozenset[tuple[int, int]]]:
    """Return the imports, and where docstrings begin, as `tokenize` counts: lines from 1, characters from 0.

    Only statements are visited, which is a tenth of the tree.
    """
    imports: list[Import] = []
    docstrings: set[tuple[int, int]] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            imports += [Import(alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names if alias.name != "*")
            imports.append(Import(node.module or "", node.level, names or ("*",)))
        elif (
            isinstance(node, _HAVE_DOCSTRINGS)
            and node.body
            and ast.get_docstring(node, clean=False) is not None
        ):
            first = node.body[0]
            before = lines[first.lineno - 1].encode()[: first.col_offset].decode()
            docstrings.add((first.lineno, len(before)))
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, part, None)
            if isinstance(inner, list):
                waiting += inner
    return tuple(dict.fromkeys(imports)), frozenset(docstrings)


def _tokens(text: str, docstrings: frozenset[tuple[int, int]]) -> Iterator[str]:
    """Yield what separates each token from the one before, and its text.

    As versions of Python split strings with fields and names with rare letters differently, here each is one.
    """
    lines = io.StringIO(text).readlines()
    in_docstring, begins_line = False, True
    depth, string_begin = 0, (0, 0)
    before = tokenize.TokenInfo(tokenize.NEWLINE, "", (0, 0), (0, 0), "")
    for token in tokenize.generate_tokens(iter(lines).__next__):
        kind = token.type
        if kind in _LEFT_OUT:
            continue
        if in_docstring:
            in_docstring = kind != tokenize.NEWLINE and token.string != ";"
            if kind == tokenize.NEWLINE and not begins_line:
                yield _NEWLINE
        elif kind in _STRING_BEGINS:
            string_begin = string_begin if depth else token.start
            depth += 1
        elif kind in _STRING_ENDS:
            depth -= 1
            if not depth:
                begins_line = False
                yield _BEFORE_TOKEN + _between(lines, string_begin, token.end)
        elif depth:
            continue
        elif kind in _LAYOUT:
            begins_line = True
            yield _LAYOUT[kind]
        elif token.start in docstrings:
            in_docstring = True
        else:
            begins_line = False
            is_same_name = (
                before.end == token.start
                and tokenize.ERRORTOKEN in (before.type, kind)
                and _IN_NAMES.issuperset((before.type, kind))
            )
            yield token.string if is_same_name else _BEFORE_TOKEN + token.string
        before = token


def _between(lines: list[str], begin: tuple[int, int], end: tuple[int, int]) -> str:
    """Return the text between two places, the first line of which is 1."""
    (first, start), (last, stop) = begin, end
    if first == last:
        return lines[first - 1][start:stop]
    return "".join([lines[first - 1][start:], *lines[first : last - 1], lines[last - 1][:stop]])
