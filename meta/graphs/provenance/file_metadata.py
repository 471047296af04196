"""Figures that say where they come from: the origin in the metadata of PNG, SVG and PDF, under a seal.

The origin is a JSON text in the metadata (PNG: the text chunk ``Description``; SVG: ``dc:description``;
PDF: ``Subject`` of the document information). The seal beside it is the SHA-256 of the whole file with zeros
in place of the seal: a file that was damaged or edited does not match it any more.
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
_NO_SEAL = "0" * 64
_SEALED = re.compile(re.escape(_PREFIX).encode() + rb"([0-9a-f]{64}): ")
_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = re.compile(rb"<dc:description>(.*?)</dc:description>", re.DOTALL)
_PDF = re.compile(rb"/Subject \(((?:[^\\()]|\\.)*)\)", re.DOTALL)
_PDF_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class Signed:
    """What a file says about itself.

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


def metadata_of(form: str, origin: Origin) -> Mapping[str, str | None]:
    """Return the metadata for matplotlib's `savefig`; the result then needs `seal`."""
    libraries = ", ".join(f"{name} {version}" for name, version in origin.libraries.items())
    program = f"experiment-series {origin.code}, {libraries}"
    text = f"{_PREFIX}{_NO_SEAL}: {origin.text()}"
    title = f"{origin.series}: {origin.graph}"
    # A date would make each file differ from the last one with the same content.
    if form == "png":
        return {"Title": title, "Software": program, "Description": text}
    if form == "svg":
        return {"Title": title, "Creator": program, "Description": text, "Date": None}
    return {"Title": title, "Creator": program, "Subject": text, "CreationDate": None}


def seal(figure: bytes) -> bytes:
    """Return the file that `savefig` made with `metadata_of`, under its seal."""
    return _with_seal(figure, hashlib.sha256(figure).hexdigest())


def read_signed(path: Path) -> Signed | None:
    """Return what a figure says about itself; None when it is none of ours.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    figure = path.read_bytes()
    form, text = _description(figure)
    begin = _SEALED.match(text.encode("utf-8", "replace"))
    origin = Origin.from_text(text[begin.end() :]) if begin else None
    if begin is None or origin is None:
        return None
    found = begin[1].decode()
    unsealed = _with_seal(figure, _NO_SEAL)
    # The checksum of a PNG's chunk is made anew above: it has to be right in the file as well.
    is_intact = hashlib.sha256(unsealed).hexdigest() == found and _with_seal(unsealed, found) == figure
    return Signed(form, origin, is_intact)


def _with_seal(figure: bytes, digest: str) -> bytes:
    replaced = _SEALED.sub(f"{_PREFIX}{digest}: ".encode(), figure, count=1)
    if not figure.startswith(_PNG):
        return replaced
    written = io.BytesIO(replaced)
    for start, kind, content in _png_chunks(replaced):
        if kind == b"tEXt" and _SEALED.search(content):
            written.seek(start + 8 + len(content))
            written.write(zlib.crc32(content, zlib.crc32(kind)).to_bytes(4, "big"))
            break
    return written.getvalue()


def _description(figure: bytes) -> tuple[str, str]:
    """Return the format of a file, and the text that may be ours; empty ones where there is none."""
    if figure.startswith(_PNG):
        for _, kind, content in _png_chunks(figure):
            if kind == b"tEXt" and content.startswith(b"Description\0"):
                return "png", content.partition(b"\0")[2].decode("latin-1")
        return "png", ""
    if figure.startswith(b"%PDF"):
        found = _PDF.search(figure)
        return "pdf", _PDF_ESCAPE.sub(r"\1", found[1].decode("latin-1")) if found else ""
    found = _SVG.search(figure)
    return "svg", html.unescape(found[1].decode("utf-8", "replace")) if found else ""


def _png_chunks(figure: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield where each chunk begins, its type and its content, as far as the file is whole."""
    start = len(_PNG)
    while start + 12 <= len(figure):
        length = int.from_bytes(figure[start : start + 4], "big")
        if start + 12 + length > len(figure):
            return
        yield start, figure[start + 4 : start + 8], figure[start + 8 : start + 8 + length]
        start += 12 + length
