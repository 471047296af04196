"""The log of an attempt: its file, the captured output while it runs, or the tail in the database.

A worker's captured output is that of its current attempt, which the worker's journal names. When an attempt
ends, its output is first moved to its log, then the capture is emptied, then the journal records the end. So
what was read from the capture belongs to the attempt if the journal, read afterwards, still names it.

A log is folded (see `experiments.output.folding`) and the capture is not: who follows an attempt gets what it
writes as it comes, as a terminal does, and of the log what follows the line that was read last.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from database import clock
from database.errors import ExperimentsError, NotFoundError
from database.process_identity import ProcessIdentity
from database.queries.experiment_detail import ExperimentRecord, RunningAttempt, experiment_record
from database.session.lifecycle import scoped_session
from experiments.journal import JournalReader
from experiments.output.capture import KEPT_BYTES, read_output
from experiments.output.folding import Folding, fold
from experiments.output.results_folder import ResultsFolder

#: Seconds between two reads of the captured output, and between two queries of the database.
_POLL_S = 0.2
_QUERY_S = 1.0
#: The maximum number of bytes per read.
_READ_BYTES = 1 << 20
#: Replaces the middle of a long log.
_CUT = re.compile(rb"\n\[\.\.\. (\d+) bytes left out \.\.\.\]\n")


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
        As a terminal shows it at last; None when nothing was written, or what was written is out of reach.
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
        content, note = _content(path, read_output), f"{name}, attempt {number} is still running"
    else:
        path = folder.log(record.folder, record.experiment.id, number)
        content, note = _content(path, _read_log), None
    if content:
        return Log(number, path, content, note)
    if number not in recorded:
        return Log(number, None, None, f"{note}: nothing was written")
    ended, host = recorded[number], recorded[number].host or "another host"
    is_here = host == ProcessIdentity.own().host
    missing = f"{path} was deleted" if is_here else f"the log is not on this computer (it ran on {host})"
    if tail := ended.log_tail:
        return Log(number, None, f"{tail}\n".encode(), f"{missing}; these are the last lines it wrote")
    # Of completed attempts the database has no tail.
    return Log(number, None, None, f"{name}, attempt {number}: nothing was written, or {missing}")


def _content(path: Path, read: Callable[[int], bytes]) -> bytes | None:
    try:
        with path.open("rb") as file:
            return read(file.fileno())
    except OSError:  # none was written, or it is on another host
        return None


def _read_log(file: int) -> bytes:
    """Return a log, folded: earlier versions wrote it as it came."""
    return fold(os.pread(file, os.fstat(file).st_size, 0))


def follow_log(
    record: ExperimentRecord, folder: ResultsFolder, *, pause: Callable[[float], None] = clock.sleep
) -> Iterator[bytes | str]:
    """Yield the output of the running attempt of an experiment until it ends.

    Parameters
    ----------
    record : ExperimentRecord
        With a running attempt.
    folder : ResultsFolder
        Where captured output and logs are on this host.
    pause : callable
        Called with the seconds to wait between two reads.

    Yields
    ------
    bytes or str
        Output as bytes, and remarks as text.

    Raises
    ------
    NotFoundError
        Its output is on another computer.
    """
    running = record.running
    assert running is not None
    following = _Following(record, running, folder)
    try:
        yield from following.until_end(pause)
    finally:
        following.close()


class _Following:
    def __init__(self, record: ExperimentRecord, running: RunningAttempt, folder: ResultsFolder) -> None:
        self._running = running
        self._token = (record.experiment.id, running.number)
        self._name = f"experiment {self._token[0]}, attempt {self._token[1]}"
        self._capture = folder.capture(running.runner_id, running.worker_id)
        self._log = folder.log(record.folder, *self._token)
        journal = folder.journal(running.runner_id, running.worker_id)
        self._journal = JournalReader(journal)
        self._offset = 0
        self._folding = Folding()
        self._was_trimmed = False
        self._has_begun = False
        self._query_at = 0.0
        if not self._capture.exists() and not self._has_ended():
            raise NotFoundError(
                f"{self._name} runs in a process without workers, which writes to its own terminal"
                if journal.exists()
                else f"{self._name} runs on {running.host}, and what it writes is not in {folder.root} of "
                "this computer; follow it there"
            )

    def until_end(self, pause: Callable[[float], None]) -> Iterator[bytes | str]:
        while True:
            new = self._new_output()
            if self._has_ended():
                yield from self._rest()
                return
            if self._has_begun and new is None:
                self._was_trimmed, self._offset = True, self._size()
                yield "[... some of what it wrote was left out, to save space ...]"
            elif self._has_begun and new:
                self._offset += len(new)
                self._folding.feed(new)
                yield new
                if len(new) == _READ_BYTES:
                    continue
            pause(_POLL_S)

    def close(self) -> None:
        self._journal.close()

    def _new_output(self) -> bytes | None:
        """Return the output since the last read; None when the file has become shorter."""
        try:
            file = os.open(self._capture, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            size = os.fstat(file).st_size
            return os.pread(file, _READ_BYTES, self._offset) if size >= self._offset else None
        finally:
            os.close(file)

    def _size(self) -> int:
        try:
            return self._capture.stat().st_size
        except FileNotFoundError:
            return 0

    def _has_ended(self) -> bool:
        self._journal.poll()
        current = self._journal.current
        is_current = current is not None and current.token == self._token
        if self._log.exists() or (self._has_begun and not is_current):
            return True
        self._has_begun = is_current
        return self._is_gone()  # its runner may have died, or it has not started

    def _is_gone(self) -> bool:
        """Return whether its end is in the database, which is queried at intervals."""
        now = clock.monotonic()
        if now < self._query_at:
            return False
        self._query_at = now + _QUERY_S
        try:
            with scoped_session(read_only=True) as session:
                running = experiment_record(session, self._token[0]).running
        except NotFoundError:
            return True
        except (SQLAlchemyError, ExperimentsError):
            return False  # unknown while the database is away
        return running is None or running.number != self._token[1]

    def _rest(self) -> Iterator[bytes | str]:
        """Yield the part of the log that was not yielded yet, and a remark that the attempt has ended."""
        if self._log.exists():
            if self._was_trimmed:
                yield f"the rest is in {self._log}"
            else:
                yield from self._rest_of_log(self._log.read_bytes())
        yield f"{self._name} has ended"

    def _rest_of_log(self, log: bytes) -> Iterator[bytes | str]:
        begin, shown = self._folding.line
        cut = _CUT.search(log)
        if cut is None:
            yield _continued(log[begin:], shown)
        elif self._folding.has_folded or cut.start() != KEPT_BYTES:  # how much was folded there is unknown
            yield f"the rest is in {self._log}"
        else:
            offset = begin + len(shown)
            left = 2 * KEPT_BYTES + int(cut[1]) - offset
            if offset < KEPT_BYTES:
                yield log[offset:KEPT_BYTES]
            if left > KEPT_BYTES:
                yield "[... some of what it wrote was left out, to save space ...]"
            yield log[-min(left, KEPT_BYTES) :] if left else b""


def _continued(rest: bytes, shown: bytes) -> bytes:
    """Return what follows the beginning of a line, or the line anew if it was written over."""
    return rest[len(shown) :] if rest.startswith(shown) else b"\r" + rest
