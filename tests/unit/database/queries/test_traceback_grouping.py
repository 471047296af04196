"""Where a failure was raised, and what its message has in common with others."""

from __future__ import annotations

from pathlib import Path

import pytest

from database.queries import traceback_grouping
from database.queries.traceback_grouping import pattern, place

ROOT = Path(traceback_grouping.__file__).parents[2]


def traceback(*frames: str, error: str = "ValueError: no") -> str:
    lines = [f'  File "{file}", line 3, in f\n    g()\n' for file in frames]
    return f"Traceback (most recent call last):\n{''.join(lines)}{error}\n"


USERS = "/home/ada/my project/é.py"


@pytest.mark.parametrize(
    "library",
    [
        "/home/ada/.venv/lib/python3.12/site-packages/numpy/linalg/_linalg.py",
        "/usr/lib/python3/dist-packages/yaml/scanner.py",
        "/opt/conda/lib/python3.11/json/decoder.py",
        "<frozen importlib._bootstrap>",
        "<string>",
        f"{ROOT}/experiments/attempt/context.py",
        f"{ROOT}/database/values.py",
    ],
)
def test_libraries_are_not_the_users(library: str) -> None:
    """A place is the user's, however deep in a library the error was raised."""
    assert place(traceback("/home/ada/main.py", USERS, library, library)) == f"{USERS}:3 in f"


def test_nothing_of_the_users() -> None:
    """Without a frame of the user's the deepest counts; without a traceback there is no place."""
    assert (
        place(traceback("<string>", "/usr/lib/python3.11/json/x.py"))
        == "/usr/lib/python3.11/json/x.py:3 in f"
    )
    assert place("") == ""
    assert place("WorkerDied: killed") == ""


def test_the_target_is_the_users() -> None:
    """A target that is installed, or that ships with the project, is where its errors are raised."""
    installed = "/v/lib/python3.11/site-packages/mymodels/train.py"
    text = traceback(installed, "/v/lib/python3.11/site-packages/torch/x.py")
    assert place(text, "mymodels.train:main") == f"{installed}:3 in f"
    assert place(text, "other:main").startswith("/v/lib/python3.11/site-packages/torch/")
    ours = f"{ROOT}/experiments/library/digits.py"
    assert place(traceback(ours, "<string>"), "experiments.library.digits:train") == f"{ours}:3 in f"
    script = "/v/lib/python3.11/site-packages/tool.py"
    assert place(traceback(script, "<string>"), f"{script}:main") == f"{script}:3 in f"


def test_chained_exceptions() -> None:
    """Of chained exceptions the last one counts, as Python itself shows it last."""
    for link in (
        "The above exception was the direct cause of the following exception:",
        "During handling of the above exception, another exception occurred:",
    ):
        text = f"{traceback('/a.py', '/b.py')}\n{link}\n\n{traceback('/c.py')}"
        assert place(text) == "/c.py:3 in f"


def test_exception_groups() -> None:
    """The indented frames of a group are frames."""
    frame = '  |   File "/a.py", line 5, in f\n  |     g()\n'
    text = f"  + Exception Group Traceback\n{frame}  | ExceptionGroup: x\n"
    assert place(text) == "/a.py:5 in f"


def test_syntax_errors() -> None:
    """A frame without a function is a place too."""
    assert place('  File "/a.py", line 7\n    x x\nSyntaxError: invalid syntax\n') == "/a.py:7"


@pytest.mark.parametrize(
    "messages",
    [
        ("could not read 0x7f3a at 12", "could not read 0xFFEE00 at 7"),
        ("loss is nan at step 3", "loss is inf at step 44", "loss is 1.5e+10 at step 1"),
        ("x=-3", "x=4"),
        ("run 123e4567-e89b-12d3-a456-426614174000", "run ffffffff-e89b-12d3-a456-426614174000"),
        ("line one\nother details", "line one\nmore of them"),
        ("layer12 of 3,5", "layer7 of 1,44"),
    ],
)
def test_numbers_do_not_tell_messages_apart(messages: tuple[str, ...]) -> None:
    """Messages that differ in numbers, addresses, or after their first line, are alike."""
    assert len({pattern(message) for message in messages}) == 1


@pytest.mark.parametrize(
    "messages",
    [("'lr'", "'depth'"), ("no info", "no nano"), ("a-1", "a+b"), ("SIGSEGV", "SIGKILL"), ("", "0")],
)
def test_words_tell_messages_apart(messages: tuple[str, str]) -> None:
    """Messages that differ in words are different."""
    assert pattern(messages[0]) != pattern(messages[1])


def test_long_messages() -> None:
    """A message of any length has a short pattern."""
    assert len(pattern("x" * 100_000)) == 200
