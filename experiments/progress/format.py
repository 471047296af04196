"""Progress as text."""

from __future__ import annotations

import json
from typing import Any

from database.queries.throughput import LatestFailure
from experiments.execution.assignment import Stage
from experiments.parameters import flatten_recorded
from experiments.progress.model import RunProgress, Slowest
from experiments.units import duration_text, many

#: A longer cause of a failure is cut.
_TEXT_CHARACTERS = 400
#: Longer parameters are cut.
_PARAMETER_CHARACTERS = 80


def one_line(progress: RunProgress) -> str:
    """Return the progress in one line."""
    parts = remarks(progress)
    parts += [f"{progress.done}/{progress.wanted} done", *numbers(progress)]
    return f"{progress.series}: {', '.join(parts)}"


def remarks(progress: RunProgress) -> list[str]:
    """Return remarks: a start, a stop and its reason, a pause, a database that does not answer."""
    status, texts = progress.status, []
    if status.reason is not None:
        texts.append(status.reason)
    if status.stage is not Stage.RUNNING:
        texts.append(status.stage.value)
    elif progress.starting:
        texts.append(f"starting {many(progress.starting, 'worker')}")
    if progress.paused:
        texts.append("paused")
    if progress.runners == 0 and progress.left and not progress.silent_s:
        texts.append("no live runner")
    if progress.silent_s:
        away = f"the database has not answered for {time_text(progress.silent_s)}"
        if status.waiting:
            away += f"; {journals_text(status.waiting)}"
        texts.append(away)
    return texts


def journals_text(waiting: int) -> str:
    """Return how many finished results the database does not have yet, as text."""
    return f"{many(waiting, 'result')} wait{'s' if waiting == 1 else ''} in the journals"


def numbers(progress: RunProgress) -> list[str]:
    """Return the further figures: running, failed, cancelled, rate, elapsed time and time left."""
    counts = progress.counts
    parts = [f"{counts.running} running"]
    if counts.failed:
        parts.append(f"{counts.failed} failed")
    if counts.cancelled:
        parts.append(f"{counts.cancelled} cancelled")
    if progress.rate_per_s:
        parts.append(rate_text(progress.rate_per_s))
    if progress.elapsed_s is not None:
        parts.append(f"{time_text(progress.elapsed_s)} elapsed")
    if progress.remaining_s is not None and progress.left:
        parts.append(f"{time_text(max(1.0, progress.remaining_s))} left")
    return parts


def rate_text(per_s: float) -> str:
    """Return a rate in the smallest unit that gives at least 1: ``2.5/s``, ``4/min``, ``1.5/h``."""
    if per_s >= 99.5:
        return f"{per_s:.0f}/s"
    for factor, unit in ((1, "s"), (60, "min"), (3600, "h")):
        if per_s * factor >= 0.95 or unit == "h":
            return f"{per_s * factor:.3g}/{unit}"
    raise AssertionError("unreachable: every rate has a unit")


def time_text(seconds: float) -> str:
    """Return a duration; from one second on, without fractions."""
    return duration_text(round(seconds) if seconds >= 1 else seconds)


def slowest_text(slowest: Slowest) -> str:
    """Return the slowest experiment, with its parameters as far as there is room."""
    text = f"experiment {slowest.experiment} for {time_text(slowest.busy_s)}"
    shown = parameters_text(slowest.parameters or {})
    return f"{text}: {shown}" if shown else text


def failure_text(failure: LatestFailure) -> str:
    """Return why an experiment failed, in one line."""
    ended = "failed, is tried again" if failure.retried else "failed"
    text = f"experiment {failure.experiment} {ended}: {failure.reason}"
    return printable(text[:_TEXT_CHARACTERS])


def printable(text: str) -> str:
    """Return a text with control characters escaped: they could change what a terminal shows."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def parameters_text(parameters: dict[str, Any]) -> str:
    """Return parameters by dotted names in one line, cut when long."""
    text = " ".join(f"{name}={_value_text(value)}" for name, value in flatten_recorded(parameters).items())
    return text if len(text) <= _PARAMETER_CHARACTERS else f"{text[: _PARAMETER_CHARACTERS - 3]}..."


def _value_text(value: object) -> str:
    if isinstance(value, str) and value.isprintable():
        return value
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if text.isprintable() else json.dumps(value, default=str)
