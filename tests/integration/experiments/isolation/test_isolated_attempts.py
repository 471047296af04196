"""Attempts in processes of their own: how they end, and what is left of them."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy
import pytest

from database import clock
from database.claims.types import Finished
from database.models import Outcome
from experiments.execution.options import Execution
from tests.integration.experiments.isolated_attempts import make


def results(finished: Finished) -> object:
    assert finished.outcome is Outcome.COMPLETED, finished
    assert finished.results is not None
    return json.loads(finished.results)


@pytest.mark.parametrize("spawn", [False, True], ids=["forked", "new interpreter"])
def test_each_attempt_has_its_own_process(tmp_path: Path, spawn: bool) -> None:
    """Nothing that one attempt changes reaches the next; all have the target loaded once."""
    made = make(
        tmp_path,
        """
        print("loaded")
        import random
        import numpy
        state = []
        def main(x, seed, run):
            state.append(x)
            os.chdir("/")
            os.environ["CHANGED"] = os.environ.get("CHANGED", "") + "x"
            print("experiment", x)
            return {"state": state, "environment": os.environ["CHANGED"], "random": random.random(),
                    "numpy": float(numpy.random.rand()), "seed": seed, "rng": float(run.rng.random()),
                    "leads": os.getsid(0) == os.getpid(), "argv": sys.argv, "pid": os.getpid()}
        """,
        [1, 2.5, "drei é"],
        spawn=spawn,
    )
    returned = [results(finished) for finished in made.finished]
    pids = {each.pop("pid") for each in returned}  # type: ignore[attr-defined]  # a mapping
    assert len(pids) == 3
    assert [each.pop("state") for each in returned] == [[1], [2.5], ["drei é"]]  # type: ignore[attr-defined]  # as above
    assert returned[0] == returned[1] == returned[2]
    assert returned[0]["environment"] == "x"  # type: ignore[index]  # as above
    assert returned[0]["leads"]  # type: ignore[index]  # as above
    assert returned[0]["argv"] == [str(tmp_path / "target.py")]  # type: ignore[index]  # as above
    assert made.output.splitlines() == ["loaded", "experiment 1", "experiment 2.5", "experiment drei é"]
    assert all(each.peak_memory_bytes and each.cpu_s is not None for each in made.finished)


def test_ways_to_end(tmp_path: Path) -> None:
    """Each end is distinguished from the others, costs its own attempt only, and leaves nothing."""
    made = make(
        tmp_path,
        """
        import ctypes, subprocess, threading
        class Nasty(Exception):
            def __str__(self): raise RuntimeError
        def main(x):
            if x == "exit": os._exit(3)
            if x == "exit 0": os._exit(0)
            if x == "segfault": ctypes.string_at(0)
            if x == "kill": os.kill(os.getpid(), signal.SIGKILL)
            if x == "terminate": os.kill(os.getpid(), signal.SIGTERM)
            if x == "sys.exit": sys.exit(0)
            if x == "interrupt": raise KeyboardInterrupt
            if x == "nasty": raise Nasty
            if x == "recursion": main.__globals__["deep"](0)
            if x == "lock": return {"lock": threading.Lock()}
            if x == "descriptors": os.closerange(3, 256)
            if x == "thread": threading.Thread(target=time.sleep, args=(1000,)).start()
            if x == "stdout": sys.stdout = None
            if x == "fork":
                if os.fork(): os.wait()
            if x == "flood": os.write(1, os.urandom(10_000_000))
            if x == "daemon":
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0: time.sleep(1000)
                    os._exit(0)
                os.wait()
            if x == "bomb":
                for _ in range(20):
                    if os.fork() == 0:
                        os.setpgid(0, 0)
                        time.sleep(1000)
            if x == "huge": return {"y": "x" * 5_000_000}
            return {"x": x}
        def deep(n): return deep(n + 1)
        """,
        names := [
            *("exit", "exit 0", "segfault", "kill", "terminate", "sys.exit", "interrupt", "nasty"),
            *("recursion", "lock", "descriptors", "thread", "stdout", "fork", "flood", "daemon", "bomb"),
            *("huge", "fine"),
        ],
    )
    by_name = dict(zip(names, made.finished, strict=True))
    ended = {name: (each.outcome.value, each.error_type) for name, each in by_name.items()}
    crashed, completed = ("crashed", "WorkerDied"), ("completed", None)
    assert ended == {
        "exit": crashed,
        "exit 0": crashed,
        "segfault": crashed,
        "kill": crashed,
        "terminate": crashed,
        "sys.exit": ("error", "SystemExit"),
        "interrupt": ("error", "KeyboardInterrupt"),
        "nasty": ("error", "Nasty"),
        "recursion": ("error", "RecursionError"),
        "lock": ("invalid_result", "InvalidResult"),
        "descriptors": crashed,
        **dict.fromkeys(
            ["thread", "stdout", "fork", "flood", "daemon", "bomb", "huge", "fine"],
            completed,
        ),
    }
    assert (by_name["exit"].exit_code, by_name["exit 0"].exit_code) == (3, 0)
    assert (by_name["segfault"].signal, by_name["kill"].signal) == (signal.SIGSEGV, signal.SIGKILL)
    message = "it closed file descriptors that were not its own; its process was ended at once"
    assert by_name["descriptors"].error_message == message
    assert len(by_name["huge"].results or "") > 5_000_000
    assert made.left == []


def test_time_limit(tmp_path: Path) -> None:
    """An attempt that takes too long is killed with all its processes; it may still clean up or complete."""
    made = make(
        tmp_path,
        """
        import subprocess
        def main(x):
            if x == "sleep": subprocess.run(["sleep", "1000"], start_new_session=True)
            if x == "cleans up":
                try:
                    signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked"))
                    time.sleep(1000)
                finally:
                    print("cleaned up")
            signal.signal(signal.SIGTERM, lambda *_: None)
            signal.pause()
            return {"x": x}
        """,
        ["sleep", "cleans up", "completes"],
        execution=Execution(isolation="process", timeout_s=1.0),
    )
    assert [each.outcome.value for each in made.finished] == ["timed_out", "timed_out", "completed"]
    slept, cleaned, _ = made.finished
    assert slept.signal == signal.SIGTERM
    assert slept.error_message == "it was stopped after 1.0 s, which is longer than execute.timeout"
    assert cleaned.error_message == slept.error_message
    assert "cleaned up" in made.output
    assert made.left == []


def test_memory_limit(tmp_path: Path) -> None:
    """An attempt that takes too much memory, itself or by its children, is killed with its processes."""
    made = make(
        tmp_path,
        """
        def eat():
            hog = []
            while True: hog.append(bytearray(5_000_000))
        def main(x):
            if x == "eats": eat()
            if x == "child eats":
                if os.fork() == 0: eat()
                os.wait()
            return {}
        """,
        ["eats", "child eats", "fine"],
        execution=Execution(isolation="process", memory_bytes=300_000_000),
    )
    assert [each.outcome.value for each in made.finished] == ["out_of_memory", "out_of_memory", "completed"]
    for each in made.finished[:2]:
        assert each.error_message is not None
        assert each.error_message.endswith("MB, more than execute.memory = 300 MB")
        assert each.peak_memory_bytes is not None
        assert each.peak_memory_bytes > 300_000_000
    assert made.left == []


@pytest.mark.parametrize("spawn", [False, True])
def test_metrics(tmp_path: Path, spawn: bool) -> None:
    """All that an attempt has logged is there, however it ends, and nothing of the one before."""
    made = make(
        tmp_path,
        """
        def main(x, run):
            for step in range(150_000 // x):
                run.log(step=step, loss=step)
            with open(run.directory / "kept", "w") as file:
                file.write(str(run.directory))
            if x == 2: os.kill(os.getpid(), signal.SIGKILL)
            if x == 3: time.sleep(600)
            return {}
        """,
        [1, 2, 3, 4],
        execution=Execution(isolation="process", timeout_s=2.0),
        spawn=spawn,
    )
    outcomes = [each.outcome.value for each in made.finished]
    assert outcomes == ["completed", "crashed", "timed_out", "completed"]
    for x, finished in enumerate(made.finished, start=1):
        steps = b"".join(chunk.steps for chunk in finished.chunks)
        assert numpy.array_equal(numpy.frombuffer(steps, "<i8"), numpy.arange(150_000 // x))
    summary = results(made.finished[0])["metrics"]["loss"]  # type: ignore[index]  # a mapping
    assert (summary["count"], summary["last"]) == (150_000, 149_999)
    kept = tmp_path / "files é" / "1" / "kept"
    assert kept.read_text() == str(kept.parent)


def test_killed_fork_server(tmp_path: Path) -> None:
    """An experiment outlives its fork server, is recorded correctly, and the next one gets a new server."""
    made = make(
        tmp_path,
        """
        print("loaded")
        def main(x):
            if x == "kills": os.kill(os.getppid(), signal.SIGKILL)
            if x == "kills and dies":
                os.kill(os.getppid(), signal.SIGKILL)
                os._exit(5)
            return {"x": x}
        """,
        ["kills", "fine", "kills and dies", "fine", "kills"],
    )
    outcomes = [each.outcome.value for each in made.finished]
    assert outcomes == ["completed", "completed", "crashed", "completed", "completed"]
    assert made.finished[2].exit_code == 5
    assert made.output.splitlines() == ["loaded"] * 3
    assert made.left == []


def test_threads_at_import(tmp_path: Path) -> None:
    """A target that starts threads when it is imported gets a new interpreter for each experiment."""
    made = make(
        tmp_path,
        """
        import threading
        lock = threading.Lock()
        lock.acquire()
        def hold():
            time.sleep(0.05)
            lock.release()
            time.sleep(1000)
        threading.Thread(target=hold, daemon=True).start()
        def main(x):
            with lock:  # would wait for ever in a forked process: its holder is not there
                if x == "exit": os._exit(3)
                if x == "daemon":
                    if os.fork() == 0:
                        os.setsid()
                        time.sleep(1000)
                return {"threads": threading.active_count(), "leads": os.getsid(0) == os.getpid()}
        """,
        ["fine", "exit", "daemon", "fine"],
    )
    outcomes = [each.outcome.value for each in made.finished]
    assert outcomes == ["completed", "crashed", "completed", "completed"]
    assert results(made.finished[3]) == {"threads": 2, "leads": True}
    assert made.left == []


def test_linear_algebra_at_import(tmp_path: Path) -> None:
    """The threads of numpy's linear algebra end before a fork: they need no new interpreters."""
    made = make(
        tmp_path,
        """
        print("loaded")
        import numpy
        product = numpy.ones((300, 300)) @ numpy.ones((300, 300))
        def main(x):
            return {"y": float((product @ product)[0, 0])}
        """,
        [1, 2],
    )
    assert [results(each) for each in made.finished] == [{"y": 27_000_000.0}] * 2
    assert made.output.splitlines() == ["loaded"]


def test_fork_server_that_cannot_be_started_again(tmp_path: Path) -> None:
    """A worker that has worked tries five times to replace a dead fork server, then ends with the cause."""
    code = """
        if os.path.exists(os.path.join(HERE, "flag")): os._exit(8)
        def main(x):
            open(os.path.join(HERE, "flag"), "w").close()
            os.kill(os.getppid(), signal.SIGKILL)
            return {}
    """
    with pytest.raises(Exception, match=r"exited with code 8 \(5 times in a row\)"):
        make(tmp_path, code, [1, 2])


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise RuntimeError('no licence')", "no licence"),
        ("os._exit(7)", "the process that imported .* exited with code 7"),
        ("os.kill(os.getpid(), 11)", "the process that imported .* was killed by SIGSEGV"),
        ("def other(x): return {}", "has no function 'main'"),
    ],
)
def test_target_that_cannot_be_loaded(tmp_path: Path, code: str, message: str) -> None:
    """The worker ends with what is wrong: no experiment is to blame."""
    with pytest.raises(Exception, match=message) as caught:
        make(tmp_path, code, [1])
    assert type(caught.value).__name__ in {"TargetError", "ForkServerError"}


def test_broken_and_frozen(tmp_path: Path) -> None:
    """What is no message costs the attempt that sent it only; a frozen clock makes no time wrong."""
    made = make(
        tmp_path,
        """
        import stat
        import freezegun
        def main(x):
            if x == 0:
                for number in map(int, os.listdir("/proc/self/fd")):
                    try: is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)
                    except OSError: continue
                    if is_socket: os.write(number, b"xx")
            freezegun.freeze_time("1970-01-02").start()
            return {"y": x}
        """,
        [0, 1],
    )
    broken, frozen = made.finished
    assert (broken.outcome, broken.error_type) == (Outcome.CRASHED, "WorkerDied")
    assert broken.error_message == (
        "its process sent a message that cannot be read (not a packet: unpack_from requires a buffer of at "
        "least 6 bytes for unpacking 6 bytes at offset 0 (actual buffer size is 2))"
    )
    assert results(frozen) == {"y": 1}
    assert (
        clock.since_1970() - 3600
        < (frozen.started_at or 0)
        <= (frozen.finished_at or 0)
        <= clock.since_1970()
    )
    assert 0 <= (frozen.duration_s or 0.0) < 3600
