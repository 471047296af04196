"""Every snippet of the pages about sessions is executed, on both databases, and prints what the page says."""

from __future__ import annotations

import ast
import functools
import inspect
import operator
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from database import session as session_package
from database.engine import configure, get_engine
from database.session import Service
from tests.warm_python import WarmPython

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("sessions.md", "sessions-reference.md", "sessions-sqlalchemy.md")
TEXT = "".join((DOCS / name).read_text(encoding="utf-8") for name in PAGES)
#: Calls of the table for who comes from other code that are SQLAlchemy's own.
OTHERS = {"session": Session, "thread_session()": Session, "self": Service}
_BLOCK = re.compile(
    r"(?:<!-- (?P<marker>sqlite only|pytest) -->\n)?"
    r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<output>.*?)```\n)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Snippet:
    """A script of a page, and what it prints."""

    title: str
    code: str
    output: str
    #: ``sqlite only``, ``pytest`` for a file of tests, or empty.
    marker: str


def snippets() -> list[Snippet]:
    """Return the scripts of the pages, each with the number of its place as its title."""
    found = enumerate(_BLOCK.finditer(TEXT), start=1)
    return [
        Snippet(f"{number}", one["code"], one["output"] or "", one["marker"] or "") for number, one in found
    ]


def test_all_snippets_are_found() -> None:
    """No fenced script escapes the tests, and each says what it prints."""
    found = snippets()
    assert len(found) == TEXT.count("```python") >= 12
    assert all(snippet.output for snippet in found)


def calls_of_the_table() -> Iterator[ast.Call]:
    """Yield the calls on the right side of the table for who comes from other code."""
    rows = TEXT.split("## Coming from other code")[1].split("\n## ")[0].splitlines()
    for cell in (row.split(" | ")[1] for row in rows if row.startswith(("| `", "| a "))):
        for code in re.findall(r"`([^`]+\([^`]+)`", cell):
            statement = f"{code} ..." if code.endswith(":") else code.removeprefix("@")
            yield from (node for node in ast.walk(ast.parse(statement)) if isinstance(node, ast.Call))


def test_calls_of_the_table_are_right() -> None:
    """Each call that the table advises is one of a function that takes these arguments."""
    known = {name: getattr(session_package, name) for name in session_package.__all__}
    known |= {"configure": configure, "get_engine": get_engine}
    checked = set()
    for call in calls_of_the_table():
        called = ast.unparse(call.func)
        owner, _, method = called.rpartition(".")
        if called in {"select", "select(Model).where", "text"}:
            continue
        if owner in OTHERS:
            function = functools.partial(getattr(OTHERS[owner], method), None)
        else:
            function = operator.attrgetter(method)(known[owner]) if owner else known[called]
        inspect.signature(function).bind(*call.args, **{str(each.arg): each.value for each in call.keywords})
        checked.add(called)
    assert checked >= {"scoped_session", "run_in_transaction", "retrying_transaction", "self.service"}
    assert checked >= {"snapshot", "configure", "thread_session.remove", "session.scalars", "commit_part"}


def marked(*markers: str) -> pytest.MarkDecorator:
    """Run a test with each of the snippets that have one of these markers."""
    chosen = [snippet for snippet in snippets() if snippet.marker in markers]
    return pytest.mark.parametrize("snippet", chosen, ids=lambda snippet: snippet.title)


@pytest.fixture(scope="module")
def python() -> Iterator[WarmPython]:
    """Yield an interpreter that has imported what snippets begin with."""
    python = WarmPython("database.session", "database.session.thread_sessions", "database.testing")
    yield python
    python.close()


@marked("", "sqlite only")
def test_snippet(python: WarmPython, sqlite_url: str, tmp_path: Path, snippet: Snippet) -> None:
    """A snippet prints on SQLite what the page says, without a warning."""
    assert run(python, snippet, sqlite_url, tmp_path) == snippet.output


@marked("")
def test_snippet_on_postgresql(
    python: WarmPython, postgres_url: str, tmp_path: Path, snippet: Snippet
) -> None:
    """A snippet prints on PostgreSQL what the page says, without a warning."""
    assert run(python, snippet, postgres_url, tmp_path) == snippet.output


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("print('before'); raise ValueError('why')", (1, "before", "ValueError: why")),
        ("import warnings; warnings.warn('careful')", (0, "", "script.py:1: UserWarning: careful")),
        ("import atexit; atexit.register(print, 'at the end')", (0, "at the end", "")),
    ],
)
def test_what_a_snippet_does_is_seen(
    python: WarmPython, tmp_path: Path, code: str, expected: tuple[int, str, str]
) -> None:
    """An error, a warning, and what is printed at the very end reach the tests above."""
    (tmp_path / "script.py").write_text(code)
    found = python.run(tmp_path / "script.py", os.environ)
    returncode, out, err = expected
    assert (found.returncode, found.stdout.strip()) == (returncode, out)
    assert err in found.stderr
    assert bool(err) == bool(found.stderr)


@marked("pytest")
def test_snippet_of_tests(postgres_server: str, tmp_path: Path, snippet: Snippet) -> None:
    """A file of tests passes in a folder whose conftest has the one line of the page."""
    line = 'pytest_plugins = ["database.testing"]'
    assert f"`{line}`" in TEXT
    (tmp_path / "conftest.py").write_text(f"{line}\n", encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    (tmp_path / "test_script.py").write_text(snippet.code, encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "EXPERIMENTS_TEST_POSTGRES_URL": postgres_server},
    )
    assert found.returncode == 0, found.stdout
    assert found.stdout.splitlines()[-1].partition(" in ")[0] == snippet.output.strip()


def run(python: WarmPython, snippet: Snippet, url: str, folder: Path) -> str:
    script = folder / "script.py"
    script.write_text(snippet.code, encoding="utf-8")
    environment = {**os.environ, "EXPERIMENTS_DATABASE_URL": url}
    if "multiprocessing" in snippet.code:  # its children must find the script as their main module
        command = [sys.executable, script.name]
        found = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=folder, env=environment
        )
    else:
        found = python.run(script, environment)
    assert (found.returncode, found.stderr) == (0, "")  # warnings would be on stderr
    return found.stdout.replace(f"{folder}/", "")
