"""The metadata of figures (PNG, SVG and PDF): the origin, and a digest of the file.

The origin is a JSON text (PNG: the text chunk ``Description``; SVG: ``dc:description``; PDF: ``Subject`` of
the document information). The digest before it is the SHA-256 of the whole file with zeros in place of the
digest: a file that was damaged or edited does not match it any more.
"""

from __future__ import annotations

import hashlib
import html
import io
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from meta.graphs.provenance.origin import Origin

_PREFIX = "experiment-series figure, sealed "
_NO_DIGEST = "0" * 64
_DIGEST = re.compile(re.escape(_PREFIX).encode() + rb"([0-9a-f]{64}): ")
_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = re.compile(rb"<dc:description>(.*?)</dc:description>", re.DOTALL)
_PDF = re.compile(rb"/Subject \(((?:[^\\()]|\\.)*)\)", re.DOTALL)
_PDF_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class EmbeddedOrigin:
    """The metadata of a figure.

    Attributes
    ----------
    form : str
        ``png``, ``svg`` or ``pdf``.
    origin : Origin
    is_intact : bool
        Whether the file is to the last bit what was written.
    """

    form: str
    origin: Origin
    is_intact: bool


def metadata_for(form: str, origin: Origin) -> Mapping[str, str | None]:
    """Return the metadata for matplotlib's `savefig`; the file then needs `add_digest`."""
    libraries = ", ".join(f"{name} {version}" for name, version in origin.libraries.items())
    program = f"experiment-series {origin.code}, {libraries}"
    text = f"{_PREFIX}{_NO_DIGEST}: {origin.text()}"
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


def read_origin(path: Path) -> EmbeddedOrigin | None:
    """Return the metadata of a figure, or None if it is not one of ours.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    figure = path.read_bytes()
    form, text = _description(figure)
    begin = _DIGEST.match(text.encode("utf-8", "replace"))
    origin = Origin.from_text(text[begin.end() :]) if begin else None
    if begin is None or origin is None:
        return None
    digest = begin[1].decode()
    without = _with_digest(figure, _NO_DIGEST)
    # The checksum of a PNG's chunk was computed anew: it has to be right in the file as well.
    is_intact = hashlib.sha256(without).hexdigest() == digest and _with_digest(without, digest) == figure
    return EmbeddedOrigin(form, origin, is_intact)


def _with_digest(figure: bytes, digest: str) -> bytes:
    replaced = _DIGEST.sub(f"{_PREFIX}{digest}: ".encode(), figure, count=1)
    if not figure.startswith(_PNG):
        return replaced
    written = io.BytesIO(replaced)
    for start, kind, content in _png_chunks(replaced):
        if kind == b"tEXt" and _DIGEST.search(content):
            written.seek(start + 8 + len(content))
            written.write(zlib.crc32(content, zlib.crc32(kind)).to_bytes(4, "big"))
            break
    return written.getvalue()


def _description(figure: bytes) -> tuple[str, str]:
    """Return the format of a file, and the text that may be ours; empty if there is none."""
    if figure.startswith(_PNG):
        for _, kind, content in _png_chunks(figure):
            if kind == b"tEXt" and content.startswith(b"Description\0"):
                return "png", content.partition(b"\0")[2].decode("latin-1")
        return "png", ""
    if figure.startswith(b"%PDF"):
        subject = _PDF.search(figure)
        return "pdf", _PDF_ESCAPE.sub(r"\1", subject[1].decode("latin-1")) if subject else ""
    description = _SVG.search(figure)
    return "svg", html.unescape(description[1].decode("utf-8", "replace")) if description else ""


def _png_chunks(figure: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield where each chunk begins, its type and its content, as far as the file is whole."""
    start = len(_PNG)
    while start + 12 <= len(figure):
        length = int.from_bytes(figure[start : start + 4], "big")
        if start + 12 + length > len(figure):
            return
        yield start, figure[start + 4 : start + 8], figure[start + 8 : start + 8 + length]
        start += 12 + length
