"""The log of an attempt: its file, the captured output while it runs, or the tail in the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from database.errors import NotFoundError
from database.queries.experiment_detail import ExperimentRecord
from experiments.output.results_folder import ResultsFolder


@dataclass(frozen=True)
class Log:
    """The output of one attempt.

    Attributes
    ----------
    attempt : int
        Its number.
    path : Path or None
        The file it was read from.
    content : bytes or None
        As written; None when nothing was written.
    note : str or None
        A remark about it, as a sentence.
    """

    attempt: int
    path: Path | None
    content: bytes | None = field(repr=False)
    note: str | None = None


def read_log(record: ExperimentRecord, folder: ResultsFolder, attempt: int | None = None) -> Log:
    """Return the output of an attempt of an experiment.

    Parameters
    ----------
    record : ExperimentRecord
        The experiment.
    folder : ResultsFolder
        Where logs are on this host.
    attempt : int, optional
        Its number; by default the one in progress, or else the last one.

    Raises
    ------
    NotFoundError
        The experiment has no such attempt, or none at all.
    """
    running = record.running
    recorded = {ended.number: ended for ended in record.attempts}
    numbers = sorted({*recorded, *([running.number] if running else [])})
    name = f"experiment {record.experiment.id}"
    if not numbers:
        raise NotFoundError(f"{name} has not been started yet; it is {record.experiment.status}")
    number = numbers[-1] if attempt is None else attempt
    if number not in numbers:
        raise NotFoundError(f"{name} has no attempt {number}; it has {', '.join(map(str, numbers))}")
    if running is not None and number == running.number:
        path = folder.capture(running.runner_id, running.worker_id)
        note = f"{name}, attempt {number} is still running"
    else:
        path = folder.log(record.folder, record.experiment.id, number)
        note = None
    content = _content(path)
    if content:
        return Log(number, path, content, note)
    tail = recorded[number].log_tail if number in recorded else None
    if tail:
        host = recorded[number].host or "another host"
        note = f"the log is not on this computer (it ran on {host}); these are the last lines it wrote"
        return Log(number, None, f"{tail}\n".encode(), note)
    return Log(number, None, None, f"{note or f'{name}, attempt {number}'}: nothing was written")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:  # none was written, or it is on another host
        return None
