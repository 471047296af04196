"""Limiting the threads of numerical libraries.

Workers must not compete for the cores, and results must not depend on how many workers there are: with
another number of threads a library adds up in another order, and the last bits of a sum are others.

A library that is loaded later reads the environment; one that is loaded already (numpy comes with
the server that workers are forked from) is set through threadpoolctl. What the user has set in
the environment stays: OMP_NUM_THREADS applies to all libraries, the others to their own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from experiments.processes.fresh_process import set_variables

_GENERAL = "OMP_NUM_THREADS"
#: By threadpoolctl's name of the library; others have the general one only.
_OF_LIBRARY = {
    "openblas": "OPENBLAS_NUM_THREADS",
    "mkl": "MKL_NUM_THREADS",
    "blis": "BLIS_NUM_THREADS",
}
_OTHERS = ("NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_VARIABLES = (_GENERAL, *_OF_LIBRARY.values(), *_OTHERS)


def capped_environment(threads: int | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to add to a worker's environment.

    Parameters
    ----------
    threads : int or None
        The cap; None means none.
    environment : mapping
        The user's.
    """
    if threads is None or environment.get(_GENERAL):
        return {}
    return dict.fromkeys((name for name in _VARIABLES if not environment.get(name)), str(threads))


def worker_environment(threads: int | None, environment: Mapping[str, str]) -> dict[str, str | None]:
    """Return what a worker's variables have to be; None means unset.

    It is forked from a server that was started with the variables of an earlier moment.

    Parameters
    ----------
    threads : int or None
        The cap; None means none.
    environment : mapping
        The user's.
    """
    own = {name: environment.get(name) for name in _VARIABLES}
    return own | capped_environment(threads, environment)


def overriding_variables(threads: int | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the user's that apply instead of a cap, and say something else.

    Parameters
    ----------
    threads : int or None
        The cap; None means none.
    environment : mapping
        The user's.
    """
    return {
        name: said for name in _VARIABLES if (said := environment.get(name, "")) not in {"", str(threads)}
    }


def possible_threads(threads: int | None, environment: Mapping[str, str]) -> Container[int]:
    """Return the numbers that `threads_in_force` may return in an experiment.

    Without a cap a library may take fewer threads than there are cores: the physical ones, or as many as it
    was built for. With one, some take no more than there are cores.

    Parameters
    ----------
    threads : int or None
        The cap; None means none.
    environment : mapping
        The user's.
    """
    said = {number for name in _VARIABLES if (number := _said(environment.get(name)))}
    said |= {min(number, cores()) for number in said}
    if _said(environment.get(_GENERAL)):
        return said
    if threads is None or environment.get(_GENERAL):
        return {*range(min(2, cores()), cores() + 1), *said}
    return {threads, min(threads, cores()), *said}


def cap_loaded_libraries(variables: Mapping[str, str | None], before: Mapping[str, str | None]) -> None:
    """Give the libraries that this process has loaded already the numbers that these variables say.

    Parameters
    ----------
    variables : mapping
        As `worker_environment` returned them.
    before : mapping
        What they were when the libraries were loaded: one that was capped then, and is not now, gets the
        cores.
    """
    for library in _loaded_libraries():
        threads = _number_for(library, variables)
        if threads is None and _number_for(library, before):
            threads = cores()
        if threads is not None:
            _set(library, threads)


@contextmanager
def capped_threads(threads: int | None) -> Iterator[None]:
    """Cap the libraries of this process, which is the user's own, and put back afterwards what was.

    Parameters
    ----------
    threads : int or None
        The cap; None means none.
    """
    variables = {name: os.environ.get(name) for name in _VARIABLES}
    numbers = {library.filepath: library.num_threads for library in _loaded_libraries()}
    capped = worker_environment(threads, os.environ)
    set_variables(capped)
    cap_loaded_libraries(capped, variables)
    try:
        yield
    finally:
        set_variables(variables)
        for library in _loaded_libraries():
            number = numbers.get(library.filepath)
            if number is None and _number_for(library, capped):  # loaded meanwhile: what it takes by itself
                number = _number_for(library, variables) or cores()
            if number is not None:
                _set(library, number)


def threads_in_force() -> int:
    """Return how many threads a numerical library of this process may use now, the largest of all.

    Where none is loaded that threadpoolctl knows, it is what the environment says, else the cores.
    """
    return max((library.num_threads for library in _loaded_libraries()), default=0) or _threads_of_others()


def _threads_of_others() -> int:
    return _said(os.environ.get(_GENERAL)) or cores()


class ThreadCounts:
    """How many threads each numerical library of this process may use, as it is now."""

    def __init__(self) -> None:
        self._numbers = {library.filepath: library.num_threads for library in _loaded_libraries()}

    def restore(self) -> int:
        """Put back the numbers that have changed; return what `threads_in_force` would have before.

        A library that was loaded since gets what the environment says, which it read when it was loaded.
        """
        largest = 0
        for library in _loaded_libraries():
            threads = library.num_threads
            largest = max(largest, threads)
            number = self._numbers.get(library.filepath)
            if number is None:
                number = _number_for(library, os.environ) or threads
                self._numbers[library.filepath] = number
            if threads != number:
                _set(library, number)
        return largest or _threads_of_others()


_libraries: list[Any] = []
_modules_seen = 0


def _loaded_libraries() -> list[Any]:
    """Return threadpoolctl's controllers of the libraries that are loaded.

    Searched for again when modules were imported since: that takes 0.2 to 3 milliseconds, reading the
    numbers one microsecond.
    """
    global _libraries, _modules_seen  # noqa: PLW0603 - a process has one set of them
    if len(sys.modules) != _modules_seen:
        try:
            from threadpoolctl import ThreadpoolController  # noqa: PLC0415 - takes some milliseconds to load

            found = ThreadpoolController().lib_controllers
        except Exception:  # noqa: BLE001 - such as no descriptor left: the experiment is not to fail of it
            return _libraries
        _libraries = [library for library in found if library.num_threads]  # some know no number
        _modules_seen = len(sys.modules)
    return _libraries


def _number_for(library: Any, variables: Mapping[str, str | None]) -> int | None:
    """Return what the variables say to a library; None when they say nothing."""
    own = _OF_LIBRARY.get(library.internal_api, _GENERAL)
    number = _said(variables.get(own)) or _said(variables.get(_GENERAL))
    if number is not None and library.internal_api == "openblas":
        return min(number, cores())  # as it reads them itself when it is loaded
    return number


def _set(library: Any, threads: int) -> None:
    library.set_num_threads(threads)
    # From threadpoolctl 3.8 on only the thread that was the first to set OpenBLAS may do so until it ends:
    # an experiment's own threads may, too.
    if release := getattr(library, "clear_controlling_thread", None):
        release()


def _said(value: str | None) -> int | None:
    """Return the number of threads in a variable, which may be a list of one per level of nesting."""
    first = (value or "").split(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) else None


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))
