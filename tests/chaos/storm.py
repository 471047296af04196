"""A storm: real runners work a series while everything around and in them is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.project import PATIENCE_S, Project, processes_in
from tests.chaos.checker import Evidence, leftovers, violations
from tests.chaos.plan import Plan
from tests.chaos.series import Notes, write_series
from tests.chaos.violence import Violence
from tests.faults.proxy import Cut, Proxy
from tests.faults.server import Server

LEASE_S = 1.5
_HEARTBEAT_S = 0.3
#: Without any progress for so long something hangs.
_HANGS_AFTER_S = 60.0
#: Between two blows so many experiments begin, or so much time passes: whatever happens, the work goes on.
_BREATH = 3
_BREATH_S = 0.3
_PAUSE_S = 0.005
#: When nothing has begun for so long, all may be waiting for the next blow.
_STANDSTILL_S = 1.0
#: So often runners are started again when all have ended and something is left.
_MOST_ROUNDS = 3
#: Ends of `experiments run`: all done; done, with failures.
_DONE = frozenset({0, 1})
#: The database did not answer when a runner was just starting.
_AWAY = 3


class StormError(AssertionError):
    """Nothing went on any more, or a runner gave up."""


@dataclass(frozen=True)
class Aftermath:
    """What came of a storm.

    Attributes
    ----------
    violations : list of str
        Rules that do not hold.
    figures : dict
        What happened, in words.
    """

    violations: list[str]
    figures: dict[str, object]

    @property
    def kills(self) -> int:
        """How many SIGKILLs were sent."""
        return int(str(self.figures["kills"]))

    def __str__(self) -> str:
        told = "; ".join(f"{name} {figure}" for name, figure in self.figures.items())
        return "\n".join([told, *self.violations])


@dataclass
class _Slot:
    """The place of one runner, who is started again whenever it dies."""

    number: int
    process: subprocess.Popen[bytes]
    done: bool = False
    exits: Counter[int] = field(default_factory=Counter)


class Storm:
    """Works `plan` off in a project.

    Parameters
    ----------
    folder : Path
        An empty folder for it.
    url : str
        An empty database, as the check reads it.
    server : Server or None
        The PostgreSQL server, if the database is there; it is killed, and reached through a proxy.
    environment : dict, optional
        More variables for the runners.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        url: str,
        *,
        server: Server | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self._plan = plan
        self._url = url
        self._proxy = Proxy(server.url) if server is not None else None
        if self._proxy is not None and plan.cut_share:
            self._proxy.cut_at_random(plan.cut_share, plan.seed)
        self._project = Project(folder, url if self._proxy is None else self._proxy.url(url))
        self._temporary = Path(tempfile.mkdtemp(prefix="s"))  # sockets' paths must be short
        self._project.environment |= {
            "EXPERIMENTS_LEASE_S": str(LEASE_S),
            "EXPERIMENTS_HEARTBEAT_S": str(_HEARTBEAT_S),
            "PYTHONFAULTHANDLER": "1",
            "TMPDIR": str(self._temporary),
            **(environment or {}),
        }
        away = {_AWAY} if server is not None else set()
        self._expected = {*_DONE, -signal.SIGKILL, *away}
        self._notes = Notes(folder / "journal")
        self._violence = Violence(plan.seed, LEASE_S, server)
        self._slots: list[_Slot] = []
        self._progress_at = time.monotonic()
        self._begun_at = time.monotonic()

    def _create(self) -> None:
        """Record the experiments; a server that another storm has killed may be starting still."""
        give_up_at = time.monotonic() + PATIENCE_S
        while self._project.run("create", "s.yaml", code=None).returncode != 0:
            if time.monotonic() > give_up_at:
                raise StormError("the series could not be created")
            time.sleep(0.1)

    def run(self) -> Aftermath:
        """Let it rage until all work is done, and look at what is left.

        Raises
        ------
        StormError
            With what all processes were at, or what the runner said.
        """
        target, series = write_series(self._plan)
        self._project.write("target.py", target)
        self._project.write("s.yaml", series)
        try:
            self._create()
            self._rage()
            self._settle()
            resumed = self._resumed()
        finally:
            self._violence.thaw(all_of_them=True)
            for slot in self._slots:
                slot.process.kill()
                slot.process.wait()
            if self._proxy is not None:
                self._proxy.close()
        evidence = Evidence.read(self._url)
        broken = [*violations(self._plan, evidence, self._notes), *self._left(), *resumed]
        shutil.rmtree(self._temporary)
        return Aftermath(broken, self._figures(evidence))

    def _rage(self) -> None:
        self._slots = [_Slot(number, self._start(number)) for number in range(self._plan.runners)]
        calm_until, calm_until_s = 0, 0.0
        schedule = list(self._plan.schedule())
        while not all(slot.done for slot in self._slots):
            self._look()
            executions = self._notes.executions
            calm = executions < calm_until and time.monotonic() < calm_until_s
            if not schedule or calm or not (executions >= schedule[0][0] or self._stands_still()):
                continue
            living = [slot.process.pid for slot in self._slots if slot.process.poll() is None]
            if self._violence.deal(schedule[0][1], living, self._notes.pids):
                schedule.pop(0)
                calm_until, calm_until_s = executions + _BREATH, time.monotonic() + _BREATH_S
                with (self._project.folder / "dealt").open("ab") as dealt:
                    dealt.write(b".")

    def _stands_still(self) -> bool:
        return time.monotonic() - self._progress_at > _STANDSTILL_S

    def _look(self) -> None:
        """See what has happened meanwhile; the dead are replaced at once."""
        time.sleep(_PAUSE_S)
        self._violence.thaw()
        if self._notes.update():
            self._progress_at = time.monotonic()
        for slot in self._slots:
            code = slot.process.poll()
            if code is None or slot.done:
                continue
            slot.exits[code] += 1
            slot.done = code in _DONE
            if code not in self._expected:
                raise StormError(f"runner {slot.number} ended with {code}: {self._tail(slot.number)}")
            if not slot.done:
                slot.process = self._start(slot.number)
        if time.monotonic() - self._progress_at > _HANGS_AFTER_S:
            raise StormError(self._dump())

    def _settle(self) -> None:
        """Let runners finish what others have left behind; what they never finish, the check will find."""
        for _ in range(_MOST_ROUNDS):
            if not self._is_unfinished():
                return
            for slot in self._slots:
                slot.process, slot.done = self._start(slot.number), False
            while not all(slot.done for slot in self._slots):
                self._look()

    def _is_unfinished(self) -> bool:
        evidence = Evidence.read(self._url)
        return evidence.alive > 0 or any(
            row.status not in {"completed", "failed"} for row in evidence.experiments
        )

    def _resumed(self) -> list[str]:
        """Run once more; there is nothing to do."""
        self._notes.update()
        before = self._notes.executions
        self._project.run("run", "s.yaml", "--workers", "2", code=1 if self._plan.poison else 0)
        self._notes.update()
        more = self._notes.executions - before
        return [f"to run it again executes nothing: broken {more} times"] if more else []

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        host = number % self._plan.hosts
        command = [*self._project.command, "run", "s.yaml", "--workers", str(self._plan.workers)]
        with self._said(number).open("ab") as said:
            return subprocess.Popen(
                command,
                cwd=self._project.folder,
                env={
                    **self._project.environment,
                    "EXPERIMENTS_HOST": f"host-{host}",
                    "EXPERIMENTS_RESULTS": str(self._results(host)),
                },
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def _results(self, host: int) -> Path:
        return self._project.folder / f"results-{host}"

    def _said(self, number: int) -> Path:
        return self._project.folder / f"runner-{number}.said"

    def _left(self) -> list[str]:
        roots = [self._results(host) for host in range(self._plan.hosts)]
        left = leftovers(roots, self._temporary)
        give_up_at = time.monotonic() + _HANGS_AFTER_S
        # What was killed may still need the processor to die.
        while (alive := processes_in(self._project.folder)) and time.monotonic() < give_up_at:
            time.sleep(_PAUSE_S)
        return [*left, *(f"a process is left: {_command_line(pid)}" for pid in alive)]

    def _figures(self, evidence: Evidence) -> dict[str, object]:
        outcomes = Counter(outcome for found in evidence.attempts.values() for _, outcome in found)
        exits: Counter[int] = sum((slot.exits for slot in self._slots), Counter())
        said = "".join(self._said(slot.number).read_text(errors="replace") for slot in self._slots)
        return {
            "seed": self._plan.seed,
            "isolation": self._plan.isolation,
            "seconds": round(time.monotonic() - self._begun_at, 1),
            "kills": self._violence.kills,
            "blows": {blow.name.lower(): times for blow, times in self._violence.dealt.items()},
            "COMMITs cut": {
                cut.name.lower(): times for cut, times in self._proxy.cuts.items() if cut is not Cut.NONE
            }
            if self._proxy is not None
            else {},
            "experiments": self._plan.experiments,
            "executions": self._notes.executions,
            "outcomes": dict(outcomes),
            "fenced runners": said.count("it registers again"),
            "finished and not recorded": sum(
                (number, "completed") not in evidence.attempts.get(x, []) for x, number in self._notes.ends
            ),
            "taken over": said.count("taking over from a runner that died"),
            "exit codes": dict(exits),
        }

    def _dump(self) -> str:
        """Let all processes say what they are at, and return it."""
        self._violence.thaw(all_of_them=True)
        said = [f"nothing has gone on for {_HANGS_AFTER_S:.0f} s (seed {self._plan.seed})"]
        said += [_command_line(pid) for pid in processes_in(self._project.folder)]
        for pid in processes_in(self._project.folder):
            os.kill(pid, signal.SIGABRT)
        time.sleep(1.0)
        said += [path.read_text(errors="replace")[-5000:] for path in self._project.folder.rglob("*.out")]
        said += [self._tail(slot.number, 8000) for slot in self._slots]
        return "\n".join(said)

    def _tail(self, number: int, size: int = 2000) -> str:
        return self._said(number).read_text(errors="replace")[-size:]


def _command_line(pid: int) -> str:
    try:
        words: Sequence[str] = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        state = Path(f"/proc/{pid}/wchan").read_text()
    except OSError:
        return f"{pid} (gone)"
    return f"{pid} {' '.join(words)[:200]} {state}"
