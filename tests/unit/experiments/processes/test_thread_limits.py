"""Capping the threads of numerical libraries."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from experiments.processes.thread_limits import (
    capped_environment,
    cores,
    overriding_variables,
    possible_threads,
)


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


@pytest.mark.parametrize(
    ("threads", "environment", "overriding", "possible"),
    [
        (1, {}, {}, {1}),
        (1, {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": ""}, {}, {1}),
        (1, {"OMP_NUM_THREADS": "8,2"}, {"OMP_NUM_THREADS": "8,2"}, {8, min(8, cores())}),
        (2, {"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "1"}, {1, 2, min(2, cores())}),
        (None, {"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "1"}, {1}),
        (None, {}, {}, set(range(min(2, cores()), cores() + 1))),
    ],
)
def test_variables_of_the_user(
    threads: int | None, environment: dict[str, str], overriding: dict[str, str], possible: set[int]
) -> None:
    """A variable that says something else than the cap is known, and so is what may be in force with it."""
    assert overriding_variables(threads, environment) == overriding
    assert {number for number in range(64) if number in possible_threads(threads, environment)} == possible


def numbers_in_another_process(code: str, **variables: str) -> list[int]:
    head = """
        import os, numpy, threadpoolctl
        from experiments.processes.thread_limits import *
        def numbers():  # numpy's library, and scipy's as soon as it is loaded
            return sorted(
                lib["num_threads"] for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"
            )
        def now():
            assert max(numbers()) == threads_in_force()
            print(*set(numbers()))
    """
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    environment.update(variables, PYTHONPATH=str(Path(__file__).parents[4]))
    command = [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(code)]
    printed = subprocess.check_output(command, env=environment, text=True)
    return [int(line) for line in printed.split()]


def test_loaded_libraries() -> None:
    """A loaded library gets what a worker's variables say, and is left alone where they say nothing."""
    code = """
        def cap(threads, variables, before={}):
            cap_loaded_libraries(worker_environment(threads, variables), before)
            now()
        now()
        cap(1, {})
        cap(1, {"OMP_NUM_THREADS": "64"})
        cap(2, {"OMP_NUM_THREADS": "64", "OPENBLAS_NUM_THREADS": "1"})
        cap(None, {})
        cap(None, {}, before={"OMP_NUM_THREADS": "1"})
    """
    assert numbers_in_another_process(code) == [cores(), 1, cores(), 1, 1, cores()]


def test_users_own_process() -> None:
    """Libraries are capped meanwhile, also one that is loaded then, and have afterwards what they had."""
    code = """
        threadpoolctl.threadpool_limits(5)
        with capped_threads(1):
            now()
            import scipy.linalg
            now()
        print(*numbers())
        assert "OMP_NUM_THREADS" not in os.environ
    """
    assert numbers_in_another_process(code) == [1, 1, *sorted([cores(), 5])]


def test_numbers_that_an_experiment_changes() -> None:
    """They are put back; a library that it loads itself has the number that it was loaded with."""
    code = """
        import threading
        counts = ThreadCounts()
        threadpoolctl.threadpool_limits(3)
        now()
        os.environ["OPENBLAS_NUM_THREADS"] = "64"
        import scipy.linalg
        print(*numbers())
        threadpoolctl.threadpool_limits(5)
        counts.restore()
        print(*numbers())
        thread = threading.Thread(target=threadpoolctl.threadpool_limits, args=(4,))
        thread.start()
        thread.join()
        now()
    """
    loaded = [3, *sorted([3, cores()]), *sorted([1, cores()]), 4]
    assert numbers_in_another_process(code, OPENBLAS_NUM_THREADS="1") == loaded
