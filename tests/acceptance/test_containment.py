"""Hostile experiments, many in one run: each has its own outcome, and the others do not notice."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from database.models import Attempt, Experiment, Outcome
from database.session.lifecycle import SessionLocal
from experiments.output.capture import KEPT_BYTES
from tests.acceptance.project import PATIENCE_S, Project


def attempts(project: Project) -> dict[int, Attempt]:
    """Return the only attempt of each experiment that was claimed for good, by its x."""
    with SessionLocal() as session:
        found = {}
        for experiment in session.scalars(select(Experiment)):
            (found[experiment.configuration.parameters["x"]],) = [
                each for each in experiment.attempts if each.outcome is not Outcome.RELEASED
            ]
        return found


def results(project: Project) -> dict[int, Any]:
    with SessionLocal() as session:
        return {
            experiment.configuration.parameters["x"]: experiment.results
            for experiment in session.scalars(select(Experiment))
        }


HOSTILE = """
import ctypes, faulthandler, multiprocessing, resource, signal, subprocess

class Spiteful(Exception):
    def __str__(self): raise RuntimeError("no message")
class Own(BaseException): pass

def leave(): sys.exit(0)
def leave_at_once(): os._exit(0)
def segfault(): faulthandler._sigsegv()
def null_pointer(): ctypes.string_at(0)
def interrupt(): raise KeyboardInterrupt
def spite(): raise Spiteful
def own(): raise Own("mine")
def recurse(): recurse()
def starve():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 32, resource.getrlimit(resource.RLIMIT_AS)[1]))
    bytearray(1 << 34)
def huge(): return {"y": "x" * (1 << 25)}
def flood(): os.write(1, os.urandom(1 << 20) * 10)
def close_all(): os.closerange(3, 256)
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
    os.wait()
def leave_children():
    subprocess.Popen(["sleep", "1000"])
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
def lower_hard_limit():
    resource.setrlimit(resource.RLIMIT_CPU, (3600, 3600))
def alarm():
    def handler(*_): raise TimeoutError("ring")
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    time.sleep(1000)
def lose_the_folder():
    os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
def freeze():
    import freezegun
    freezegun.freeze_time("1970-01-02").start()
def cut_the_journal():
    for number in os.listdir("/proc/self/fd"):
        if os.path.realpath(f"/proc/self/fd/{number}").endswith(".journal"):
            os.ftruncate(int(number), 0)
    os._exit(0)
def replace_functions():
    import builtins, json
    builtins.len = lambda _: 3
    json.dumps = os.write = time.sleep = lambda *_, **__: None

CASES = [leave, leave_at_once, segfault, null_pointer, interrupt, spite, own, recurse, starve, huge, flood,
         close_all, daemon, leave_children, lower_hard_limit, alarm, lose_the_folder, freeze,
         cut_the_journal, replace_functions]

def main(x):
    case, is_hostile = divmod(x, 2)
    if is_hostile and case < len(CASES):
        return CASES[case]()
    return {"y": x, "cwd": os.getcwd() == HERE, "sleepers": sleepers(), "year": time.gmtime().tm_year}

def sleepers():
    children = f"/proc/self/task/{os.getpid()}/children"
    return len(open(children).read().split())
"""
#: The outcome, the error's type, and a part of its message.
EXPECTED = [
    ("error", "SystemExit", "sys.exit(0)"),
    ("crashed", "WorkerDied", "exited with code 0"),
    ("crashed", "WorkerDied", "SIGSEGV"),
    ("crashed", "WorkerDied", "SIGSEGV"),
    ("error", "KeyboardInterrupt", ""),
    ("error", "Spiteful", "its message is not available"),
    ("error", "Own", "mine"),
    ("error", "RecursionError", "maximum recursion depth"),
    ("error", "MemoryError", ""),
    ("invalid_result", "InvalidResult", "more than the limit"),
    ("completed", None, ""),
    ("crashed", "WorkerDied", "closed file descriptors"),
    ("completed", None, ""),
    ("completed", None, ""),
    ("completed", None, ""),
    ("error", "TimeoutError", "ring"),
    ("completed", None, ""),
    ("completed", None, ""),
    ("crashed", "WorkerDied", ""),
    ("completed", None, ""),
]


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_hostile_experiments(project: Project, method: str) -> None:
    """Each hostile experiment ends as what it is; the ones between them all complete undisturbed."""
    cases, begun = len(EXPECTED), datetime.now(UTC)
    project.series(HOSTILE, experiments=2 * cases + 2, execute="{retries: {crashed: 0}}")
    project.here("run", "s.yaml", "--workers", "1", code=1, EXPERIMENTS_START_METHOD=method)
    found = attempts(project)
    unseen = []
    for case, (outcome, kind, part) in enumerate(EXPECTED):
        ended = found[2 * case + 1]
        assert (ended.outcome.value, ended.error_type) == (outcome, kind), case
        assert part in (ended.error_message or ""), case
        if ended.started_at is None:
            unseen.append(case)
        assert begun <= (ended.started_at or begun) <= datetime.now(UTC), case
        assert 0 <= (ended.duration_s or 0.0) < PATIENCE_S, case
    assert set(unseen) <= {cases - 2}  # whose journal tells nothing
    harmless = {x: result for x, result in results(project).items() if x % 2 == 0}
    assert harmless == {x: {"y": x, "cwd": True, "sleepers": 0, "year": begun.year} for x in harmless}
    segfault = found[2 * 2 + 1]
    assert "in segfault\n" in (segfault.traceback or "")
    dumps = [
        segfault.traceback,
        segfault.log_tail,
        read(project.folder / "results/s/logs" / log_of(segfault)),
    ]
    assert not [dump for dump in dumps if "experiments/" in (dump or "")]
    logs = sorted((project.folder / "results/s/logs").iterdir(), key=lambda path: path.stat().st_size)
    assert 2 * KEPT_BYTES < logs[-1].stat().st_size < 2 * KEPT_BYTES + 100
    assert any("resource limits, which cannot be put back" in read(log) for log in logs[:-1])
    project.assert_nothing_left()


def log_of(attempt: Attempt) -> str:
    return f"{attempt.experiment_id}-{attempt.number}.log"


def read(path: Path) -> str:
    return path.read_text(errors="replace")


CHANGES_EVERYTHING = """
import builtins, decimal, gc, locale, logging, random, signal, warnings
import numpy

def look():
    old = os.umask(0)
    os.umask(old)
    return {
        "cwd": os.getcwd(), "umask": old, "environment": str(sorted(os.environ.items())),
        "path": str(sys.path), "arguments": str(sys.argv),
        "recursion": sys.getrecursionlimit(), "gc": gc.isenabled(),
        "handlers": str([signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]),
        "blocked": str(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "timer": signal.getitimer(signal.ITIMER_REAL)[0],
        "locale": locale.setlocale(locale.LC_ALL), "filters": str(warnings.filters),
        "decimal": decimal.getcontext().prec, "errors": str(numpy.geterr()),
        "profile": str(sys.getprofile()) if os.getsid(0) == os.getpid() else "left to debuggers",
        "random": random.random(), "numpy": numpy.random.rand(), "root": str(logging.root.handlers),
        "written": sys.stdout.encoding, "builtins": str([len, isinstance, open]),
    }

def main(x):
    found = look()
    if x % 2 == 0:
        os.chdir("/"); os.umask(0o777); os.environ.clear(); os.environ["A"] = "b"
        sys.path.clear(); sys.argv = None
        sys.setrecursionlimit(5000); gc.disable(); sys.setprofile(lambda *_: None)
        for n in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM): signal.signal(n, lambda *_: None)
        signal.alarm(1000); signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        locale.setlocale(locale.LC_ALL, "C"); warnings.resetwarnings(); decimal.getcontext().prec = 2
        numpy.seterr(all="ignore"); random.seed(1); numpy.random.seed(1); logging.basicConfig()
        sys.stdout = open(os.devnull, "w", encoding="ascii")
        builtins.len = builtins.isinstance = lambda *_: 3; del builtins.open
        if x % 4 == 2: raise ValueError("after all that")
    return found
"""


@pytest.mark.parametrize("workers", ["1", "0"])
def test_changes_reach_nobody(project: Project, workers: str) -> None:
    """What an experiment changes in its process, the next one finds as the first did."""
    project.series(CHANGES_EVERYTHING, experiments=8)
    project.run("run", "s.yaml", "--workers", workers, code=1)
    found = results(project)
    assert [x for x in sorted(found) if found[x] is None] == [2, 6]
    assert len({str(result) for result in found.values() if result is not None}) == 1


def test_whatever_becomes_of_the_signal(project: Project) -> None:
    """A timeout is a timeout also for code that handles SIGTERM; what completes in time is complete."""
    project.series(
        """
        import re, signal
        class Stopped(Exception): pass
        def stop(*_): raise Stopped
        def main(x):
            note(x)
            if x in {0, 1}: signal.signal(signal.SIGTERM, stop)
            if x == 0: time.sleep(1000)
            if x == 1:
                try: time.sleep(1000)
                except Stopped: return {"y": "saved"}
            if x == 2: re.match("(a+)+b", "a" * 60)  # holds the interpreter lock
            if x == 3: os.kill(os.getpid(), signal.SIGSTOP)
            if x == 4:
                if os.fork() == 0:
                    os.setsid()
                    time.sleep(1000)
                time.sleep(1000)
            return {}
        """,
        experiments=6,
        execute="{timeout: 0.5}",
    )
    project.here("run", "s.yaml", "--workers", "1", code=1)
    found = attempts(project)
    outcomes = [found[x].outcome.value for x in sorted(found)]
    assert outcomes == ["timed_out", "completed", "timed_out", "timed_out", "timed_out", "completed"]
    assert "Stopped" in (found[0].traceback or "")
    assert "longer than execute.timeout" in (found[0].error_message or "")
    assert found[0].signal is None
    assert found[2].signal == signal.SIGTERM
    assert results(project)[1] == {"y": "saved"}
    assert set(project.executions().values()) == {1}
    project.assert_nothing_left()


def test_interrupted_code_that_handles_the_signal(project: Project) -> None:
    """An experiment that makes an error of the SIGTERM of a stopped runner was interrupted, not failed."""
    project.series(
        """
        import signal
        def stop(*_): raise ValueError("stopped")
        def main(x):
            signal.signal(signal.SIGTERM, stop)
            tell(x)
            time.sleep(1000)
        """,
        experiments=2,
    )
    running = project.start("run", "s.yaml", "--workers", "1", "--grace", "0.1")
    project.event()
    running.terminate()
    running.communicate(timeout=60)
    assert project.outcomes() == {"interrupted": 1}
    assert project.statuses() == {"pending": 2}
    project.assert_nothing_left()


def test_recycled_workers(project: Project) -> None:
    """A worker makes way after so many experiments or so much growth; nothing is lost, nobody is blamed."""
    project.series(
        """
        kept = []
        def main(x):
            note(os.getpid())
            if x >= 6: kept.append(b"x" * (64 << 20))
            return {}
        """,
        experiments=9,
        execute="{recycle: {experiments: 3, growth: 100MB}}",
    )
    project.here("run", "s.yaml", "--workers", "1")
    assert project.outcomes(hidden=True).keys() <= {"completed", "released"}
    assert project.outcomes() == {"completed": 9}
    counts = [project.executions()[pid] for pid in project.executions()]
    assert max(counts) <= 3
    assert len(counts) >= 3
    project.assert_nothing_left()
