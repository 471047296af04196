"""Files that say where they come from: written, read back, damaged and edited."""

from __future__ import annotations

import io
import random
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from meta.graphs.figure.render import render
from meta.graphs.provenance import file_metadata
from meta.graphs.provenance.file_metadata import ForeignFigureError, read_origin
from meta.graphs.provenance.note_text import Note
from meta.graphs.provenance.origin import Origin
from meta.records.code_versions import CodeVersion

FORMATS = ("png", "svg", "pdf")
HARD = 'Größe (a\\b) "c" <d> & 数据 \U0001f600 ) ( \t]]>--'
#: What is said about the figure.
NOTE = Note((HARD, "n = 5"), (f"{HARD}.",), {HARD: ("t", "t (log)")})


@pytest.fixture
def origin() -> Origin:
    return Origin(
        series="Reihe é",
        graph=HARD,
        specification={"y": HARD, "x": "step", "limits": [None, 1.5]},
        labels={HARD: {"unit": "%"}},
        fingerprint="0" * 64,
        experiments=20,
        experiments_code=(CodeVersion("abc", True, 12), CodeVersion(None, None, 8)),
        code="0.1.0+abc",
        libraries={"matplotlib": "3.9"},
    )


@pytest.fixture
def files(origin: Origin) -> dict[str, bytes]:
    figure = Figure()
    figure.subplots().plot([0, 1])
    return render(figure, origin, NOTE, FORMATS)


def read(folder: Path, content: bytes):
    path = folder / "Kopie ß"
    path.write_bytes(content)
    try:
        return read_origin(path)
    except ForeignFigureError:
        return None


@pytest.mark.parametrize("form", FORMATS)
def test_a_figure_tells_where_it_comes_from(
    *, tmp_path: Path, files: dict[str, bytes], origin: Origin, form: str
) -> None:
    """What was put in comes out, whatever names are in it and whatever the file is called now."""
    signed = read(tmp_path, files[form])
    assert (signed.form, signed.origin, signed.is_intact) == (form, origin, True)
    assert signed.note == NOTE


@pytest.mark.parametrize("form", FORMATS)
def test_figures_without_a_note_can_be_read(tmp_path: Path, origin: Origin, form: str) -> None:
    """Earlier versions put the origin alone into the metadata."""
    alone = f"{file_metadata._PREFIX}{file_metadata._NO_DIGEST}: {origin.text()}"
    name = "Subject" if form == "pdf" else "Description"
    written = io.BytesIO()
    Figure().savefig(written, format=form, metadata={name: alone})
    signed = read(tmp_path, file_metadata.add_digest(written.getvalue()))
    assert (signed.origin, signed.note, signed.is_intact) == (origin, None, True)


def test_others_can_read_the_files(files: dict[str, bytes]) -> None:
    """With its origin a PNG is an image, an SVG is XML, and the title is where other programs look for it."""
    assert imread(io.BytesIO(files["png"])).ndim == 3
    tree = ET.fromstring(files["svg"])
    assert f"Reihe é: {HARD}".split() == tree.find("{http://www.w3.org/2000/svg}title").text.split()
    assert b"/Title" in files["pdf"]


@pytest.mark.parametrize("form", FORMATS)
def test_any_changed_byte_breaks_the_seal(tmp_path: Path, files: dict[str, bytes], form: str) -> None:
    """Wherever a file is damaged or edited, it is either not recognised or known to be changed."""
    content = files[form]
    places = random.Random(1).sample(range(len(content)), 300)
    begin = content.index(b"sealed ")
    for place in [*places, *range(begin - 40, begin + 90), 0, len(content) - 1]:
        damaged = bytearray(content)
        damaged[place] ^= 1
        signed = read(tmp_path, bytes(damaged))
        assert signed is None or not signed.is_intact, place


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_cut_short_is_not_intact(tmp_path: Path, files: dict[str, bytes], form: str) -> None:
    """A half-copied file is not taken for the whole, nor is one with something behind its end."""
    content = files[form]
    for size in (0, 10, len(content) // 2, len(content) - 1):
        signed = read(tmp_path, content[:size])
        assert signed is None or not signed.is_intact
    assert not read(tmp_path, content + b"\n").is_intact


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"name: first\n",
        b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXt",
        b"%PDF-1.4 /Subject (\\",
        b"<dc:description>experiment-series figure, sealed " + b"0" * 64 + b": {}</dc:description>",
        b"<dc:description>experiment-series figure, sealed "
        + b"0" * 64
        + b": [1" * 9_000
        + b"</dc:description>",
    ],
)
def test_files_of_others_are_none_of_ours(tmp_path: Path, content: bytes) -> None:
    """Whatever a file holds, it is said to be none of ours."""
    assert read(tmp_path, content) is None
