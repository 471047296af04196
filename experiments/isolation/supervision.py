"""Supervising one child: its messages, its limits, and its end."""

from __future__ import annotations

import select
import signal
from collections.abc import Callable, Mapping
from types import FrameType

from database import clock
from database.claims.types import Finished
from database.models import Outcome
from experiments.attempt.single import Task
from experiments.execution.options import Execution
from experiments.execution.worker_control import KillRequest, WorkerControl
from experiments.isolation.channel import ChannelClosedError, MessageKind
from experiments.isolation.child import job_of
from experiments.isolation.child_process import ChildProcess
from experiments.isolation.outcome import ObservedAttempt
from experiments.journal_encoding import UnreadableError, decode_files, decode_finished
from experiments.processes.memory import MemoryMeter, memory_message
from experiments.processes.process_tree import kill_tree
from experiments.processes.stop_signals import StopSignals

#: The time between SIGTERM and SIGKILL; shorter than the supervisor's for the worker itself.
GRACE_S = 4.0
#: The interval of measuring the memory, with a limit.
_MEASURE_S = 0.1
#: How often to check whether a child has died, where the kernel has no pidfd.
_EXIT_POLL_S = 0.02
#: The time between two SIGKILLs, in case a process escaped the first.
_KILL_AGAIN_S = 0.5


class SigtermRequest(StopSignals):
    """SIGTERM to a worker that runs no user code: it ends the running attempt, and stops.

    Parameters
    ----------
    control : WorkerControl
        Stopped by the signal.
    """

    def __init__(self, control: WorkerControl) -> None:
        super().__init__((signal.SIGTERM,))
        self._control = control

    def wait(self, timeout_s: float) -> None:
        """Wait until the signal or a message of the supervisor arrives."""
        poll = select.poll()
        for descriptor in (self.fileno(), self._control.fileno()):
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
        poll.poll(timeout_s * 1000)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.received.append(number)
        self._control.stop()


class Supervision:
    """One attempt, from the job to the child's report.

    Parameters
    ----------
    task : Task
        What to run.
    child : ChildProcess
        A child that waits for its job.
    execution : Execution
        The limits.
    control : WorkerControl
        The supervisor's messages.
    sigterm : SigtermRequest
        Whether this process has to end.
    on_code : callable
        Called with the digests of the child's files, when it has loaded others than the fork server.
    """

    def __init__(
        self,
        task: Task,
        child: ChildProcess,
        *,
        execution: Execution,
        control: WorkerControl,
        sigterm: SigtermRequest,
        on_code: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._task = task
        self._on_code = on_code
        self._child = child
        self._timeout_s = execution.timeout_s
        self._limit_bytes = execution.memory_bytes
        self._control = control
        self._sigterm = sigterm
        self._meter = MemoryMeter(execution.memory_bytes)
        self._begun = clock.monotonic()
        self._measure_at = self._begun + _MEASURE_S
        self._kill: KillRequest | None = None
        self._kill_at: float | None = None
        self._is_open = True
        self._reported: Finished | None = None

    def run(self) -> Finished | None:
        """Return the child's report of its end, or None when it died without one."""
        try:
            self._child.channel.send(MessageKind.JOB, job_of(self._task))
        except ChannelClosedError:
            self._is_open = False  # it has died already
        while self._reported is None:
            has_ended = self._wait()
            self._read_messages()
            if has_ended:
                break
            self._enforce()
        return self._reported

    def observed(self) -> ObservedAttempt:
        """Return the observations of the attempt."""
        return ObservedAttempt(self._task.claim.token, self._begun, self._meter.peak_bytes, self._kill)

    def _wait(self) -> bool:
        """Wait for a message, a signal or a time limit; return whether the child has ended."""
        poll = select.poll()
        descriptors = [self._child.end_descriptor, self._control.fileno()]
        descriptors += [self._child.channel.fileno()] if self._is_open else []
        descriptors += [] if self._sigterm.received else [self._sigterm.fileno()]
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
            moments.append(clock.monotonic() + _EXIT_POLL_S)
        if self._kill_at is not None:
            moments.append(self._kill_at)
        if self._kill is None and self._timeout_s is not None:
            moments.append(self._begun + self._timeout_s)
        if self._kill is None and self._limit_bytes is not None:
            moments.append(self._measure_at)
        # Plus one: poll takes whole milliseconds and must not return just before the time.
        return max(0.0, min(moments) - clock.monotonic()) * 1000 + 1 if moments else None

    def _read_messages(self) -> None:
        while self._is_open and self._reported is None:
            try:
                message = self._child.channel.receive(0)
                if message is None:
                    return
                if message.kind is MessageKind.CODE:
                    self._on_code(decode_files(message.body))
                else:
                    self._reported = decode_finished(message.body)
            except ChannelClosedError:
                self._is_open = False
            except UnreadableError as error:
                self._reported = Finished(
                    *self._task.claim.token,
                    Outcome.CRASHED,
                    error_type="WorkerDied",
                    error_message=f"its process sent a message that cannot be read ({error})",
                )

    def _enforce(self) -> None:
        """Kill the child when there is a reason to."""
        if self._reported is not None:
            return
        now = clock.monotonic()
        if self._kill is None:
            self._kill = self._reason_to_kill(now)
            if self._kill is None:
                return
            if self._kill.outcome is Outcome.OUT_OF_MEMORY:
                self._kill_at = now  # no time to allocate more
            else:
                self._kill_at = now + GRACE_S
                kill_tree(self._child.pid, signal.SIGTERM)
        if self._kill_at is not None and now >= self._kill_at:
            kill_tree(self._child.pid)
            self._kill_at = now + _KILL_AGAIN_S

    def _reason_to_kill(self, now: float) -> KillRequest | None:
        token = self._task.claim.token
        if (request := self._control.kill_request(token)) is not None:
            return request
        if self._sigterm.received:
            return KillRequest(Outcome.INTERRUPTED, token)
        if self._timeout_s is not None and now - self._begun >= self._timeout_s:
            return KillRequest(Outcome.TIMED_OUT, token, Outcome.TIMED_OUT.sentence(now - self._begun))
        if self._limit_bytes is not None and now >= self._measure_at:
            self._measure_at = now + _MEASURE_S
            taken = self._meter.read(self._child.pid)
            if taken is not None and taken > self._limit_bytes:
                return KillRequest(Outcome.OUT_OF_MEMORY, token, memory_message(taken, self._limit_bytes))
        return None
