"""Supervising one child: its messages, its limits, and its end."""

from __future__ import annotations

import select
import struct
import time

from database.claims.types import Finished
from database.models import Outcome
from experiments.attempt.in_process import Task
from experiments.execution.ending_messages import sentence
from experiments.execution.options import Execution
from experiments.execution.worker_control import Control, Doom
from experiments.isolation.channel import ChannelClosedError, Kind, Message
from experiments.isolation.child import Job
from experiments.isolation.child_process import ChildProcess
from experiments.isolation.outcome import Case
from experiments.isolation.sigterm import Termination
from experiments.journal_encoding import decode_chunks, decode_finished
from experiments.processes.memory import MemoryMeter, memory_message

#: Between SIGTERM and SIGKILL; shorter than the time that the supervisor gives the worker itself.
GRACE_S = 4.0
#: How often to look at the memory, when it has a limit.
_LOOK_S = 0.1
#: How often to look whether a child has died, where the kernel does not tell.
_UNTOLD_S = 0.02
#: After SIGKILL, in case something escaped it.
_AGAIN_S = 0.5


class Supervision:
    """One attempt, from the job to the child's last word.

    Parameters
    ----------
    task : Task
        What to run.
    child : ChildProcess
        Waits for its job.
    execution : Execution
        The limits.
    control : Control
        What the supervisor says.
    termination : Termination
        Whether this process is to end.
    """

    def __init__(
        self,
        task: Task,
        child: ChildProcess,
        *,
        execution: Execution,
        control: Control,
        termination: Termination,
    ) -> None:
        self._task = task
        self._child = child
        self._timeout_s = execution.timeout_s
        self._limit_bytes = execution.memory_bytes
        self._control = control
        self._termination = termination
        self._meter = MemoryMeter(execution.memory_bytes)
        self._started_at, self._begun = time.time(), time.monotonic()
        self._look_at = self._begun + _LOOK_S
        self._doom: Doom | None = None
        self._kill_at: float | None = None
        self._is_open = True
        self._said: Finished | None = None

    def run(self) -> Finished | None:
        """Return what the child said of its end, or None when it died without a word."""
        try:
            self._child.channel.send(Kind.JOB, Job.of(self._task).encode())
        except ChannelClosedError:
            self._is_open = False  # it has died already
        while self._said is None:
            has_ended = self._wait()
            self._listen()
            if has_ended:
                break
            self._obey()
        return self._said

    def case(self) -> Case:
        """Return what was seen of the attempt."""
        return Case(self._task.token, self._started_at, self._begun, self._meter.peak_bytes, self._doom)

    def _wait(self) -> bool:
        """Wait for something to do; return whether the child has ended."""
        poll = select.poll()
        descriptors = [self._child.end_descriptor, self._control.fileno()]
        descriptors += [self._child.channel.fileno()] if self._is_open else []
        descriptors += [] if self._termination.came else [self._termination.fileno()]
        for descriptor in descriptors:
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(self._pause_ms())}
        if self._child.end_descriptor is not None:
            return self._child.end_descriptor in ready
        return self._child.has_ended()

    def _pause_ms(self) -> float | None:
        moments = []
        if self._child.end_descriptor is None:
            moments.append(time.monotonic() + _UNTOLD_S)
        if self._kill_at is not None:
            moments.append(self._kill_at)
        if self._doom is None and self._timeout_s is not None:
            moments.append(self._begun + self._timeout_s)
        if self._doom is None and self._limit_bytes is not None:
            moments.append(self._look_at)
        # One more, because poll takes whole milliseconds: not to wake up just before the moment.
        return max(0.0, min(moments) - time.monotonic()) * 1000 + 1 if moments else None

    def _listen(self) -> None:
        while self._is_open and self._said is None:
            try:
                message = self._child.channel.receive(0)
            except ChannelClosedError:
                self._is_open = False
                return
            if message is None:
                return
            self._take(message)

    def _take(self, message: Message) -> None:
        try:
            if message.kind is Kind.FINISHED:
                self._said = decode_finished(message.body)
                return
            chunks = decode_chunks(message.body)
        except (ValueError, TypeError, KeyError, struct.error) as error:
            self._said = Finished(
                *self._task.token, Outcome.CRASHED, error_message=f"its process answered nonsense ({error})"
            )
            return
        written = self._task.write(chunks)
        try:
            self._child.channel.send(Kind.WRITTEN, b"\x01" if written else b"\x00")
        except ChannelClosedError:
            self._is_open = False

    def _obey(self) -> None:
        """End the child when something asks for it."""
        if self._said is not None:
            return
        now = time.monotonic()
        if self._doom is None:
            self._doom = self._find_doom(now)
            if self._doom is None:
                return
            if self._doom.outcome is Outcome.OUT_OF_MEMORY:
                self._kill_at = now  # whoever eats memory gets no time to eat more
            else:
                self._kill_at = now + GRACE_S
                self._child.terminate()
        if self._kill_at is not None and now >= self._kill_at:
            self._child.kill()
            self._kill_at = now + _AGAIN_S

    def _find_doom(self, now: float) -> Doom | None:
        token = self._task.token
        if (told := self._control.doom(token)) is not None:
            return told
        if self._termination.came:
            return Doom(Outcome.INTERRUPTED, token)
        if self._timeout_s is not None and now - self._begun >= self._timeout_s:
            return Doom(Outcome.TIMED_OUT, token, sentence(Outcome.TIMED_OUT, now - self._begun))
        if self._limit_bytes is not None and now >= self._look_at:
            self._look_at = now + _LOOK_S
            taken = self._meter.read(self._child.pid)
            if taken is not None and taken > self._limit_bytes:
                return Doom(Outcome.OUT_OF_MEMORY, token, memory_message(taken, self._limit_bytes))
        return None
