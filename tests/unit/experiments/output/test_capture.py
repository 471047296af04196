"""What experiments write, caught at the file descriptors."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from experiments.output import capture as capture_module
from experiments.output.capture import (
    KEPT_BYTES,
    read_output,
    read_tail,
    rescue_output,
    trim_capture,
)


def in_process(tmp_path: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, whose descriptors may be redirected."""
    head = "import os, sys\nfrom pathlib import Path\nfrom experiments.output.capture import OutputCapture\n"
    head += "capture = OutputCapture(Path('capture é.out'))\nlog = Path('logs/1-1.log')\n"
    return subprocess.run(
        [sys.executable, "-c", head + textwrap.dedent(code)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_attempt_has_its_own_log(tmp_path: Path) -> None:
    """Output goes to the log of the attempt that wrote it; silence leaves no file."""
    done = in_process(
        tmp_path,
        """
        print("one")
        os.write(2, b"two\\xff\\n")
        os.system("echo three")
        assert capture.collect(lambda: log) == "one\\ntwo\\ufffd\\nthree"
        assert capture.collect(lambda: Path("logs/2-1.log")) is None
        print("four")
        assert capture.collect(lambda: Path("logs/3-1.log")) == "four"
        """,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "logs/1-1.log").read_bytes() == b"one\ntwo\xff\nthree\n"
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["1-1.log", "3-1.log"]


def test_a_bar_that_was_removed(tmp_path: Path) -> None:
    """An attempt whose bar has removed itself has written nothing, and the next one begins anew."""
    done = in_process(
        tmp_path,
        """
        print("\\r 50%|##  |\\r          \\r", end="")
        assert capture.collect(lambda: log) is None
        print("next")
        assert capture.collect(lambda: Path("logs/2-1.log")) == "next"
        """,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["2-1.log"]


def test_closed_or_replaced_streams(tmp_path: Path) -> None:
    """An experiment that closes or replaces sys.stdout hurts only itself."""
    done = in_process(
        tmp_path,
        """
        print("before")
        sys.stdout.close()
        sys.stderr = None
        capture.collect(lambda: log)
        print("after")
        assert capture.collect(lambda: Path("logs/2-1.log")) == "after"
        """,
    )
    assert done.returncode == 0
    assert (tmp_path / "logs/1-1.log").read_text() == "before\n"


@pytest.mark.parametrize("how", ["os.close(1); os.close(2)", "os.dup2(os.open(os.devnull, os.O_WRONLY), 1)"])
def test_closed_or_redirected_descriptors(tmp_path: Path, how: str) -> None:
    """So does one that closes the descriptors below, or sends them elsewhere."""
    after = """
        capture.collect(lambda: log)
        print("after")
        assert capture.collect(lambda: Path("logs/2-1.log")) == "after"
        """
    assert in_process(tmp_path, f"print('before')\n{how}\n{textwrap.dedent(after)}").returncode == 0
    assert (tmp_path / "logs/1-1.log").read_text() == "before\n"


def read(path: Path) -> bytes:
    with path.open("rb") as file:
        return read_output(file.fileno())


@pytest.mark.parametrize("read_bytes", [KEPT_BYTES, 8 * KEPT_BYTES])
def test_floods_lose_their_middle(tmp_path: Path, read_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a very long output the beginning and the end are kept."""
    monkeypatch.setattr(capture_module, "READ_BYTES", read_bytes)
    path = tmp_path / "flood"
    path.write_bytes(b"a" * KEPT_BYTES + b"m" * 5000 + b"z" * KEPT_BYTES)
    kept = read(path)
    assert kept.startswith(b"a" * KEPT_BYTES + b"\n[... 5000 bytes left out ...]\n")
    assert kept.endswith(b"z" * KEPT_BYTES)


def frames(count: int) -> bytes:
    """Return what tqdm writes."""
    return b"".join(
        b"\r%3d%%|%-50s| %d/%d" % (100 * n // count, b"#" * (50 * n // count), n, count)
        for n in range(count + 1)
    )


def test_states_of_a_bar_do_not_count(tmp_path: Path) -> None:
    """What is kept is counted after folding: ten thousand states of a bar displace no line."""
    path, log = tmp_path / "w.out", tmp_path / "log"
    lines = b"line\n" * (KEPT_BYTES // 4)
    path.write_bytes(lines + frames(10_000) * 3 + b"\nlast\n")
    tail = rescue_output(path, log)
    assert tail is not None
    assert log.read_bytes() == lines + f"100%|{'#' * 50}| 10000/10000\nlast\n".encode()
    assert tail.endswith(f"line\n100%|{'#' * 50}| 10000/10000\nlast")
    assert read_tail(path) == tail


def test_note_where_the_middle_of_many_states_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The beginning and the end of an output that is too long to be read are folded each."""
    monkeypatch.setattr(capture_module, "READ_BYTES", KEPT_BYTES)
    path = tmp_path / "w.out"
    path.write_bytes(b"first\n" + frames(40_000) + b"\nlast\n")
    lines = read(path).decode().splitlines()
    assert (lines[0], lines[-1]) == ("first", "last")
    assert lines[-2].endswith("| 40000/40000")
    assert [line for line in lines if "bytes left out" in line] == [
        f"[... {path.stat().st_size - 2 * KEPT_BYTES} bytes left out ...]"
    ]
    assert len(lines) < 10


def test_rescue(tmp_path: Path) -> None:
    """What a dead worker's experiment wrote becomes its log; without output there is none."""
    capture, log = tmp_path / "w.out", tmp_path / "logs" / "1-1.log"
    assert rescue_output(capture, log) is None
    assert read_tail(capture) == ""
    capture.touch()
    assert rescue_output(capture, log) is None
    capture.write_text("last words")
    assert rescue_output(capture, log) == "last words"
    assert log.read_text() == "last words"
    assert read_tail(capture) == "last words"


@pytest.mark.parametrize("can_punch", [True, False])
def test_running_floods_are_trimmed(tmp_path: Path, can_punch: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """While an experiment floods its output, the middle is given back to the disk and the ends stay."""
    monkeypatch.setattr(capture_module, "READ_BYTES", KEPT_BYTES)
    if not can_punch:
        monkeypatch.setattr(capture_module, "_punch_hole", lambda *_: False)
    path, log = tmp_path / "w é.out", tmp_path / "log"
    size = 8 * KEPT_BYTES
    with path.open("ab", buffering=0) as writer:  # as the worker's descriptors are
        writer.write(b"a" * KEPT_BYTES + b"m" * (size - 2 * KEPT_BYTES) + b"z" * KEPT_BYTES)
        assert not trim_capture(path, most_bytes=16 * KEPT_BYTES)
        assert trim_capture(path, most_bytes=4 * KEPT_BYTES)
        assert path.stat().st_blocks * 512 <= 2 * KEPT_BYTES + 8192
        assert not trim_capture(path, most_bytes=4 * KEPT_BYTES)
        writer.write(b"end")
    assert rescue_output(path, log)
    kept = log.read_bytes()
    assert kept.startswith(b"a" * KEPT_BYTES + b"\n[... ")
    assert kept.endswith(b"z" * (KEPT_BYTES - 3) + b"end")
    assert b"bytes left out" in kept
    assert (b"m" in kept.replace(b"bytes left out", b"")) is False
    assert read_tail(path).endswith("end")


def test_nothing_to_trim(tmp_path: Path) -> None:
    """A worker that has not come to capture anything is no error."""
    assert not trim_capture(tmp_path / "missing.out")
