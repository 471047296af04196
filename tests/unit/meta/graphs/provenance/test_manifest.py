"""The manifest of generated files: which may go."""

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
    """Return a figure of the series "s"."""
    path = tmp_path / "Größe.png"
    path.write_bytes(b"figure")
    OutputLocation(tmp_path, "s").record([path], ["Größe"])
    return path


def test_what_is_noted_stays_when_the_rest_never_comes(figure: Path) -> None:
    """A generation that is killed has noted what it had drawn; what earlier ones wrote is still known."""
    second = figure.with_name("second.png")
    second.write_bytes(b"second")
    OutputLocation(figure.parent, "s").note([second])
    assert set(OutputLocation(figure.parent, "s").record([])) == {figure, second}


def test_changed_files_and_those_of_others_stay(figure: Path) -> None:
    """A file that was edited is not removed, whatever time its change is given; nor one of another series."""
    before = figure.stat()
    assert OutputLocation(figure.parent, "t").record([]) == []
    figure.write_bytes(b"damage")
    os.utime(figure, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert OutputLocation(figure.parent, "s").record([]) == []
    assert figure.exists()


def test_manifests_of_before_are_read(figure: Path) -> None:
    """Entries of figures had a digest of their origin too."""
    entry = {"file": hashlib.sha256(b"figure").hexdigest(), "origin": "now"}
    (figure.parent / NAME).write_text(json.dumps({"s": {figure.name: entry}}))
    assert OutputLocation(figure.parent, "s").record([]) == [figure]
    assert not figure.exists()
