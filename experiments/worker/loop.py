"""The loop of a worker: claim, run, record.

Claims come in batches of about 100 ms of work, one at a time when experiments are long. What is
finished is recorded and what comes next is claimed in one transaction. Meanwhile the supervisor reads the
journal; see `experiments.journal`.
"""

from __future__ import annotations

import logging
import math
import os
import threading
from collections import deque

from sqlalchemy.orm import Session

from database import clock
from database.claims import protocol
from database.claims.types import Claim, ClaimRequest, ExchangeResult, Finished, Token
from database.code_sets import RunningCode, record_code_sets
from database.errors import SessionMisuseError
from database.models import ExperimentSeries, Outcome
from database.session.lifecycle import assert_idle
from database.session.retry import retrying_transaction
from experiments.attempt.in_process import Attempts
from experiments.attempt.single import Task
from experiments.execution.worker_config import WorkerConfig
from experiments.execution.worker_control import WorkerControl, ended_from_outside, ended_now
from experiments.journal import JournalWriter
from experiments.output.capture import OutputCapture
from experiments.output.log_tail import with_log_tail
from experiments.points.unrecorded import read_unrecorded
from experiments.processes.open_files import OwnDescriptors
from experiments.worker.recycling import Recycling

logger = logging.getLogger(__name__)

#: The target duration of a batch of claims, in seconds.
BATCH_S = 0.1
#: The maximum number of claims that a worker holds.
MAX_BATCH = 1000
#: After an experiment this long the supervisor may have released the waiting claims.
REVALIDATE_S = 0.1
#: Within a batch, results are recorded after at most this time.
RECORD_EVERY_S = 0.25
#: Claims that would wait longer than this are released.
MAX_WAIT_S = 1.0


class Worker:
    """Runs a series' experiments until nothing is pending, or until it is asked to stop.

    Parameters
    ----------
    session : Session
        This process's; idle whenever user code runs.
    config : WorkerConfig
        With the ids of a registered runner and worker.
    series : ExperimentSeries
        What it claims from; of that session.
    attempts : Attempts
        Where its experiments run; closed at the end.
    control : WorkerControl
        The supervisor's messages.
    capture : OutputCapture or None
        None does not redirect stdout and stderr: the process is the user's own.
    """

    def __init__(
        self,
        session: Session,
        config: WorkerConfig,
        series: ExperimentSeries,
        *,
        attempts: Attempts,
        control: WorkerControl,
        capture: OutputCapture | None = None,
    ) -> None:
        self._session = session
        runner_id, self._worker_id = config.identity()
        self._series_id, self._series_folder = series.id, series.folder
        self._git_commit = config.git_commit
        self._folder = config.folder()
        self._canary = config.options.canary
        self._attempts = attempts
        self._journal = JournalWriter(self._folder.journal(runner_id, self._worker_id))
        self._points = self._folder.points(runner_id, self._worker_id)
        self._files = self._folder.files(series.folder)
        self._capture = capture
        self._control = control
        self._recycling = Recycling(config.execution)
        self._descriptors = OwnDescriptors(self._journal, session.get_bind().engine.url)
        self._policy = config.execution.policy
        self._code: RunningCode | None = None
        self._new_codes: dict[int, RunningCode] = {}
        self._recorded_codes: set[int] = set()
        self._owner = os.getpid(), threading.get_ident()
        attempts.notify(self._note_edit)
        self._queue: deque[Claim] = deque()
        self._finished: list[Finished] = []
        self._batch = 1
        self._exchanged_at = 0.0
        self._recorded = 0

    def run(self) -> int:
        """Run until the end; return how many outcomes were recorded.

        Raises
        ------
        FencedError
            This worker was declared dead.
        KeyboardInterrupt
            Ctrl-C in a process of the user's own; all claims are released before.
        """
        orderly = False
        try:
            self._journal.recorded()
            while self._refill():
                self._work_off()
            orderly = True
        except KeyboardInterrupt:
            self._record_and_claim(0, release=True)
            raise
        finally:
            self._attempts.close()
            self._journal.close(orderly=orderly)
        return self._recorded

    def _refill(self) -> bool:
        """Record, and claim the next batch; return whether there is something to do."""
        stopping = self._is_ending() or self._recycling.is_due()
        self._record_and_claim(0 if stopping else self._recycling.room(self._batch), release=stopping)
        return bool(self._queue) and not stopping

    def _is_ending(self) -> bool:
        """Whether no further experiment may begin."""
        return self._control.is_ending() or self._attempts.tainted is not None

    def _work_off(self) -> None:
        begun, done = clock.monotonic(), 0
        while self._queue and not self._is_ending():
            finished = self._attempt(self._queue.popleft())
            done += 1
            now = clock.monotonic()
            typical_s = (now - begun) / done
            if self._queue and (
                (finished.duration_s or 0.0) > REVALIDATE_S or now - self._exchanged_at > RECORD_EVERY_S
            ):
                self._record_and_claim(0, release=typical_s * len(self._queue) > MAX_WAIT_S)
        if done:
            wanted = int(BATCH_S * done / max(clock.monotonic() - begun, 1e-6))
            self._batch = max(1, min(wanted, 2 * self._batch, MAX_BATCH))

    def _attempt(self, claim: Claim) -> Finished:
        token = claim.token
        self._attempts.prepare()
        self._note_code()
        self._journal.started(token)
        task = Task(claim, files=self._files, points=self._points)
        begun = clock.monotonic()
        try:
            finished = self._attempts.attempt(task)
        except KeyboardInterrupt:
            finished = ended_now(token, Outcome.INTERRUPTED, clock.monotonic() - begun)
            chunks = read_unrecorded(self._points, token).chunks
            self._finished.append(finished._replace(code=self._note_code().id, chunks=chunks))
            raise
        code = self._note_code()
        if finished.code is None:  # its process did not say how it ended
            finished = finished._replace(code=code.id)
        self._recycling.count()
        self._descriptors.check()
        if finished.outcome is not Outcome.COMPLETED:
            request = self._control.kill_request(token)
            if request is not None:
                finished = ended_from_outside(finished, request.outcome, request.reason)
        if self._attempts.tainted is not None:
            logger.warning(
                "experiment %d changed %s, which cannot be put back: another worker takes over "
                "(with isolation: process each experiment has a process of its own)",
                claim.experiment_id,
                self._attempts.tainted,
            )
        try:
            assert_idle(f"experiment {claim.experiment_id}")
        except SessionMisuseError as error:
            logger.warning("%s", error)
        finished = with_log_tail(finished, self._collect_output(token))
        self._journal.finished(finished)
        self._finished.append(finished)
        return finished

    def _note_code(self) -> RunningCode:
        """Return what the attempt runs; what is new is journaled, and recorded with the next exchange."""
        files = self._attempts.code
        if self._code is None or self._code.files is not files:
            self._code = RunningCode(self._series_id, files, self._git_commit)
            self._journal.code(self._code)
            if self._code.id not in self._recorded_codes:
                self._new_codes[self._code.id] = self._code
        return self._code

    def _note_edit(self) -> None:
        # Elsewhere the journal and the database are not this thread's; the end of the attempt tells.
        if self._owner == (os.getpid(), threading.get_ident()):
            self._note_code()

    def _collect_output(self, token: Token) -> str | None:
        if self._capture is None:
            return None
        try:
            return self._capture.collect(lambda: self._folder.log(self._series_folder, *token))
        except OSError as error:  # a missing log must not lose the result
            return f"(the log could not be written: {error})"

    def _record_and_claim(self, wanted: int, *, release: bool) -> None:
        held = [claim.token for claim in self._queue]
        request = ClaimRequest(
            self._series_id,
            claims=wanted,
            keep=() if release else held,
            release=held if release else (),
            canary=self._canary,
        )
        result = retrying_transaction(
            self._session,
            lambda session: self._exchange(session, request),
            # The journal has the results: recording can wait, and after a stop the supervisor does it.
            deadline_s=math.inf,
            give_up=self._control.is_stopped,
        )
        for experiment_id, _ in result.refused:
            logger.warning("experiment %d was revoked meanwhile; its result is not recorded", experiment_id)
        self._journal.recorded()
        self._recorded_codes |= self._new_codes.keys()
        self._new_codes.clear()
        self._recorded += len(result.recorded)
        self._finished.clear()
        kept = [claim for claim in self._queue if claim.token in result.kept]
        self._queue = deque([*kept, *result.claims])
        self._exchanged_at = clock.monotonic()

    def _exchange(self, session: Session, request: ClaimRequest) -> ExchangeResult:
        record_code_sets(session, self._new_codes.values())
        return protocol.record_and_claim(
            session, self._worker_id, self._finished, request=request, policy=self._policy
        )
