"""Capping the threads of numerical libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.processes.thread_limits import capped_environment


@pytest.mark.parametrize(
    ("threads", "environment", "expected"),
    [
        (None, {}, {}),
        (2, {"OMP_NUM_THREADS": "8"}, {}),
        (2, {"OMP_NUM_THREADS": ""}, {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}),
        (2, {"MKL_NUM_THREADS": "8"}, {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}),
    ],
)
def test_environment(threads: int | None, environment: dict[str, str], expected: dict[str, str]) -> None:
    """The cap goes into each variable that the user has not set; OMP_NUM_THREADS speaks for all."""
    added = capped_environment(threads, environment)
    assert expected.items() <= added.items()
    assert bool(added) == bool(expected)
    assert not {key for key, value in environment.items() if value} & set(added)


@pytest.mark.parametrize(("cap", "user"), [(1, {}), (2, {"OPENBLAS_NUM_THREADS": "1"})])
def test_loaded_library(cap: int, user: dict[str, str]) -> None:
    """A library that is loaded already is capped, unless the user has said how many threads it may have."""
    code = (
        "import os, numpy, threadpoolctl\n"
        "from experiments.processes.thread_limits import cap_loaded_libraries, capped_environment\n"
        "cap_loaded_libraries(capped_environment(int(os.environ['CAP']), os.environ))\n"
        "numpy.ones((9, 9)) @ numpy.ones((9, 9))\n"
        "libraries = threadpoolctl.threadpool_info()\n"
        "print(*{library['num_threads'] for library in libraries if library['user_api'] == 'blas'})"
    )
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    environment.update(user, CAP=str(cap), PYTHONPATH=str(Path(__file__).parents[4]))
    printed = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert int(printed) == 1
