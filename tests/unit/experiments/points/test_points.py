"""The file of the points that an attempt logs."""

from __future__ import annotations

import itertools
import math
import mmap
import os
import random
import signal
import sys
from collections import defaultdict
from pathlib import Path

import numpy
import pytest

from database.claims.types import Chunk
from experiments.points import writer as writing
from experiments.points.unrecorded import (
    UnrecordedPoints,
    has_unrecorded,
    note_recorded,
    read_unrecorded,
)
from experiments.points.writer import PointsFileError, PointsWriter

TOKEN = (5, 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w é.points"


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of the file of one page after two, and chunks of 300 slots."""
    monkeypatch.setattr(writing, "_FIRST_SLOTS", 256)
    monkeypatch.setattr(writing, "_PART_SLOTS", 128)
    monkeypatch.setattr(writing, "_CHUNK_SLOTS", 300)


def curves(chunks: tuple[Chunk, ...]) -> dict[str, list[tuple[int, float, float]]]:
    """Return the points of each metric in the order of the chunks, which are those of one attempt."""
    found: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for chunk in sorted(chunks, key=lambda chunk: chunk.number):
        columns = (chunk.steps, "<i8"), (chunk.readings, "<f8"), (chunk.seconds, "<f8")
        found[chunk.metric] += zip(
            *(numpy.frombuffer(data, kind).tolist() for data, kind in columns), strict=True
        )
    return dict(found)


def test_points_of_several_metrics(path: Path) -> None:
    """Steps, readings and seconds of each metric, in the order in which they were logged."""
    writer = PointsWriter(path, TOKEN)
    writer.append(0, {"a": 1.5, "é" * 200: -0.0}, 0.25)
    writer.append(-(2**63), {"a": math.inf}, 0.5)
    writer.append(2**63 - 1, {"a": 1e-320}, 0.5)
    expected = {
        "a": [(0, 1.5, 0.25), (-(2**63), math.inf, 0.5), (2**63 - 1, 1e-320, 0.5)],
        "é" * 200: [(0, 0.0, 0.25)],
    }
    assert curves(read_unrecorded(path, TOKEN).chunks) == expected
    assert curves(writer.close()) == expected
    assert writer.summaries["a"].as_results() == {"last": 1e-320, "min": 1e-320, "max": math.inf, "count": 3}


@pytest.mark.parametrize(
    ("readings", "least", "most"),
    [
        ((math.nan, 2.0, 1.0), 1.0, 2.0),
        ((math.inf, -math.inf, 1.0), -math.inf, math.inf),
        ((5.0, math.nan), 5.0, 5.0),
        ((math.nan, math.nan), math.nan, math.nan),
    ],
)
@pytest.mark.usefixtures("_small")
def test_summaries_leave_out_nan(path: Path, readings: tuple[float, ...], least: float, most: float) -> None:
    """Min and max are of what is a number, over all chunks, whatever state numpy's errors are in."""
    writer = PointsWriter(path, TOKEN)
    with numpy.errstate(all="raise"):
        for step in range(400):
            writer.append(step, {"m": readings[min(step // 150, len(readings) - 1)]}, 0.0)
        writer.close()
    summary = writer.summaries["m"].as_results()
    numpy.testing.assert_equal((summary["min"], summary["max"], summary["count"]), (least, most, 400))


def record(database: dict[tuple[str, int], Chunk], chunks: tuple[Chunk, ...]) -> None:
    """Do what `insert_chunks` does, and check that of two chunks one begins with the other."""
    for chunk in chunks:
        known = database.setdefault((chunk.metric, chunk.number), chunk)
        if chunk.count > known.count:
            database[chunk.metric, chunk.number] = chunk
        assert chunk.steps.startswith(known.steps) or known.steps.startswith(chunk.steps)
        assert chunk.readings.startswith(known.readings) or known.readings.startswith(chunk.readings)


@pytest.mark.usefixtures("_small")
def test_whatever_is_recorded_between_nothing_is_missing_or_twice(path: Path) -> None:
    """Two sides record at any time what they see; the longest of each chunk, together, is what was logged."""
    choose = random.Random(7)
    for attempt in range(1, 9):
        token, logged = (5, attempt), defaultdict[str, list[tuple[int, float, float]]](list)
        database: dict[tuple[str, int], Chunk] = {}

        writer, second = PointsWriter(path, token), 0.0
        for step in range(choose.choice([1, 100, 3_000])):
            second += choose.choice([0.0, 0.001, 0.5])
            readings = {name: choose.random() for name in choose.sample(["a", "b" * 70, "ü", "d"], 2)}
            writer.append(step, readings, second)
            for name, reading in readings.items():
                logged[name].append((step, reading, second))
            if choose.random() < 0.02:
                found = read_unrecorded(path, token, most=choose.choice([None, 10, 200]))
                record(database, found.chunks)
                if choose.random() < 0.7:  # otherwise the one who recorded died before it noted that
                    note_recorded(path, token, found)
                assert found.is_all or has_unrecorded(path, token)
        record(database, writer.close())
        assert curves(tuple(database.values())) == logged
        counts = {name: summary.count for name, summary in writer.summaries.items()}
        assert counts == {name: len(each) for name, each in logged.items()}


def test_what_is_recorded_is_not_read_again(path: Path) -> None:
    """Only the last chunk, once it has more points."""
    writer = PointsWriter(path, TOKEN)
    for step in range(200):
        writer.append(step, {"m": 0.0}, step / 50)
    note_recorded(path, TOKEN, read_unrecorded(path, TOKEN))
    assert not has_unrecorded(path, TOKEN)
    assert read_unrecorded(path, TOKEN).chunks == ()
    writer.append(200, {"m": 0.0}, 3.99)
    assert has_unrecorded(path, TOKEN)
    (chunk,) = writer.close()
    assert (chunk.number, chunk.count) == (1, 101)


def test_rare_points_share_a_chunk(path: Path) -> None:
    """Of what is logged once a second a chunk has more than a few points."""
    writer = PointsWriter(path, TOKEN)
    for step in range(1_000):
        writer.append(step, {"a": 0.0, "b": 0.0}, 1.0 * step)
    counts = [chunk.count for chunk in writer.close() if chunk.metric == "a"]
    assert (sum(counts), min(counts[:-1]) >= 64, max(counts) < 70) == (1_000, True, True)


def test_attempts_of_a_worker_are_kept_apart(path: Path) -> None:
    """Of an attempt only its own points are read, and a late note about an earlier one counts nothing."""
    writer = PointsWriter(path, (5, 1))
    for step in range(10):
        writer.append(step, {"m": 1.0}, 0.0)
    late = read_unrecorded(path, (5, 1))
    writer.close()
    assert read_unrecorded(path, (5, 2)).chunks == ()
    writer = PointsWriter(path, (5, 2))
    assert read_unrecorded(path, (5, 1)).chunks == ()
    writer.append(7, {"m": 2.0}, 0.0)
    note_recorded(path, (5, 1), late)
    assert curves(writer.close()) == {"m": [(7, 2.0, 0.0)]}


def test_no_file(path: Path) -> None:
    """An attempt that logged nothing has no points."""
    assert not has_unrecorded(path, TOKEN)
    assert read_unrecorded(path, TOKEN).chunks == ()
    note_recorded(path, TOKEN, UnrecordedPoints())
    assert not path.exists()


def test_damaged_file(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be read is told, and stops nobody."""
    writer = PointsWriter(path, TOKEN)
    writer.append(0, {"m": 1.0}, 0.0)
    data = bytearray(path.read_bytes())
    data[2 * 32] ^= 1  # the mark of the name
    path.write_bytes(data)
    assert read_unrecorded(path, TOKEN).chunks == ()
    assert "points of experiment 5 are lost" in caplog.text


class HandlerError(Exception):
    pass


@pytest.mark.usefixtures("_small")
def test_exceptions_between(path: Path) -> None:
    """Wherever a signal handler raises in `append`, its call is logged as a whole or not at all."""
    logged: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    writer = PointsWriter(path, TOKEN)
    step, countdown, interrupted = 0, 0, 0

    def trace(frame: object, event: str, _argument: object) -> object:
        nonlocal countdown
        countdown -= event == "line"
        if countdown == 0:
            raise HandlerError
        return trace

    for round_ in range(1_500):
        countdown = 1 + round_ % 37
        readings = {f"n{step % 7}" * (step % 40 + 1): 1.0 * step, "m": 2.0 * step}
        before = writer._slot
        sys.settrace(trace)
        try:
            writer.append(step, readings, step / 40)
        except HandlerError:
            interrupted += 1
        finally:
            sys.settrace(None)
        if writer._slot > before:
            for name, reading in readings.items():
                logged[name].append((step, reading, step / 40))
            step += 1
    found = curves(writer.close())
    assert found == logged
    assert {name: each.count for name, each in writer.summaries.items()} == {
        name: len(each) for name, each in logged.items()
    }
    assert interrupted > 100


@pytest.mark.parametrize("points_before", [1, 1_000, 150_000])
def test_killed_at_any_moment(path: Path, points_before: int) -> None:
    """After SIGKILL all points are there that were logged before, each once."""
    told = memoryview(mmap.mmap(-1, 4096)).cast("Q")  # how many calls have returned
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            writer = PointsWriter(path, TOKEN)
            for step in itertools.count():
                writer.append(step, {"a": step, "b": -step}, step / 1e5)
                told[0] = step + 1
                if step + 1 == points_before:
                    os.write(writing, b".")
        finally:
            os._exit(1)
    assert os.read(reading, 1) == b"."
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(reading)
    os.close(writing)
    found = curves(read_unrecorded(path, TOKEN).chunks)
    count = len(found["a"])
    assert points_before <= told[0] <= count <= told[0] + 1
    steps = [float(step) for step in range(count)]
    assert [reading for _, reading, _ in found["a"]] == steps
    assert [-reading for _, reading, _ in found["b"]] == steps


@pytest.mark.usefixtures("_small")
def test_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Without space for more points `append` waits, says so once, and goes on; no store meets a hole."""
    monkeypatch.setattr("experiments.full_disk._PAUSE_S", 0.0)
    refusals, write = 3, os.pwrite

    def pwrite(file: int, data: bytes, offset: int) -> int:
        nonlocal refusals
        if len(data) > 1_000:
            refusals -= 1
            if refusals > 0:
                raise OSError(28, "No space left on device")
            data = data[:1_000]  # a disk that is nearly full takes a part
        return write(file, data, offset)

    monkeypatch.setattr(writing.os, "pwrite", pwrite)
    writer = PointsWriter(path, TOKEN)
    for step in range(1_000):
        writer.append(step, {"m": 1.0}, 0.0)
    status = path.stat()
    assert status.st_blocks * 512 >= status.st_size
    assert len(curves(writer.close())["m"]) == 1_000
    assert [each.getMessage() for each in caplog.records] == [
        f"{path}: No space left on device; the worker waits until there is space"
    ]


def test_no_mapping(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system that maps no files `run.log` says what to do."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr(writing.mmap, "mmap", refused)
    with pytest.raises(PointsFileError, match=r"\(No such device\).*EXPERIMENTS_RESULTS"):
        PointsWriter(path, TOKEN)


@pytest.mark.usefixtures("_small")
def test_a_long_file_is_made_short_again(path: Path) -> None:
    """What a long attempt has logged takes no space while the next one runs."""
    for token, count in (((1, 1), 5_000), ((2, 1), 1)):
        writer = PointsWriter(path, token)
        for step in range(count):
            writer.append(step, {"m": 1.0}, 0.0)
        assert len(curves(writer.close())["m"]) == count
    assert path.stat().st_size == 256 * 32
