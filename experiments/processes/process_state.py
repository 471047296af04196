"""Restoring the process state that an experiment changed, so that each one starts with the same state.

Nearly all experiments change nothing, so the state is read (some 5 microseconds) and restored
only when it differs. What is read, and why:

- what decides where files are looked up: current folder, umask, environment, ``sys.path``, ``sys.argv``;
- how processes are started: multiprocessing's start method, which can be chosen only once;
- what kills or interrupts a later experiment: signal handlers, blocked signals, interval timers,
  faulthandler's delayed exit, soft limits of memory and CPU time;
- what changes numbers and texts: locale, decimal context, and all other context variables, such as
  numpy's error state and print options (numpy 2); the kind of numpy's global generator (all generators are
  seeded before each experiment);
- how many threads each numerical library may use, on which the last bits of sums depend;
- what slows down or confuses: trace and profile functions, recursion limit, garbage collection,
  warning filters, exception hooks, the root logger's handlers.

Clocks that an experiment has frozen or replaced are restored in `time` and `datetime` only: freezegun has put
others into all modules, so that the next experiment needs another process. Everything else that a process has
needs ``isolation: process``.
"""

from __future__ import annotations

import _locale
import _signal
import builtins
import contextlib
import contextvars
import datetime
import decimal
import faulthandler
import gc
import locale
import logging
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from numpy.random.mtrand import get_bit_generator, set_bit_generator

from experiments.processes.thread_limits import ThreadCounts

_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGALRM,
    signal.SIGCHLD,
    signal.SIGPIPE,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGHUP,
    signal.SIGVTALRM,
    signal.SIGPROF,
)
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
#: Those that users set on themselves; reading one costs 0.4 microseconds.
_LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_CPU)
#: For the other two a handler must have been set, which is noticed.
_WATCHED_TIMER = signal.ITIMER_REAL
_NO_TIMER = (0.0, 0.0)
#: By a name that user code cannot replace.
_ANY_ERROR = BaseException
#: Returns plain numbers; `signal.getsignal` would make enums of them, at ten times the cost.
_handler: Callable[[int], Any] = _signal.getsignal
_START_METHOD = "multiprocessing's start method"
_NAMES = (
    "the current folder",
    "the environment",
    "sys.path",
    "sys.argv",
    _START_METHOD,
    "signal handlers",
    "blocked signals",
    "interval timers",
    "resource limits",
    "the locale",
    "numpy's bit generator",
    "interpreter settings",
    "hooks",
    "trace functions",
    "warning filters",
    "the root logger",
    "the clock",
)
#: What is restored and nevertheless makes a difference to the next experiment.
_SPREADS = {"the clock"}


def restore_builtins(before: dict[str, Any]) -> None:
    """Restore what was replaced or deleted of Python's built-in names, without using any of them.

    Added names stay: what a module adds at its import would be missing in later experiments.

    Parameters
    ----------
    before : dict
        A copy of ``builtins.__dict__``.
    """
    try:
        if builtins.__dict__ == before:
            return
    except _ANY_ERROR:  # an object of the user's that cannot be compared
        pass
    builtins.__dict__.update(before)


class RestorableState:
    """The state of this process that experiments share, as it is now.

    Parameters
    ----------
    interactive : bool
        Whether the process is the user's own. Then sys.stdin, sys.stdout and sys.stderr are restored too
        (elsewhere the captured output is opened anew), and trace functions are left to debuggers.

    Attributes
    ----------
    tainted : str or None
        What an experiment changed and could not be restored: no other experiment should run here.
    """

    def __init__(self, *, interactive: bool = False) -> None:
        self.tainted: str | None = None
        self._interactive = interactive
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._environment, self._path, self._arguments = os.environ, sys.path, sys.argv
        self._filters, self._handlers = warnings.filters, logging.root.handlers
        self._before = tuple(part.copy() if isinstance(part, dict | list) else part for part in self._read())
        self._thread_counts = ThreadCounts()
        self._disarms = all(signal.getitimer(timer) == _NO_TIMER for timer in _TIMERS)
        self._decimal = decimal.getcontext().copy()
        self._context = contextvars.copy_context()

    def context(self) -> contextvars.Context:
        """Return a context for an experiment: what it sets there is invisible to others."""
        context = self._context.copy()
        context.run(decimal.setcontext, self._decimal.copy())
        return context

    def restore(self) -> int | None:
        """Restore what differs; never raises for what user code has changed.

        Returns
        -------
        int or None
            How many threads numerical libraries had until now; None when that cannot be told.
        """
        threads: int | None = None
        with contextlib.suppress(Exception):  # the environment, which is read, may have been replaced
            # Before the environment: a library may have been loaded with it.
            threads = self._thread_counts.restore()
        faulthandler.cancel_dump_traceback_later()
        os.umask(self._umask)
        if self._interactive:
            sys.stdin, sys.stdout, sys.stderr = self._streams
        if not (before := self._changed()):
            return threads
        for step in self._steps():
            try:
                step()
            except Exception:  # noqa: BLE001, S112 - named below
                continue
        if changed := self._changed() or [name for name in before if name in _SPREADS]:
            self.tainted = ", ".join(changed)
        return threads

    def _changed(self) -> list[str]:
        try:
            now = self._read()
            if now == self._before:
                return []
            return [name for name, new, old in zip(_NAMES, now, self._before, strict=True) if new != old]
        except Exception:  # noqa: BLE001 - user objects may raise anything when compared
            return ["what cannot be compared"]

    def _read(self) -> tuple[Any, ...]:
        """Return the state, in the order of `_NAMES`; lists and dicts are the live ones."""
        return (
            os.getcwd(),  # noqa: PTH109 - a Path costs ten times as much
            os.environ._data,  # type: ignore[attr-defined]  # the bytes themselves: comparing the mapping decodes each
            sys.path,
            sys.argv,
            multiprocessing.get_start_method(allow_none=True),
            [_handler(number) for number in _SIGNALS],
            _signal.pthread_sigmask(signal.SIG_BLOCK, ()),
            _signal.getitimer(_WATCHED_TIMER),
            [resource.getrlimit(limit) for limit in _LIMITS],
            _locale.setlocale(locale.LC_ALL, None),
            get_bit_generator(),
            (
                sys.getrecursionlimit(),
                sys.get_int_max_str_digits(),
                sys.getswitchinterval(),
                gc.isenabled(),
                gc.get_threshold(),
                faulthandler.is_enabled(),
            ),
            (sys.excepthook, sys.unraisablehook, sys.displayhook, threading.excepthook),
            None
            if self._interactive
            else (sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()),
            (tuple(warnings.filters), warnings.showwarning, warnings.formatwarning),
            (tuple(logging.root.handlers), logging.root.level, logging.root.manager.disable),
            (time.time, time.monotonic, time.perf_counter, datetime.datetime),
        )

    def _steps(self) -> list[Callable[[], object]]:
        before: dict[str, Any] = dict(zip(_NAMES, self._before, strict=True))
        return [
            *self._signal_steps(before),
            lambda: os.chdir(before["the current folder"]),
            lambda: self._restore_environment(before["the environment"]),
            lambda: _restore_list(sys, "path", self._path, before["sys.path"]),
            lambda: _restore_list(sys, "argv", self._arguments, before["sys.argv"]),
            lambda: multiprocessing.set_start_method(before[_START_METHOD], force=True),
            *(
                lambda limit=limit, old=old: resource.setrlimit(limit, old)
                for limit, old in zip(_LIMITS, before["resource limits"], strict=True)
            ),
            lambda: locale.setlocale(locale.LC_ALL, before["the locale"]),
            lambda: set_bit_generator(before["numpy's bit generator"]),
            lambda: _restore_interpreter(*before["interpreter settings"]),
            lambda: _restore_hooks(*before["hooks"]),
            lambda: _restore_tracing(*before["trace functions"]) if before["trace functions"] else None,
            lambda: self._restore_warnings(before["warning filters"]),
            lambda: self._restore_logger(*before["the root logger"]),
            lambda: _restore_clock(*before["the clock"]),
        ]

    def _signal_steps(self, before: dict[str, Any]) -> list[Callable[[], object]]:
        """Return the steps, timers first: a timer must not fire after its handler was removed."""
        steps: list[Callable[[], object]] = []
        if self._disarms:  # a timer that ran before is not the experiment's
            steps += [lambda timer=timer: signal.setitimer(timer, 0) for timer in _TIMERS]  # type: ignore[misc]  # mypy cannot infer the type of a lambda with a default
        if threading.current_thread() is threading.main_thread():  # no other may change handlers
            steps += [
                lambda number=number, old=old: signal.signal(number, old)  # type: ignore[misc]  # as above
                for number, old in zip(_SIGNALS, before["signal handlers"], strict=True)
                if old is not None and _handler(number) is not old
            ]
        steps.append(lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before["blocked signals"]))
        return steps

    def _restore_environment(self, before: dict[bytes, bytes]) -> None:
        os.environ = self._environment  # noqa: B003 - it may have been replaced; the entries are next
        old = {os.fsdecode(key): os.fsdecode(value) for key, value in before.items()}
        zone = os.environ.get("TZ")
        for key in [key for key in os.environ if key not in old]:
            del os.environ[key]
        os.environ.update({key: value for key, value in old.items() if os.environ.get(key) != value})
        if zone != os.environ.get("TZ"):
            time.tzset()

    def _restore_warnings(self, before: tuple[Any, ...]) -> None:
        filters, warnings.showwarning, warnings.formatwarning = before
        warnings.filters = self._filters
        warnings.resetwarnings()  # invalidates the cache of filter decisions
        self._filters[:] = filters  # type: ignore[index]  # typeshed calls it a sequence; it is a list

    def _restore_logger(self, handlers: tuple[logging.Handler, ...], level: int, disabled: int) -> None:
        logging.root.handlers = self._handlers
        self._handlers[:] = handlers
        logging.root.setLevel(level)
        logging.disable(disabled)


def _restore_list(owner: Any, name: str, live: list[str], before: list[str]) -> None:
    setattr(owner, name, live)  # it may have put another list in its place
    live[:] = before


def _restore_interpreter(recursion: int, digits: int, switch_s: float, collects: bool, *rest: Any) -> None:
    threshold, reports_faults = rest
    sys.setrecursionlimit(recursion)
    sys.set_int_max_str_digits(digits)
    sys.setswitchinterval(switch_s)
    (gc.enable if collects else gc.disable)()
    gc.set_threshold(*threshold)
    if reports_faults:
        faulthandler.enable()
    else:
        faulthandler.disable()


def _restore_hooks(exception: Any, unraisable: Any, display: Any, in_thread: Any) -> None:
    sys.excepthook, sys.unraisablehook, sys.displayhook = exception, unraisable, display
    threading.excepthook = in_thread


def _restore_clock(wall: Any, monotonic: Any, counter: Any, date: Any) -> None:
    time.time, time.monotonic, time.perf_counter = wall, monotonic, counter
    datetime.datetime = date  # type: ignore[misc]  # freezegun replaces the type


def _restore_tracing(trace: Any, profile: Any, in_threads: Any, profile_in_threads: Any) -> None:
    sys.settrace(trace)
    sys.setprofile(profile)
    threading.settrace(in_threads)
    threading.setprofile(profile_in_threads)
