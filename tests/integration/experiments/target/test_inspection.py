"""Inspection: the user's code runs in a child, and nothing it does there reaches this process."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.target.base import Target, TargetError
from experiments.target.inspection import TIME_LIMIT_S, inspect_function
from experiments.target.parsing import parse_target
from experiments.target.signature import Argument, Signature


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "mon projet é"
    folder.mkdir()
    return folder


def target(folder: Path, text: str) -> Target:
    (folder / "t.py").write_text(text, encoding="utf-8")
    return parse_target("t.py:main", folder)


def inspect(target: Target, time_limit_s: float = TIME_LIMIT_S) -> Signature:
    return inspect_function(str(target), target.code, time_limit_s=time_limit_s)


def test_the_signature_comes_from_a_child(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The module is not imported here, and what it prints goes to stderr."""
    code = "import os, sys\nprint('printed'); os.write(1, b'written\\n')\ndef main(lr, *, seed=1): pass\n"
    signature = inspect(target(project, code))
    assert signature.arguments == (Argument("lr", True), Argument("seed", False))
    assert (signature.accepts_any, signature.file, signature.line) == (False, str(project / "t.py"), 3)
    assert not any(str(project) in str(getattr(module, "__file__", "")) for module in sys.modules.values())
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "printed" in captured.err
    assert "written" in captured.err


def test_the_answer_is_kept_until_the_file_changes(project: Path) -> None:
    """A second inspection starts no process; a changed file is inspected again."""
    code = (
        "import pathlib\npathlib.Path(__file__).with_name('count').open('a').write('x')\ndef main({}): pass\n"
    )
    first = target(project, code.format("a"))
    assert inspect(first) is inspect(first)
    assert (project / "count").read_text() == "x"
    assert inspect(target(project, code.format("a, bc"))).arguments[1].name == "bc"
    assert (project / "count").read_text() == "xx"


def test_an_error_of_the_target_is_raised_here(project: Path) -> None:
    """What loading would say, inspecting says: here a missing function and an import that raises."""
    with pytest.raises(TargetError, match="has no function 'main'; did you mean 'mian'"):
        inspect(target(project, "def mian(): pass\n"))
    with pytest.raises(
        TargetError, match=r"(?s)raised ZeroDivisionError at .*t.py:1 in <module>:.*line 1, in <module>.*1/0"
    ):
        inspect(target(project, "1/0\n"))
    with pytest.raises(TargetError, match="is a coroutine function"):
        inspect(target(project, "async def main(): pass\n"))


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("import os; os._exit(0)", "exited with code 0"),
        ("import os; os._exit(9)", "exited with code 9"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
    ],
)
def test_a_child_that_dies_is_reported_by_its_end(project: Path, code: str, ending: str) -> None:
    """A crash while importing, and an exit without an answer, are errors that say how it ended."""
    with pytest.raises(TargetError, match=ending):
        inspect(target(project, code))


def test_an_import_without_end_is_killed(project: Path) -> None:
    """After the time limit the child is ended, with the advice to move the work."""
    with pytest.raises(TargetError, match=r"took longer than 0\.5 s; move long work into the function"):
        inspect(target(project, "while True: pass\n"), time_limit_s=0.5)


def test_what_an_import_leaves_running_neither_delays_nor_survives(project: Path) -> None:
    """A process started by the import, which holds all its descriptors, is ended with the child."""
    code = (
        "import pathlib, subprocess, sys, threading, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], close_fds=False)\n"
        "pathlib.Path(__file__).with_name('pid').write_text(str(child.pid))\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "def main(): pass\n"
    )
    start = time.monotonic()
    assert inspect(target(project, code)).arguments == ()
    assert time.monotonic() - start < 30
    try:
        left_behind = os.pidfd_open(int((project / "pid").read_text()))
    except ProcessLookupError:
        return  # gone already
    with open(left_behind, "rb", buffering=0) as ended:  # noqa: PTH123 - a descriptor, not a path
        assert select.select([ended], [], [], 10)[0], "the process is still there"


def test_the_child_finds_what_this_process_finds(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search path of this process is the child's, the environment too, and stdin is empty."""
    (project / "elsewhere").mkdir()
    (project / "elsewhere" / "found_only_there.py").write_text("X = 1\n")
    monkeypatch.syspath_prepend(str(project / "elsewhere"))
    monkeypatch.setenv("SOME_SETTING", "é")
    code = (
        "import os, sys, found_only_there\n"
        "assert os.environ['SOME_SETTING'] == 'é' and sys.stdin.read() == ''\n"
        "def main(x): pass\n"
    )
    assert inspect(target(project, code)).arguments == (Argument("x", True),)


def test_a_project_with_folders_named_as_ours_is_inspected(project: Path) -> None:
    """Started from such a project, by path and by module, both ours and the user's can be imported."""
    (project / "experiments").mkdir()
    (project / "experiments" / "__init__.py").write_text("raise RuntimeError('not run')\n")
    (project / "experiments" / "helpers.py").write_text("X = 1\n")
    (project / "experiments" / "train.py").write_text(
        "from experiments.helpers import X\ndef main(lr): pass\n"
    )
    code = (
        "from pathlib import Path\n"
        "from experiments.target.inspection import inspect_function\n"
        "for text in ('experiments/train.py:main', 'experiments.train:main'):\n"
        "    print([a.name for a in inspect_function(text, Path('.')).arguments])\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['lr']\n['lr']\n"
