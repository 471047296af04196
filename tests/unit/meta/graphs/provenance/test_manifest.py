"""The manifest of generated files: which need not be drawn again, and which may go."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from meta.graphs.provenance.manifest import OutputLocation

NAME = ".generated.json"


@pytest.fixture
def figure(tmp_path: Path) -> Path:
    """Return a figure of the series "s" whose origin has the digest "now"."""
    path = tmp_path / "Größe.png"
    path.write_bytes(b"figure")
    OutputLocation(tmp_path, "s").record({path: "now"}, ["Größe"])
    while path.stat().st_ctime_ns >= (tmp_path / NAME).stat().st_ctime_ns:  # within one tick of the clock
        os.utime(tmp_path / NAME)
    return path


def is_up_to_date(path: Path, origin: str = "now", series: str = "s") -> bool:
    return OutputLocation(path.parent, series).up_to_date({path: origin}) == {path}


def test_only_what_would_be_drawn_the_same_is_up_to_date(figure: Path) -> None:
    """The origin, the series and the file count."""
    assert is_up_to_date(figure)
    assert not is_up_to_date(figure, "other")
    assert not is_up_to_date(figure, series="t")
    assert not is_up_to_date(figure.with_name("other.png"))
    figure.unlink()
    assert not is_up_to_date(figure)


@pytest.mark.parametrize("content", [b"damage", b"longer figure"])
def test_changed_files_are_found(figure: Path, content: bytes) -> None:
    """Whatever its size, and whatever time its change is given."""
    before = figure.stat()
    figure.write_bytes(content)
    os.utime(figure, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not is_up_to_date(figure)


def test_an_older_file_in_its_place_is_found(figure: Path) -> None:
    """A file that was written before the manifest, and got the figure's name after it, is another one."""
    other = figure.with_name("older")
    other.write_bytes(b"figure of old")
    os.utime(other, ns=(0, 0))
    other.replace(figure)
    assert not is_up_to_date(figure)


def test_untouched_files_are_not_read(figure: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure that nobody has touched since the manifest was written is not read; a touched one is."""
    read = []
    original = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.name) or original(path))
    assert is_up_to_date(figure)
    OutputLocation(figure.parent, "s").record({figure: "now"}, ["Größe"])
    assert set(read) == {NAME}
    os.utime(figure)
    assert is_up_to_date(figure)
    assert figure.name in read


def test_what_is_noted_stays_when_the_rest_never_comes(figure: Path) -> None:
    """A generation that is killed has noted what it had drawn; what earlier ones wrote is still known."""
    second = figure.with_name("second.png")
    second.write_bytes(b"second")
    OutputLocation(figure.parent, "s").note({second: "then"})
    assert is_up_to_date(second, "then")
    assert is_up_to_date(figure)


def test_manifests_of_before_are_read(figure: Path) -> None:
    """They have the digest of a file alone: it is drawn again, and may be removed."""
    digest = hashlib.sha256(b"figure").hexdigest()
    (figure.parent / NAME).write_text(json.dumps({"s": {figure.name: digest}}))
    assert not is_up_to_date(figure)
    assert OutputLocation(figure.parent, "s").record({}, ()) == [figure]
    assert not figure.exists()
