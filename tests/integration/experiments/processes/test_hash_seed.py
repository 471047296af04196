"""The hashes of strings in a process that runs experiments itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: A program that starts itself again where it should, and what it tells then.
PROGRAM = """
import os, sys
from experiments.processes import hash_seed
print(os.getpid(), end=" ")
hash_seed.restart_with_hashes_of_workers()
hash_seed.warn_of_random_hashes()
hash_seed.warn_of_random_hashes()
print(hash("abc"), *sys.argv[1:])
"""


def told(tmp_path: Path, *options: str, before: str = "", **variables: str) -> tuple[list[str], str]:
    """Return what the program prints, and what it warns of."""
    path = tmp_path / "program.py"
    path.write_text(before + PROGRAM)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    ended = subprocess.run(
        [sys.executable, *options, str(path), "--workers", "0"],
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[4]), **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.split(), ended.stderr


def test_a_command_starts_itself_again(tmp_path: Path) -> None:
    """It has the hashes of workers then, its arguments and its process, and nothing to warn of."""
    (first, again, fixed, *arguments), warned = told(tmp_path)
    assert first == again
    assert (arguments, warned) == (["--workers", "0"], "")
    (_, as_set, *_), warned = told(tmp_path, PYTHONHASHSEED="0")  # not again where the user has set it
    assert (as_set, warned) == (fixed, "")


@pytest.mark.parametrize(
    "before",
    [
        "import sys\nsys.settrace(lambda *_: None)\n",
        "import sys\nsys.setprofile(lambda *_: None)\n",
        "import pdb\n",
        "import sys, types\nsys.modules['debugpy'] = types.ModuleType('debugpy')\n",
        *(["import sys\nsys.monitoring.use_tool_id(0, 'debugger')\n"] if hasattr(sys, "monitoring") else []),
    ],
)
def test_a_debugged_process_stays(tmp_path: Path, before: str) -> None:
    """A debugger would lose it: it is only told, once."""
    (_, hashed, *_), warned = told(tmp_path, before=before)
    assert hashed.lstrip("-").isdecimal()
    assert warned.count("strings have random hashes") == 1
