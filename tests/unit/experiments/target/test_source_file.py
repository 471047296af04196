"""Reading a file of code: what changes its digest, and which imports are found."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from experiments.target.source_file import Import, parse_source, read_source_file

CODE = '''
def main(a):
    """Return twice a."""
    if a:
        return a * 2  # a comment

    return f"{a!r:>{10}} {'#'}" "x"
'''


def digest(text: str) -> str:
    return parse_source(text.encode()).digest


@pytest.mark.parametrize(
    "same",
    [
        CODE.replace("  # a comment", ""),
        CODE.replace("Return twice a.", "Return it\n\n    twice."),
        CODE.replace('    """Return twice a."""\n', ""),
        '# coding: utf-8\n"""A module."""\n' + CODE,
        CODE.replace("    ", "  "),
        CODE.replace("\n\n", "\n\n\n    # more\n"),
        CODE.replace("a * 2", "a*2"),
        CODE.replace("\n", "\r\n"),
        CODE.rstrip(),
        "\ufeff" + CODE,
    ],
)
def test_what_is_no_change(same: str) -> None:
    """Comments, docstrings, blank lines, white space between tokens and the form of lines change nothing."""
    assert digest(same) == digest(CODE)


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("a * 2", "a * 3"),
        CODE.replace("'#'", "'# '"),
        CODE.replace("10", "11"),
        CODE.replace('"x"', '"y"'),
        CODE.replace("\n\n    return", "\n\n        return"),
        CODE.replace("a * 2", "a; 2"),
        CODE.replace("a * 2", '"""a"""'),
        CODE + "x = 1\n",
    ],
)
def test_what_is_a_change(other: str) -> None:
    """Every other token counts, and how far a line is indented; texts that are no docstrings too."""
    assert digest(other) != digest(CODE)


def test_a_docstring_on_the_line_of_its_function() -> None:
    """What follows it stays apart from the function."""
    assert digest('def f(): "text"\nx = 1\n') == digest('def f(): "other"\nx = 1\n')
    assert digest('def f(): "text"\nx = 1\n') != digest("def f(): x = 1\n")
    assert digest('def é(): "text"; return 1\n') == digest("def é(): return 1\n")


def test_versions_of_python_agree() -> None:
    """The digest is that of one text, whichever version splits strings and names in its way."""
    text = "a·x = f'{y:{z}} {{ \"#\" }}' '' # gone\nclass A:\n    'gone'\n    b = 1\n"
    tokens = "\0a·x\0=\0f'{y:{z}} {{ \"#\" }}'\0''\n\0class\0A\0:\n\1\0b\0=\0001\n\2"
    assert digest(text) == hashlib.sha256(tokens.encode()).hexdigest()


def test_what_cannot_be_read_as_python() -> None:
    """The bytes count, and there are no imports: errors, other encodings, data in the place of code."""
    for content in (b"def (:\n", b"\xff\xfe", b"x = 1\0", b"# coding: no-such\n", b"(" * 100_000):
        assert parse_source(content).digest == hashlib.sha256(content).hexdigest()
        assert parse_source(content).imports == ()
    latin = "# coding: latin-1\nx = 'é'\n"
    assert parse_source(latin.encode("latin-1")).digest == digest(latin.replace("latin-1", "utf-8"))


def test_imports_in_the_whole_file() -> None:
    """Those inside functions, branches and handlers are found."""
    text = """
import a.b, c as d
def f():
    from .e import g, h
    async def k():
        with x:
            from .. import *
try:
    import m
except ImportError:
    import n
else:
    match y:
        case 1:
            import o
lambda: __import__("p")
"""
    assert set(parse_source(text.encode()).imports) == {
        *(Import("a.b"), Import("c"), Import("e", 1, ("g", "h")), Import("", 2, ("*",))),
        *(Import("m"), Import("n"), Import("o")),
    }


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Its time, size or number tells; what is no file or cannot be read is nothing."""
    path = tmp_path / "é.py"
    path.write_text("x = 1\n")
    first = read_source_file(str(path))
    assert first is read_source_file(str(path))
    path.write_text("x = 22\n")
    second = read_source_file(str(path))
    assert second is not None
    assert second.digest == digest("x = 22\n")
    (tmp_path / "other").write_text("x = 33\n")
    status = path.stat()
    os.utime(tmp_path / "other", ns=(status.st_atime_ns, status.st_mtime_ns))
    (tmp_path / "other").rename(path)
    third = read_source_file(str(path))
    assert third is not None
    assert third.digest == digest("x = 33\n")
    path.unlink()
    os.mkfifo(path)
    assert [read_source_file(str(one)) for one in (path, tmp_path, tmp_path / "no", "a\0b")] == [None] * 4
