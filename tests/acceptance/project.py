"""A project folder of a user, and the `experiments` command as a user starts it."""

from __future__ import annotations

import errno
import io
import multiprocessing.resource_tracker
import os
import select as ready
import signal
import subprocess
import sys
import textwrap
import time
from array import array
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from sqlalchemy import select

from database.models import Attempt, Experiment, MetricChunk
from database.session.lifecycle import SessionLocal
from experiments.supervisor.worker_servers import server_pids
from meta.commands.group import run_command

#: After so long something hangs, on the slowest machine; nothing here depends on how long it is.
PATIENCE_S = 180


class Project:
    """A folder with a target and a series file, and the database its series is recorded in.

    The experiments keep a journal of their own (`self.executions`), so that what the database says
    can be checked from the outside.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.environment = {
            # As a user has it: without our settings, and without what machines and programs that test set.
            **{
                key: value
                for key, value in os.environ.items()
                if key not in {"CI", "PYTHONDONTWRITEBYTECODE", "COLUMNS", "LINES"}
                and not key.startswith("EXPERIMENTS_")
            },
            "EXPERIMENTS_DATABASE_URL": url,
            "EXPERIMENTS_RESULTS": str(folder / "results"),
            "PYTHONUNBUFFERED": "1",
        }
        self.command = [str(Path(sys.executable).with_name("experiments"))]
        self._started: list[subprocess.Popen[str]] = []

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def series(self, code: str, *, experiments: int = 10, execute: str = "{}", name: str = "s") -> Path:
        """Write a target `main(x, ...)` with `note(x)`, and a series of x = 0 .. experiments - 1."""
        head = """
            import os, sys, time
            HERE = os.path.dirname(os.path.abspath(__file__))
            def note(text):
                file = os.open(os.path.join(HERE, "journal"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.write(file, f"{text}\\n".encode())
                os.close(file)
            def tell(text):  # blocks until somebody reads
                with open(os.path.join(HERE, "events"), "w") as events:
                    events.write(f"{text}\\n")
            def wait():  # blocks until somebody opens the gate
                open(os.path.join(HERE, "gate")).read()
            def meet(count):  # goes on when so many processes have come here
                open(os.path.join(HERE, f"here-{os.getpid()}"), "w").close()
                while sum(name.startswith("here-") for name in os.listdir(HERE)) < count:
                    time.sleep(0.01)
        """
        self.write("target.py", textwrap.dedent(head) + textwrap.dedent(code))
        for fifo in ("events", "gate"):
            if not (self.folder / fifo).exists():
                os.mkfifo(self.folder / fifo)
        return self.write(
            f"{name}.yaml",
            f"""
            name: {name}
            run: {{function: target.py:main}}
            grid: {{x: [{", ".join(map(str, range(experiments)))}]}}
            execute: {execute}
            """,
        )

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        """Leave nothing running that a failed test has started."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            with process:  # closes its pipes
                pass

    def run(
        self, *arguments: str, code: int | None = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **environment)
        try:
            out, err = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            raise
        if code is not None:
            assert process.returncode == code, f"exit code {process.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(command_line(process), process.returncode, out, err)

    def here(
        self, *arguments: str, code: int | None = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in this process: where what is tested is another process, or none.

        Its workers are processes, forked from a server that all runs of this process have.
        """
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.folder)
            patch.delenv("CI", raising=False)
            for name, value in {**self.environment, **environment}.items():
                patch.setenv(name, value)
            ended = run_command(arguments)
        said, told = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
        if code is not None:
            assert ended == code, f"exit code {ended}\n{said}\n{told}"
        return subprocess.CompletedProcess([*self.command, *arguments], ended, said, told)

    def event(self) -> str:
        """Wait for an experiment's `tell`, and return what it told."""
        # A plain open would wait for ever when no experiment comes to tell anything.
        events = os.open(self.folder / "events", os.O_RDONLY | os.O_NONBLOCK)
        try:
            told, give_up = b"", time.monotonic() + PATIENCE_S
            while part := _read(events, give_up):
                told += part
            return told.decode().strip()
        finally:
            os.close(events)

    def open_gate(self) -> None:
        """Let one waiting experiment go on; waits until there is one."""
        until(self._has_opened_gate)

    def _has_opened_gate(self) -> bool:
        try:
            os.close(os.open(self.folder / "gate", os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return False  # nobody waits yet
        return True

    def executions(self) -> Counter[str]:
        """Return how often each note was written by an experiment."""
        path = self.folder / "journal"
        return Counter(path.read_text().split()) if path.exists() else Counter()

    def statuses(self) -> Counter[str]:
        with SessionLocal() as session:
            return Counter(found.value for found in session.scalars(select(Experiment.status)))

    def outcomes(self, *, hidden: bool = False) -> Counter[str]:
        with SessionLocal() as session:
            found = Counter(found.value for found in session.scalars(select(Attempt.outcome)))
        if not hidden:
            del found["released"]
        return found

    def points(self, x: int) -> dict[int, int]:
        """Return how many points each attempt of an experiment has logged, whose steps count from 0."""
        found: dict[int, list[int]] = {}
        with SessionLocal() as session:
            for chunk in session.scalars(
                select(MetricChunk)
                .where(MetricChunk.experiment_id == x + 1, MetricChunk.metric == "loss")
                .order_by(MetricChunk.number)
            ):
                found.setdefault(chunk.attempt_number, []).extend(array("q", chunk.steps))
        assert all(steps == list(range(len(steps))) for steps in found.values())
        return {number: len(steps) for number, steps in found.items()}

    def processes(self) -> list[int]:
        """Return the processes of this project that live."""
        return [pid for pid in processes_in(self.folder) if pid not in _servers_of_this_process()]

    def assert_nothing_left(self) -> None:
        """No journal or captured output of a runner, and no process of this project."""
        assert not (self.folder / "results" / ".runners").exists()
        # What was killed may still need the processor to die, as may the server that workers are forked from.
        until(lambda: not self.processes())


def _servers_of_this_process() -> set[int | None]:
    """Return what is kept for `Project.here`, begun in the folders of earlier projects too."""
    tracker = multiprocessing.resource_tracker._resource_tracker
    return {*server_pids(), tracker._pid}  # type: ignore[attr-defined]  # not documented


def until(happened: Callable[[], object]) -> None:
    """Wait until something has happened, and leave the processor to those who shall make it happen."""
    give_up = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < give_up, f"this has not happened for {PATIENCE_S} s"
        time.sleep(0.01)


def hear(process: subprocess.Popen[str], words: str) -> None:
    """Wait until a command has said these words on stderr."""
    assert process.stderr is not None
    said, give_up = b"", time.monotonic() + PATIENCE_S
    while words.encode() not in said:
        part = _read(process.stderr.fileno(), give_up)
        assert part, f"it ended without saying {words!r}: {said.decode()}"
        said += part


def _read(descriptor: int, give_up: float) -> bytes:
    """Return what there is to read, or nothing at the end."""
    patience = max(0.0, give_up - time.monotonic())
    assert ready.select([descriptor], [], [], patience)[0], f"this was not said or told for {PATIENCE_S} s"
    return os.read(descriptor, 1 << 16)


def command_line(process: subprocess.Popen[str]) -> list[str]:
    assert isinstance(process.args, list)
    return [str(part) for part in process.args]


def processes_in(folder: Path) -> list[int]:
    """Return the processes whose current folder is this one."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            if (entry / "cwd").readlink() == folder and state not in "ZX":
                found.append(int(entry.name))
        except OSError:
            continue  # it has ended meanwhile, or is not ours to look at
    return found
