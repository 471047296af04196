"""The metadata of figures (PNG, SVG and PDF): origin and note, and a digest of the file.

Origin and note are a JSON text (PNG: the text chunk ``Description``; SVG: ``dc:description``; PDF:
``Subject`` of the document information). The digest before it is the SHA-256 of the whole file with zeros in
place of the digest: a file that was damaged or edited does not match it any more.
"""

from __future__ import annotations

import dataclasses
import hashlib
import html
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from database.errors import ExperimentsError
from database.files.paths import what_is_no_file
from meta.graphs.provenance.note_text import Note
from meta.graphs.provenance.origin import Origin

_PREFIX = "experiment-series figure, sealed "
_NO_DIGEST = "0" * 64
#: Beside the fields of the origin.
_NOTE = "note"
_DIGEST = re.compile(re.escape(_PREFIX).encode() + rb"([0-9a-f]{64}): ")
_PNG = b"\x89PNG\r\n\x1a\n"
#: Before it lies the length of what follows the type, in four bytes; after that, a checksum.
_PNG_CHUNK = b"tEXtDescription\0"
_SVG = re.compile(rb"<dc:description>(.*?)</dc:description>", re.DOTALL)
_PDF = re.compile(rb"/Subject \(((?:[^\\()]|\\.)*)\)", re.DOTALL)
_PDF_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class ForeignFigureError(ExperimentsError, ValueError):
    """A file is not a figure that this program drew, or has lost its metadata."""


@dataclass(frozen=True)
class EmbeddedOrigin:
    """The metadata of a figure.

    Attributes
    ----------
    form : str
        ``png``, ``svg`` or ``pdf``.
    origin : Origin
    note : Note or None
        What is said about it; None in figures that were drawn before it was part of their metadata.
    is_intact : bool
        Whether the file is to the last bit what was written.
    """

    form: str
    origin: Origin
    note: Note | None
    is_intact: bool


def metadata_for(form: str, origin: Origin, note: Note) -> Mapping[str, str | None]:
    """Return the metadata for matplotlib's `savefig`; the file then needs `add_digest`."""
    libraries = ", ".join(f"{name} {version}" for name, version in origin.libraries.items())
    program = f"experiment-series {origin.code}, {libraries}"
    content = {**origin.model_dump(mode="json"), _NOTE: dataclasses.asdict(note)}
    text = f"{_PREFIX}{_NO_DIGEST}: {json.dumps(content, separators=(',', ':'))}"
    title = f"{origin.series}: {origin.graph}"
    # A date would make each file differ from the last one with the same content.
    if form == "png":
        return {"Title": title, "Software": program, "Description": text}
    if form == "svg":
        return {"Title": title, "Creator": program, "Description": text, "Date": None}
    return {"Title": title, "Creator": program, "Subject": text, "CreationDate": None}


def add_digest(figure: bytes) -> bytes:
    """Return the file that `savefig` made with `metadata_for`, with its digest."""
    return _with_digest(figure, hashlib.sha256(figure).hexdigest())


def read_origin(path: Path) -> EmbeddedOrigin:
    """Return the metadata of a figure.

    Raises
    ------
    ForeignFigureError
        It was not drawn by this program, or its metadata is lost.
    OSError
        The file cannot be read.
    """
    if kind := what_is_no_file(path):
        raise ForeignFigureError(f"{path} is {kind}, not a figure")
    figure = path.read_bytes()
    form, text = _description(figure)
    begin = _DIGEST.match(text.encode("utf-8", "replace"))
    foreign = ForeignFigureError(
        f"{path} has no metadata of a figure: it was not drawn by `experiments graphs`, or another "
        "program has removed the metadata"
    )
    if begin is None:
        raise foreign
    try:
        content = json.loads(text[begin.end() :])
        told = content.pop(_NOTE, None)
        note = None if told is None else TypeAdapter(Note).validate_python(told)
        origin = Origin.model_validate(content)
    except (ValueError, AttributeError, RecursionError):
        raise foreign from None
    digest = begin[1].decode()
    without = _with_digest(figure, _NO_DIGEST)
    # The checksum of a PNG's chunk was computed anew: it has to be right in the file as well.
    is_intact = hashlib.sha256(without).hexdigest() == digest and _with_digest(without, digest) == figure
    return EmbeddedOrigin(form, origin, note, is_intact)


def _with_digest(figure: bytes, digest: str) -> bytes:
    replaced = _DIGEST.sub(f"{_PREFIX}{digest}: ".encode(), figure, count=1)
    if figure.startswith(_PNG):
        start, end = _png_chunk(replaced)
        checksum = zlib.crc32(replaced[start:end]).to_bytes(4, "big")
        return replaced[:end] + checksum + replaced[end + len(checksum) :]
    return replaced


def _description(figure: bytes) -> tuple[str, str]:
    """Return the format of a file, and the text that may be ours; empty if there is none."""
    if figure.startswith(_PNG):
        start, end = _png_chunk(figure)
        return "png", figure[start + len(_PNG_CHUNK) : end].decode("latin-1")
    if figure.startswith(b"%PDF"):
        subject = _PDF.search(figure)
        return "pdf", _PDF_ESCAPE.sub(r"\1", subject[1].decode("latin-1")) if subject else ""
    description = _SVG.search(figure)
    return "svg", html.unescape(description[1].decode("utf-8", "replace")) if description else ""


def _png_chunk(figure: bytes) -> tuple[int, int]:
    """Return where type and content of the text chunk begin and end; 0 and 0 if there is none."""
    start = figure.find(_PNG_CHUNK)
    if start < 0:
        return 0, 0
    return start, start + 4 + int.from_bytes(figure[start - 4 : start], "big")
