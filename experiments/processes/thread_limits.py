"""Limiting the threads of numerical libraries, so that workers do not compete for the cores.

A library that is loaded later reads the environment; one that is loaded already (numpy comes with
the server that workers are forked from) is set through threadpoolctl. What the user has set in
the environment stays: OMP_NUM_THREADS applies to all libraries, the others to their own.
"""

from __future__ import annotations

from collections.abc import Mapping

_GENERAL = "OMP_NUM_THREADS"
#: By threadpoolctl's name of the library.
_OF_LIBRARY = {
    "openmp": _GENERAL,
    "openblas": "OPENBLAS_NUM_THREADS",
    "mkl": "MKL_NUM_THREADS",
    "blis": "BLIS_NUM_THREADS",
}
_OTHERS = ("NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


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
    names = [name for name in (*_OF_LIBRARY.values(), *_OTHERS) if not environment.get(name)]
    return dict.fromkeys(names, str(threads))


def cap_loaded_libraries(added: Mapping[str, str | None]) -> None:
    """Cap the libraries that this process has loaded already.

    Parameters
    ----------
    added : mapping
        With what `capped_environment` returned: a library that the user has set is left alone.
    """
    if added.keys().isdisjoint(_OF_LIBRARY.values()):
        return
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415 - takes some milliseconds to load

    for library in ThreadpoolController().lib_controllers:
        threads = added.get(_OF_LIBRARY.get(library.internal_api, ""))
        if threads is not None:
            library.set_num_threads(int(threads))
