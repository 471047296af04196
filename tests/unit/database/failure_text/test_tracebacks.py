"""Where a failure was raised."""

from __future__ import annotations

import pytest

from database import package_folder
from database.failure_text.tracebacks import place

ROOT = package_folder().parent


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
