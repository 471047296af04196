"""The worker's journal, as its supervisor reads it: while it is written, and after a death."""

from __future__ import annotations

import errno
import logging
import os
import struct
import zlib
from pathlib import Path

import pytest

from database.claims.types import Chunk, Finished
from database.models import Outcome
from experiments.journal import JournalReader, JournalWriter
from experiments.journal_encoding import encode_finished


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wörk er.journal"


def ended(number: int, **fields: object) -> Finished:
    return Finished(
        number, 1, Outcome.COMPLETED, started_at=1.5, finished_at=2.5, results='{"y":1}', **fields
    )  # type: ignore[arg-type]  # a test's shorthand


def test_follows_a_worker(path: Path) -> None:
    """The reader knows what runs and what is finished but not recorded, at each moment."""
    reader = JournalReader(path)
    reader.poll()
    assert (reader.current, reader.started_any, reader.count_unrecorded()) == (None, False, 0)
    writer = JournalWriter(path)
    writer.started((7, 2))
    reader.poll()
    assert reader.current is not None
    assert reader.current.token == (7, 2)
    assert reader.started_any
    writer.finished(ended(7))
    writer.started((8, 1))
    reader.poll()
    assert reader.current.token == (8, 1)
    assert reader.unrecorded() == [ended(7)]
    writer.finished(ended(8))
    writer.recorded()
    reader.poll()
    assert (reader.current, reader.unrecorded()) == (None, [])


def test_everything_comes_back(path: Path) -> None:
    """All fields and metric arrays survive the trip."""
    chunks = (
        Chunk("loss", 0, 2, b"s" * 16, b"r" * 16, b"t" * 16),
        Chunk("ac/curacy é", 3, 1, b"S" * 8, b"R" * 8, b"T" * 8),
    )
    whole = Finished(
        *(5, 9, Outcome.ERROR, 1.0, 2.0, 1.0, None, "E", "m\u2028é", "tb", 1, 9, 2**40, 0.25, "tail"),
        code=2**60 - 1,
        threads=2,
        chunks=chunks,
    )
    writer = JournalWriter(path)
    writer.finished(whole)
    reader = JournalReader(path)
    reader.poll()
    assert reader.unrecorded() == [whole]


def test_large_records(path: Path) -> None:
    """Records larger than what is read at once are read, and those behind them."""
    big = Chunk("m", 0, 100_000, b"s" * 800_000, b"r" * 800_000, b"t" * 800_000)
    writer = JournalWriter(path)
    for number in range(3):
        writer.started((number, 1))
        writer.finished(ended(number, chunks=(big,)))
    writer.started((99, 1))
    reader = JournalReader(path)
    reader.poll()
    assert [finished.experiment_id for finished in reader.unrecorded()] == [0, 1, 2]
    assert reader.current is not None
    assert reader.current.token == (99, 1)


def test_many_records(path: Path) -> None:
    """A reader that was away for long catches up in a single call."""
    writer = JournalWriter(path)
    for number in range(5000):
        writer.started((number, 1))
        writer.finished(ended(number))
    reader = JournalReader(path)
    reader.poll()
    assert len(reader.unrecorded()) == 5000


def test_record_cut_short(path: Path) -> None:
    """A record that the writer died in counts as not written; those before it stand."""
    writer = JournalWriter(path)
    writer.started((1, 1))
    writer.finished(ended(1))
    writer.started((2, 1))
    writer.finished(ended(2))
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        reader = JournalReader(path)
        reader.poll()
        unrecorded = [finished.experiment_id for finished in reader.unrecorded()]
        assert unrecorded in ([], [1])
        reader.close()


def test_record_grows_under_the_reader(path: Path) -> None:
    """A record seen half-written is read when it is whole."""
    writer = JournalWriter(path)
    writer.started((1, 1))
    writer.finished(ended(1))
    whole = path.read_bytes()
    path.write_bytes(b"")
    reader = JournalReader(path)
    with path.open("ab", buffering=0) as file:
        for place in range(0, len(whole), 7):
            file.write(whole[place : place + 7])
            reader.poll()
    assert reader.unrecorded() == [ended(1)]


def test_damaged_body_is_left_out(path: Path) -> None:
    """A body that does not match its checksum is not recorded as a result."""
    writer = JournalWriter(path)
    writer.finished(ended(1))
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    reader = JournalReader(path)
    reader.poll()
    assert reader.unrecorded() == []


def test_starts_anew_when_recorded(path: Path) -> None:
    """A journal that grew large is replaced once all is recorded; a reader follows, losing nothing."""
    big = Chunk("m", 0, 50_000, b"s" * 400_000, b"r" * 400_000, b"t" * 400_000)
    writer = JournalWriter(path)
    reader = JournalReader(path)
    writer.started((1, 1))
    writer.finished(ended(1, chunks=(big,)))
    reader.poll()
    assert reader.count_unrecorded()
    writer.recorded()
    assert path.stat().st_size < 100
    writer.started((2, 1))
    reader.poll()
    assert not reader.count_unrecorded()
    assert reader.current is not None
    assert reader.current.token == (2, 1)
    assert list(path.parent.iterdir()) == [path]


def test_recorded_by_others(path: Path) -> None:
    """What the supervisor has recorded itself is not offered again; what comes later is."""
    writer = JournalWriter(path)
    writer.finished(ended(1))
    reader = JournalReader(path)
    reader.poll()
    known = reader.unrecorded()
    writer.finished(ended(2))
    reader.poll()
    reader.forget(known)
    assert [finished.experiment_id for finished in reader.unrecorded()] == [2]
    reader.remove()
    assert not path.exists()


class Room(logging.Handler):
    """Makes room when the journal says that there is none: the descriptor leads to a real file then."""

    def __init__(self, writer: JournalWriter, file: Path) -> None:
        super().__init__()
        self._writer, self._file, self.messages = writer, file, []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        real = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(real, self._writer.descriptor)
        os.close(real)


def test_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the worker waits, says so once, and goes on with whole records when there is room."""
    monkeypatch.setattr("experiments.full_disk._PAUSE_S", 0.0)
    path.with_suffix(".new").symlink_to("/dev/full")
    writer = JournalWriter(path)
    room = Room(writer, path.with_name("real"))
    logging.getLogger("experiments.full_disk").addHandler(room)
    try:
        writer.started((7, 1))
        writer.finished(ended(7))
    finally:
        logging.getLogger("experiments.full_disk").removeHandler(room)
    path.with_name("real").replace(path)
    assert room.messages == [f"{path}: No space left on device; the worker waits until there is space"]
    reader = JournalReader(path)
    reader.poll()
    assert reader.unrecorded() == [ended(7)]


def test_disk_that_fills_up_between_parts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of which a part was written is continued, not begun again."""
    monkeypatch.setattr("experiments.full_disk._PAUSE_S", 0.0)
    writer, write, calls = JournalWriter(path), os.write, []

    def filling(file: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) == 2:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        return write(file, data[:10])

    monkeypatch.setattr("experiments.journal.write", filling)
    writer.finished(ended(7))
    monkeypatch.undo()
    assert calls[1] == calls[2] == calls[0] - 10
    reader = JournalReader(path)
    reader.poll()
    assert reader.unrecorded() == [ended(7)]


def test_full_disk_when_a_new_file_is_due(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no new file can be made the old one is used on."""
    monkeypatch.setattr("experiments.journal._ROTATE_BYTES", 10)
    writer, opened = JournalWriter(path), os.open

    def full(*_arguments: object, **_options: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    writer.finished(ended(7))
    monkeypatch.setattr("experiments.journal.os.open", full)
    writer.recorded()
    monkeypatch.setattr("experiments.journal.os.open", opened)
    writer.finished(ended(8))
    reader = JournalReader(path)
    reader.poll()
    assert reader.unrecorded() == [ended(8)]


def test_other_errors_end_the_worker(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody can make room for, such as a limit of the process itself, is not waited for."""
    writer = JournalWriter(path)

    def limited(_file: int, _data: memoryview) -> int:
        raise OSError(errno.EFBIG, "File too large")

    monkeypatch.setattr("experiments.journal.write", limited)
    with pytest.raises(OSError, match="File too large"):
        writer.started((7, 1))


def overwrite(path: Path, place: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(data)


#: The length of the body in the head of a record.
LENGTH_AT = 25


@pytest.mark.parametrize("length", [3, 2**31])
def test_finish_with_a_wrong_length(path: Path, length: int) -> None:
    """A finish that is not written right counts as none; what comes behind it is read."""
    writer = JournalWriter(path)
    writer.recorded()
    writer.started((1, 1))
    place = path.stat().st_size
    writer.finished(ended(1))
    writer.started((2, 1))
    writer.finished(ended(2))
    writer.started((3, 1))
    overwrite(path, place + LENGTH_AT, struct.pack("<I", length))
    reader = JournalReader(path)
    reader.read_to_end()
    assert reader.unrecorded() == [ended(2)]
    assert reader.unfinished() == [(1, 1), (3, 1)]
    assert reader.current is not None
    assert reader.current.token == (3, 1)
    assert not reader.is_whole()
    assert len(reader.take_durations()) == 1
    writer.recorded()
    reader.poll()
    assert (reader.unrecorded(), reader.unfinished(), reader.current) == ([], [], None)
    assert reader.is_whole()  # what could not be read is in the database


def test_follows_a_worker_that_is_broken(path: Path) -> None:
    """Live, too, what cannot be read does not hide what the worker runs next."""
    writer, reader = JournalWriter(path), JournalReader(path)
    writer.started((1, 1))
    reader.poll()
    with path.open("ab") as file:
        file.write(b"XJ1\nsomething an experiment wrote")
    reader.poll()
    assert reader.current is not None
    assert reader.current.token == (1, 1)
    writer.started((2, 1))
    reader.poll()
    assert reader.current.token == (2, 1)
    assert reader.unfinished() == [(1, 1), (2, 1)]


def test_journal_that_was_cut(path: Path) -> None:
    """When an experiment cuts the file short, what was read stays known, and what comes is read."""
    writer, reader = JournalWriter(path), JournalReader(path)
    writer.recorded()
    writer.started((1, 1))
    reader.poll()
    assert reader.is_whole()
    os.truncate(path, 0)
    reader.poll()
    assert (reader.unfinished(), reader.is_whole()) == ([(1, 1)], False)
    writer.finished(ended(1))
    reader.poll()
    assert (reader.unrecorded(), reader.unfinished()) == ([ended(1)], [])


@pytest.mark.parametrize("body", [b"", b"\x03\0\0\0{}", b'\x02\0\0\0"x"', encode_finished(ended(2))])
def test_finish_that_is_none(path: Path, body: bytes) -> None:
    """Bytes that are no attempt, or another one, are no finish of this one, whatever their checksum."""
    writer = JournalWriter(path)
    writer.recorded()
    writer.started((1, 1))
    head = struct.pack("<4sBqIdII", b"XJ1\n", 2, 1, 1, 0.0, len(body), zlib.crc32(body))
    with path.open("ab") as file:
        file.write(head + body)
    reader = JournalReader(path)
    reader.poll()
    assert (reader.unrecorded(), reader.unfinished(), reader.current) == ([], [(1, 1)], None)


def test_replaced_functions(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is written right while an experiment has replaced functions of Python's modules."""
    writer = JournalWriter(path)
    for name in (
        "os.write",
        "zlib.crc32",
        "json.dumps",
        "json.JSONEncoder.encode",
        "struct.pack",
        "time.time",
    ):
        monkeypatch.setattr(name, lambda *_, **__: None)
    writer.started((1, 1))
    writer.finished(ended(1))
    monkeypatch.undo()
    reader = JournalReader(path)
    reader.poll()
    assert reader.unrecorded() == [ended(1)]
