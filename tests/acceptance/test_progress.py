"""What a person, a log and a program see of a run, from outside."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.project import PATIENCE_S, Project

#: A display that held up experiments would make a run of a few seconds longer than this.
HELD_UP_S = 15

WAITING = """
    def main(x):
        print("begin", x, flush=True)
        tell(x)
        wait()
        print("end", x, flush=True)
        return {"y": x}
"""


def _be_a_shell(command: list[str], environment: dict[str, str]) -> None:
    """Run a command in the foreground as a shell does, let it go on when it was suspended; exit as it did."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execve(command[0], command, environment)
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            os._exit(os.waitstatus_to_exitcode(status))
        os.write(1, b"[stopped]")
        os.killpg(pid, signal.SIGCONT)


class Terminal:
    """A terminal of some columns, in which a command runs in the foreground."""

    def __init__(self, project: Project, *arguments: str, columns: int = 80, **environment: str) -> None:
        self.text = ""
        self._project = project
        self.pid, self._screen = pty.fork()
        if self.pid == 0:
            command = str(Path(sys.executable).with_name("experiments"))
            os.chdir(project.folder)
            _be_a_shell([command, *arguments], {**project.environment, "TERM": "xterm", **environment})
        self.resize(columns)

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def until(self, pattern: str) -> str:
        """Read until the pattern has appeared since the last call, and return what was read since."""
        seen, deadline = "", time.monotonic() + PATIENCE_S
        while not re.search(pattern, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)):
            assert time.monotonic() < deadline, f"no {pattern!r} in {seen!r}"
            if not select.select([self._screen], [], [], 1.0)[0]:
                continue
            try:
                seen += os.read(self._screen, 65536).decode("utf-8", "replace")
            except OSError as error:
                raise AssertionError(f"ended without {pattern!r}: {seen!r}") from error
        self.text += seen
        return seen

    def press(self, key: str) -> None:
        os.write(self._screen, key.encode())

    def hang_up(self) -> None:
        os.close(self._screen)

    def ended(self) -> int:
        """Read to the end, and return the exit code."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert time.monotonic() < deadline, f"goes on after {self.text[-700:]!r}"
            if not select.select([self._screen], [], [], 1.0)[0]:
                continue
            try:
                self.text += os.read(self._screen, 65536).decode("utf-8", "replace")
            except OSError:  # nobody is at the other end any more
                return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def ended_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines(project: Project) -> None:
    """`--progress json` writes an object on each line of stderr; the last has what `--json` prints."""
    path = project.series("def main(x):\n    return {'y': 1 / x}", experiments=4)
    ended = project.here("run", str(path), "--workers", "1", "--progress", "json", "--json", code=1)
    first, *_, last, end = (line for line in ended_lines(ended.stderr) if line["event"] != "message")
    assert (first["event"], first["series"], first["pending"]) == ("progress", "s", 4)
    assert (last["completed"], last["failed"], last["remaining_s"]) == (3, 1, 0)
    assert end["event"] == "end"
    assert end["summary"] == json.loads(ended.stdout)


def test_warnings_among_json_lines(project: Project) -> None:
    """A warning of the runner is an object too, so that every line can be read."""
    code = """
        def main(x):
            from database.session import scoped_session
            main.left = scoped_session()
            main.left.__enter__()
    """
    path = project.series(code, experiments=2)
    ended = project.run("run", str(path), "--workers", "0", "--progress", "json")
    messages = [line for line in ended_lines(ended.stderr) if line["event"] == "message"]
    assert {message["level"] for message in messages} == {"warning"}
    assert "was left open" in messages[0]["text"]


def test_live_picture(project: Project) -> None:
    """A terminal has a picture in place; it survives Ctrl-Z and a narrow window, and goes at the end."""
    path = project.series(WAITING, experiments=3)
    terminal = Terminal(project, "run", str(path), "--workers", "1")
    assert project.event() == "0"
    terminal.until(r"s ━* +0/3")
    terminal.until(r"1 running, 2 pending")
    terminal.until(r"slowest: experiment \d+ for \d+ s: x=0")
    terminal.press("\x1a")
    terminal.until(r"suspended: [^\0]*\[stopped\][^\0]*0/3")
    terminal.resize(30)
    terminal.until(r"s +0/3\r?\n━*")
    terminal.resize(80)
    project.open_gate()
    for _ in range(2):
        project.event()
        project.open_gate()
    assert terminal.ended() == 0
    assert terminal.text.rstrip().endswith("draw its graphs: experiments graphs s")
    assert "3 of 3 experiments completed" in terminal.text
    assert terminal.text.rfind("\x1b[?25h") > terminal.text.rfind("\x1b[?25l")
    assert "begin" not in terminal.text


def test_start_and_failure_in_the_picture(project: Project) -> None:
    """A terminal tells the check of the target, then that workers start, then why an experiment failed."""
    code = """
        wait()
        def main(x):
            if x == 0:
                raise ValueError("\\x1b[2J too small")
            tell(x)
            wait()
    """
    path = project.series(code, experiments=2)
    terminal = Terminal(project, "run", str(path), "--workers", "1")
    terminal.until(r"checking target\.py")
    project.open_gate()
    terminal.until(r"0/2\r?\n.* elapsed\r?\nstarting 1 worker")
    project.open_gate()
    project.event()
    seen = terminal.until(r"1 failed, .*\r?\nexperiment \d+ failed: ValueError: \\x1b\[2J too small, at")
    assert " left" not in seen  # none has completed: nobody knows how long one takes
    project.open_gate()
    assert terminal.ended() == 1


def test_polite_stop_is_answered(project: Project) -> None:
    """Ctrl-C is answered in the picture, at once."""
    path = project.series(WAITING, experiments=3)
    terminal = Terminal(project, "run", str(path), "--workers", "1")
    project.event()
    terminal.until(r"1 running")
    terminal.press("\x03")
    terminal.until(r"finishing what runs; Ctrl-C again stops at once")
    project.open_gate()
    assert terminal.ended() == 130
    assert "stopped; 2 are left" in terminal.text


def test_terminal_that_disappears(project: Project) -> None:
    """Under nohup a run goes on when its terminal is gone."""
    path = project.series(WAITING, experiments=2)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does: children inherit it
    try:
        terminal = Terminal(project, "run", str(path), "--workers", "1")
    finally:
        signal.signal(signal.SIGHUP, before)
    project.event()
    terminal.until(r"0/2")
    terminal.hang_up()
    project.open_gate()
    assert project.event() == "1"
    project.open_gate()
    os.waitpid(terminal.pid, 0)
    assert project.statuses() == {"completed": 2}


@pytest.mark.alone
def test_terminal_that_takes_nothing(project: Project) -> None:
    """A terminal that is stopped (Ctrl-S) or a pipe that nobody reads holds up no experiment."""
    path = project.series("def main(x):\n    return {'y': x}", experiments=400)
    process = project.start("run", str(path), "--workers", "1", "--progress", "json")
    assert process.stderr is not None
    # A full pipe: the first object of the display cannot be written.
    fcntl.fcntl(process.stderr.fileno(), fcntl.F_SETPIPE_SZ, 4096)
    deadline = time.monotonic() + HELD_UP_S
    while not project.statuses() or set(project.statuses()) != {"completed"}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.communicate(timeout=HELD_UP_S)
    assert process.returncode == 0


def test_logs_follow(project: Project) -> None:
    """`logs -f` prints what a running attempt writes, nothing of others, and ends with it."""
    path = project.series(WAITING, experiments=2)
    run = project.start("run", str(path), "--workers", "1", "-q")
    assert project.event() == "0"
    [row] = json.loads(project.here("list", "s", "--status", "running", "--json").stdout)
    follower = project.start("logs", "-f", str(row["id"]))
    assert follower.stdout is not None
    assert follower.stdout.readline() == "begin 0\n"
    project.open_gate()
    out, err = follower.communicate(timeout=PATIENCE_S)
    assert (out, follower.returncode) == ("end 0\n", 0)
    assert err == f"experiment {row['id']}, attempt 1 has ended\n"
    assert project.event() == "1"
    project.open_gate()
    run.communicate(timeout=PATIENCE_S)


def test_progress_bars_of_a_target(project: Project) -> None:
    """Whoever follows sees each state of a bar, and then its last; logs and failures have the last alone."""
    code = """
        def main(x):
            for done in range(1000):
                print(f"\\r{done / 10:5.1f}%|{'#' * (done // 20):50}|", end="", flush=True)
            tell(x)
            wait()
            print(f"\\r100.0%|{'#' * 50}|\\nlast words", flush=True)
            raise SystemExit(3)
    """
    path = project.series(code, experiments=1)
    run = project.start("run", str(path), "--workers", "1", "-q")
    project.event()
    follower = project.start("logs", "-f", "1")
    assert follower.stdout is not None
    seen = ""
    while "99.9%" not in seen:
        seen += follower.stdout.read(1)
    project.open_gate()
    rest, _ = follower.communicate(timeout=PATIENCE_S)
    run.communicate(timeout=PATIENCE_S)
    shown = f"100.0%|{'#' * 50}|\nlast words\n"
    assert rest.endswith(f"\n{shown}")  # text mode reads a carriage return as a line end
    assert project.here("logs", "1").stdout == shown
    assert (project.folder / "results/s/logs/1-1.log").read_text() == shown
    [group] = json.loads(project.here("failures", "s", "--json").stdout)
    assert group["log_tail"] == shown.rstrip()


def test_watching_from_elsewhere(project_on_both: Project) -> None:
    """`status --watch` sees what another runner does, and ends with the series; Ctrl-C ends it earlier."""
    path = project_on_both.series(WAITING, experiments=2)
    run = project_on_both.start("run", str(path), "--workers", "1", "-q")
    project_on_both.event()
    short = project_on_both.start("status", "s", "--watch", "--interval", "0.1")
    assert short.stdout is not None
    assert short.stdout.readline() == "s: 0/2 done, 1 running\n"
    short.send_signal(signal.SIGINT)
    assert short.wait(PATIENCE_S) == 0
    short.communicate()
    watcher = project_on_both.start("status", "s", "--watch", "--json", "--interval", "0.1")
    assert watcher.stdout is not None
    for line in watcher.stdout:
        look = json.loads(line)
        if look["runners"] == 1:
            break
    assert (look["running"], look["workers"]) == (1, [])
    project_on_both.open_gate()
    project_on_both.event()
    project_on_both.open_gate()
    out, _ = watcher.communicate(timeout=PATIENCE_S)
    assert watcher.returncode == 0
    *_, last, end = ended_lines(out)
    assert last["completed"] == end["summary"]["completed"] == 2
    run.communicate(timeout=PATIENCE_S)


@contextmanager
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    received: list[dict[str, Any]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/x", received
        finally:
            server.shutdown()
            thread.join()


def test_webhook_tells_the_end(project: Project) -> None:
    """The webhook hears of the end, also when experiments have failed; the bell leaves logs alone."""
    with hook() as (url, received):
        notify = f'{{workers: 1, notify: {{bell: true, webhook: "{url}"}}}}'
        path = project.series("def main(x):\n    return {'y': 1 / x}", experiments=3, execute=notify)
        ended = project.run("run", str(path), "-q", "--json", code=1, no_proxy="127.0.0.1")
        [told] = received
        summary = json.loads(ended.stdout)
        assert {key: value for key, value in told.items() if key != "text"} == summary
        assert told["text"].startswith("s: 2 of 3 experiments completed")
        assert "\a" not in ended.stderr


def test_wrong_url_of_the_script(project: Project) -> None:
    """A malformed database URL is wrong usage, for the script as for the command."""
    command = [sys.executable, "-m", "experiments.run_experiments", "s", "--database", "foo"]
    ended = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "'foo' is not a database URL" in ended.stderr
    project.run("run", "s", "--database", "foo", code=2)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_full_disk_behind_stdout(project: Project, unbuffered: str) -> None:
    """When stdout cannot be written, the message names it."""
    path = project.series("def main(x):\n    pass")
    assert_names_stdout(project, ["run", str(path), "-q"], unbuffered)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_full_disk_behind_an_export(project: Project, unbuffered: str) -> None:
    """Also when much is written, by a library."""
    project.here("create", str(project.series("def main(x):\n    pass", experiments=500)))
    assert_names_stdout(project, ["export", "s"], unbuffered)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_full_disk_behind_bytes_and_a_thread(project: Project, unbuffered: str) -> None:
    """Also when bytes are written, and when another thread writes."""
    project.here("run", str(project.series("def main(x):\n    print('x' * 100_000)")))
    for arguments in (["logs", "1"], ["status", "s", "--watch"], ["status", "s", "--watch", "--json"]):
        assert_names_stdout(project, arguments, unbuffered)


def assert_names_stdout(project: Project, arguments: list[str], unbuffered: str) -> None:
    command = [*project.command, *arguments]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            command,
            cwd=project.folder,
            env={**project.environment, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (2, "error: stdout: No space left on device\n")
