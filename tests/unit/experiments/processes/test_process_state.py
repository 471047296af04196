"""Putting back what an experiment changed in its process."""

from __future__ import annotations

import contextvars
import decimal
import gc
import locale
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from freezegun import freeze_time

from experiments.processes.process_state import RestorableState


class Unequal:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compares with nothing")

    __hash__ = object.__hash__


def swap(owner: Any, name: str, value: object) -> Callable[[], None]:
    return lambda: setattr(owner, name, value)


def restored_in_a_process(tmp_path: Path, change: str, check: str) -> None:
    """Change and restore in a process of its own, which may be harmed, and check there."""
    code = f"""
import decimal, faulthandler, os, resource, signal, sys, time
from experiments.processes.process_state import RestorableState
state = RestorableState()
{textwrap.dedent(change)}
state.restore()
{textwrap.dedent(check)}
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


#: By name: how to look at it, and an experiment that changes it.
CHANGES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "cwd": (os.getcwd, lambda: os.chdir("/")),
    "umask": (lambda: Path("/proc/self/status").read_text().split("Umask:")[1][:6], lambda: os.umask(0o777)),
    "environment": (lambda: dict(os.environ), lambda: os.environ.update(HOME="/elsewhere", NEW="1")),
    "emptied environment": (lambda: dict(os.environ), os.environ.clear),
    "other environment": (lambda: (id(os.environ), dict(os.environ)), swap(os, "environ", {"a": "b"})),
    "path": (lambda: (id(sys.path), list(sys.path)), lambda: sys.path.insert(0, "/elsewhere")),
    "other path": (lambda: (id(sys.path), list(sys.path)), swap(sys, "path", ["/elsewhere"])),
    "arguments": (lambda: (id(sys.argv), list(sys.argv)), lambda: sys.argv.append("--quick")),
    "odd arguments": (lambda: list(sys.argv), swap(sys, "argv", Unequal())),
    "start method": (
        lambda: multiprocessing.get_start_method(allow_none=True),
        lambda: multiprocessing.set_start_method("spawn", force=True),
    ),
    "handler": (
        lambda: signal.getsignal(signal.SIGTERM),
        lambda: signal.signal(signal.SIGTERM, lambda *_: None),
    ),
    "ignored interrupt": (
        lambda: signal.getsignal(signal.SIGINT),
        lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    ),
    "blocked signals": (
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1}),
    ),
    "alarm": (lambda: signal.getitimer(signal.ITIMER_REAL), lambda: signal.alarm(1000)),
    "profiling timer": (
        lambda: signal.getitimer(signal.ITIMER_PROF),
        lambda: (signal.signal(signal.SIGPROF, signal.SIG_IGN), signal.setitimer(signal.ITIMER_PROF, 1000)),
    ),
    "recursion limit": (sys.getrecursionlimit, lambda: sys.setrecursionlimit(7777)),
    "digits": (sys.get_int_max_str_digits, lambda: sys.set_int_max_str_digits(0)),
    "garbage collection": (gc.isenabled, gc.disable),
    "locale": (
        lambda: locale.setlocale(locale.LC_ALL),
        lambda: [locale.setlocale(locale.LC_ALL, name) for name in ("C.UTF-8", "C")],
    ),
    "numpy's generator": (
        np.random.get_bit_generator,
        lambda: np.random.set_bit_generator(np.random.PCG64(1)),
    ),
    "warning filters": (lambda: list(warnings.filters), warnings.resetwarnings),
    "other filters": (lambda: (id(warnings.filters), list(warnings.filters)), swap(warnings, "filters", [])),
    "hook": (lambda: sys.excepthook, swap(sys, "excepthook", None)),
    "hook of threads": (lambda: threading.excepthook, swap(threading, "excepthook", None)),
    "profiler": (sys.getprofile, lambda: sys.setprofile(lambda *_: None)),
    "log level": (lambda: logging.root.level, lambda: logging.root.setLevel(1)),
    "log handlers": (
        lambda: list(logging.root.handlers),
        lambda: logging.root.addHandler(logging.NullHandler()),
    ),
    "disabled logging": (lambda: logging.root.manager.disable, lambda: logging.disable(logging.CRITICAL)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_put_back(name: str) -> None:
    """Each thing that is looked at is as before after an experiment changed it."""
    look, change = CHANGES[name]
    before, state = look(), RestorableState()
    change()
    state.restore()
    assert look() == before
    assert state.tainted is None


def test_time_zone(tmp_path: Path) -> None:
    """The time zone follows the environment back."""
    restored_in_a_process(
        tmp_path,
        "before = time.tzname; os.environ['TZ'] = 'Asia/Tokyo'; time.tzset(); assert time.tzname != before",
        "assert time.tzname == before",
    )


def test_soft_limits(tmp_path: Path) -> None:
    """A soft limit on memory or CPU time is lifted again."""
    restored_in_a_process(
        tmp_path,
        """
        before = [resource.getrlimit(limit) for limit in (resource.RLIMIT_AS, resource.RLIMIT_CPU)]
        resource.setrlimit(resource.RLIMIT_AS, (1 << 32, before[0][1]))
        resource.setrlimit(resource.RLIMIT_CPU, (1000, before[1][1]))
        """,
        """
        assert [resource.getrlimit(limit) for limit in (resource.RLIMIT_AS, resource.RLIMIT_CPU)] == before
        assert state.tainted is None
        """,
    )


def test_what_cannot_be_put_back_is_told(tmp_path: Path) -> None:
    """What cannot be put back is named, and all the rest is put back nevertheless."""
    restored_in_a_process(
        tmp_path,
        """
        os.mkdir("gone"); os.chdir("gone")
        state = RestorableState()
        os.chdir(".."); os.rmdir("gone")
        sys.path.append("/elsewhere"); sys.setrecursionlimit(7777)
        """,
        """
        assert state.tainted == "the current folder", state.tainted
        assert "/elsewhere" not in sys.path and sys.getrecursionlimit() != 7777
        """,
    )


def test_frozen_clock() -> None:
    """A clock that stays frozen or replaced ends the worker; one that was put back does not."""
    state = RestorableState()
    with freeze_time("1970-01-02"):
        pass
    state.restore()
    assert state.tainted is None
    with mock.patch("time.monotonic"):
        state.restore()
    assert state.tainted == "the clock"


def test_delayed_exit_is_cancelled(tmp_path: Path) -> None:
    """The exit that an experiment has asked faulthandler for does not end a later one."""
    restored_in_a_process(
        tmp_path,
        """
        threads = len(os.listdir("/proc/self/task"))
        faulthandler.dump_traceback_later(1000, exit=True)
        assert len(os.listdir("/proc/self/task")) == threads + 1
        """,
        'while len(os.listdir("/proc/self/task")) > threads: pass',
    )


def test_context_variables() -> None:
    """What an experiment sets in context variables and decimal's context reaches nobody else."""
    variable = contextvars.ContextVar("variable", default=1)
    state = RestorableState()

    def experiment() -> tuple[int, int]:
        observed = variable.get(), decimal.getcontext().prec
        variable.set(2)
        decimal.getcontext().prec = 3
        return observed

    assert state.context().run(experiment) == state.context().run(experiment)
    assert variable.get() == 1


def test_numpy_error_state() -> None:
    """The error state of numpy and its print options are the process's again in the next experiment."""
    import numpy

    state = RestorableState()

    def experiment() -> tuple[Any, Any]:
        observed = numpy.geterr(), numpy.get_printoptions()["precision"]
        numpy.seterr(all="raise")
        numpy.set_printoptions(precision=2)
        return observed

    assert state.context().run(experiment) == state.context().run(experiment)


def test_nothing_is_set_when_nothing_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing changed the look at it is all there is."""
    state = RestorableState()
    monkeypatch.setattr(signal, "signal", None)
    monkeypatch.setattr(os, "chdir", None)
    monkeypatch.setattr(RestorableState, "_steps", None)
    state.restore()
    assert state.tainted is None


def test_a_persons_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a person's own process streams are put back, and a debugger's trace function stays."""
    stdout = sys.stdout
    state = RestorableState(interactive=True)
    monkeypatch.setattr(sys, "stdout", None)

    def tracer(*_: object) -> None:
        """Stand for a debugger's."""

    before = sys.getprofile()
    sys.setprofile(tracer)
    try:
        sys.setrecursionlimit(sys.getrecursionlimit() + 1)
        state.restore()
        assert sys.getprofile() is tracer
    finally:
        sys.setprofile(before)
    assert sys.stdout is stdout
    assert state.tainted is None
