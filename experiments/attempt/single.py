"""One attempt: calling the target with an experiment's parameters, and determining the outcome."""

from __future__ import annotations

import builtins
import contextvars
import os
import resource
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy.random  # noqa: F401 - loaded when it is first used; here it is there for each attempt to be seeded

from database import clock
from database.claims.types import Claim, Finished
from database.engine.failed_statements import hide_values
from database.errors import InvalidValueError
from database.failure_text.shortening import joined_within
from database.models import Outcome, exact_json
from database.models.exact_json import storable_text
from experiments.attempt.context import Run
from experiments.attempt.generators import SeededGenerators
from experiments.processes.process_state import RestorableState, restore_builtins
from experiments.processes.thread_limits import threads_in_force
from experiments.target.base import LoadedTarget

#: A longer traceback loses frames of its middle.
_TRACEBACK_CHARACTERS = 64_000
_MESSAGE_CHARACTERS = 4_000
_RESERVED = "'metrics' in the result is reserved for logged metrics; use another name"
#: By a name of this module: an experiment may replace `os.getpid` and leave it so.
_own_pid = os.getpid


class Task(NamedTuple):
    """An attempt to run.

    Attributes
    ----------
    claim : Claim
        The experiment to run.
    files : Path
        The folder of the files that the experiments of the series keep.
    points : Path
        The file of the points that it logs; made on first use.
    """

    claim: Claim
    files: Path
    points: Path


def attempt(
    target: LoadedTarget,
    task: Task,
    *,
    pass_interrupts: bool = False,
    state: RestorableState | None = None,
) -> Finished:
    """Run one experiment.

    Parameters
    ----------
    pass_interrupts : bool
        Let KeyboardInterrupt through: in a process of the user's own it is the user's Ctrl-C.
    state : RestorableState or None
        Restored as soon as the target has returned; None in a process that ends then.

    Returns
    -------
    Finished
        Whatever the target does, short of killing the process: every exception is a failure.
    """
    claim = task.claim
    run = Run(claim, files=task.files, points=task.points)
    offered = {"seed": claim.seed, "repetition": claim.repetition, "run": run}
    generators = SeededGenerators(claim.seed)
    owner, names = _own_pid(), builtins.__dict__.copy()
    cpu_before = _cpu_s(resource.getrusage(resource.RUSAGE_SELF))
    started_at, begun = clock.since_1970(), clock.monotonic()
    ending: dict[str, Any] | None = None
    returned: object = None
    threads: int | None = None
    context = state.context() if state is not None else contextvars.copy_context()
    generators.start()
    try:
        try:
            returned = context.run(target.call, claim.parameters, offered)
        finally:
            restore_builtins(names)  # first: everything below needs them
            generators.stop()
            if _own_pid() != owner:  # a child that the experiment forked must not be a second worker
                os._exit(1 if sys.exception() else 0)
            # Within the outer try: the handler of a timer that it left running may raise here.
            # Asked only now: the experiment may have loaded the libraries itself.
            threads = threads_in_force() if state is None else state.restore()
    except KeyboardInterrupt as error:
        if pass_interrupts:
            run.close()
            raise
        ending = _failure(error)
    except BaseException as error:  # noqa: BLE001 - what user code raises ends the experiment, not the worker
        ending = _failure(error)
    duration_s = clock.monotonic() - begun
    chunks = run.close()
    target.code.update()
    if ending is None:
        ending = _ending_of(returned, run.summary())
    return Finished(
        experiment_id=claim.experiment_id,
        attempt_number=claim.attempt_number,
        started_at=started_at,
        finished_at=started_at + duration_s,
        duration_s=duration_s,
        cpu_s=_cpu_s(own := resource.getrusage(resource.RUSAGE_SELF)) - cpu_before,
        peak_memory_bytes=_peak_memory_bytes(own),
        threads=threads,
        code=target.code.id,
        chunks=chunks,
        **ending,
    )


def _ending_of(returned: object, metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that a returned value determines; reading a user's object may raise anything."""
    try:
        results = _results(returned)
        if "metrics" in results:
            raise InvalidValueError(_RESERVED)
        text = exact_json.encode({**results, "metrics": metrics} if metrics else results, "result")
    except BaseException as error:  # noqa: BLE001 - see above
        try:
            return _invalid(returned, metrics, error)
        except BaseException as second:  # noqa: BLE001 - see above
            return _invalid({}, metrics, second)
    return {"outcome": Outcome.COMPLETED, "results": text}


def _results(returned: object) -> Mapping[Any, Any]:
    """Return the mapping of results that a returned value stands for."""
    if returned is None:
        return {}
    if issubclass(type(returned), Mapping):
        return cast(Mapping[Any, Any], returned)
    try:
        plain = exact_json.to_plain(returned)
    except InvalidValueError:
        plain = None
    if exact_json.is_number(plain):
        return {"result": returned}
    raise InvalidValueError(
        f"the experiment returned something of type {type(returned).__name__}; return a mapping of "
        "results, such as {'accuracy': 0.9}, a number, or nothing"
    )


def _invalid(returned: object, metrics: dict[str, Any], error: BaseException) -> dict[str, Any]:
    """Return the fields of an attempt that returned what cannot be stored, and the part of it that can."""
    valid: dict[str, Any] = {}
    problems: list[str] = []
    if issubclass(type(returned), Mapping):
        valid, problems = exact_json.storable(cast(Mapping[Any, Any], returned), "result")
        if "metrics" in valid:
            del valid["metrics"]
            problems.append(_RESERVED)
    if metrics:
        valid["metrics"] = exact_json.to_plain(metrics)
    text, too_large = exact_json.encode_fitting(valid, "result")
    problems += too_large
    if not problems:  # it is no mapping, or one that is not the same each time it is read
        is_ours = isinstance(error, InvalidValueError)
        problems.append(str(error) if is_ours else exact_json.unreadable("the result", error))
    return {
        "outcome": Outcome.INVALID_RESULT,
        "error_type": "InvalidResult",
        "error_message": storable_text(exact_json.joined(problems, _MESSAGE_CHARACTERS)),
        "partial": None if text == "{}" else text,
    }


def _failure(error: BaseException) -> dict[str, Any]:
    hide_values(error)  # of statements on databases of the user's own
    return {
        "outcome": Outcome.ERROR,
        "error_type": storable_text(type(error).__qualname__),
        "error_message": storable_text(_message(error)[:_MESSAGE_CHARACTERS]),
        "traceback": storable_text(_traceback(error)),
    }


def _message(error: BaseException) -> str:
    try:
        if isinstance(error, SystemExit):
            return f"the experiment called sys.exit({error.code!r}); return results instead"
        notes = getattr(error, "__notes__", None) or ()
        return "\n".join([str(error), *map(str, notes)])
    except BaseException as second:  # noqa: BLE001 - a user's __str__ may raise anything
        return f"(its message is not available: {type(second).__name__})"


def _traceback(error: BaseException) -> str:
    """Return the traceback without the frames of `attempt` and `LoadedTarget.call`."""
    frames = error.__traceback__
    for _ in range(2):
        frames = frames.tb_next if frames else None
    try:
        parts = list(traceback.TracebackException(type(error), error, frames).format())
    except BaseException as second:  # noqa: BLE001 - it calls the user's __str__ again
        name = type(error).__qualname__
        parts = traceback.format_tb(frames)
        parts.append(f"{name} (its message is not available: {type(second).__name__})\n")
    return joined_within(parts, _TRACEBACK_CHARACTERS)


def _cpu_s(own: resource.struct_rusage) -> float:
    """Return the CPU time of this process and its ended children, in seconds."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak_memory_bytes(own: resource.struct_rusage) -> int:
    """Return the largest resident size of this process so far."""
    return own.ru_maxrss if sys.platform == "darwin" else own.ru_maxrss * 1024
