"""The series that a storm works on: short experiments that keep a journal of their own.

A line is written before (`start`) and after (`end`) the work, each by one append: what is there when a
process is killed, happened. When blows are late, experiments wait for them: each byte of the file `dealt`
is one. The result depends on parameter, seed and attempt, so that it tells where it
comes from.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.plan import Plan

#: So often a poisonous experiment is tried again; kills at random hit no other experiment so often.
CRASHES_FORGIVEN = 10
#: So many experiments may begin before a blow that is due.
_SLACK = 60
#: So many experiments wait for all blows: the work is not done before the last one.
_LAST = 8
#: What an experiment may log.
POINTS = 3

_TARGET = """
    import bisect, os, time, zlib
    HERE = os.path.dirname(os.path.abspath(__file__))
    POISON = {poison}
    MOMENTS = {moments}

    def note(*words):
        file = os.open(os.path.join(HERE, "journal"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, (" ".join(map(str, words)) + "\\n").encode())
        os.close(file)

    def dealt():
        try:
            return os.path.getsize(os.path.join(HERE, "dealt"))
        except FileNotFoundError:
            return 0

    def main(x, run):
        note("start", x, run.attempt_number, os.getpid())
        if x % 5 == 0 or x in POISON:
            for point in range({points}):
                run.log(reading=x + point)
            note("logged", x, run.attempt_number, os.getpid())
        due = len(MOMENTS) if x >= {last} else bisect.bisect(MOMENTS, x - {slack})
        while dealt() < due:
            time.sleep(0.005)
        digest = zlib.crc32(f"{{run.seed}} {{x}}".encode())
        if x in POISON:
            (lambda: os.kill(os.getpid(), 9), lambda: os._exit(0), lambda: os.kill(os.getpid(), 11))[x % 3]()
        if x % 4 == 0:
            print("at", x)
        time.sleep(digest % 21 / 1000)
        note("end", x, run.attempt_number, os.getpid())
        return {{"y": digest, "attempt": run.attempt_number}}
"""

_FILE = """
    name: storm
    run: {{function: target.py:main}}
    grid: {{x: [{values}]}}
    execute:
      isolation: {isolation}
      retries: {{crashed: {crashed}, lost: 1000, interrupted: 1000, out_of_memory: 1000, delay: 0}}
"""


def write_series(plan: Plan) -> tuple[str, str]:
    """Return the target's code and the series file."""
    return (
        _TARGET.format(
            poison=set(plan.poisonous) or "()",
            moments=[moment for moment, _ in plan.schedule()],
            slack=_SLACK,
            last=plan.experiments - _LAST,
            points=POINTS,
        ),
        _FILE.format(
            values=", ".join(map(str, range(plan.experiments))),
            isolation=plan.isolation,
            crashed=CRASHES_FORGIVEN,
        ),
    )


def right_value(x: int, seed: int) -> int:
    """Return the `y` of an experiment's results."""
    return zlib.crc32(f"{seed} {x}".encode())


@dataclass
class Notes:
    """What the experiments have noted so far.

    Attributes
    ----------
    starts, logged, ends : Counter of (x, attempt number)
        How often each attempt began, had logged its points, and came to its end.
    pids : set of int
        Processes that have run an experiment.
    """

    path: Path
    starts: Counter[tuple[int, int]] = field(default_factory=Counter)
    logged: Counter[tuple[int, int]] = field(default_factory=Counter)
    ends: Counter[tuple[int, int]] = field(default_factory=Counter)
    pids: set[int] = field(default_factory=set)
    _read: int = 0

    @property
    def executions(self) -> int:
        """How many attempts have begun."""
        return self.starts.total()

    def update(self) -> bool:
        """Read on; return whether something was new."""
        before = self._read
        for line in self._new_lines():
            word, x, number, pid = line.split()
            noted = {"start": self.starts, "logged": self.logged, "end": self.ends}[word]
            noted[int(x), int(number)] += 1
            self.pids.add(int(pid))
        return self._read > before

    def _new_lines(self) -> Iterator[str]:
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")
        self._read += len(whole[0]) + len(whole[1])
        yield from whole[0].decode().splitlines()
