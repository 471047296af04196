"""Names of the files of graphs and tables: safe on every file system, and the same each time."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

from experiments.series_file.sections.graphs import GraphSpec

_MAX_LENGTH = 100


def file_names(specs: Sequence[GraphSpec], kinds: Sequence[str]) -> list[str]:
    """Return one name per graph, without suffix: its own, or what it shows.

    Two graphs of the same name get a digest of all that was requested or, where even that is equal, a
    number.

    Parameters
    ----------
    specs : sequence of GraphSpec
    kinds : sequence of str
        The kind that each is drawn as.
    """
    requests = [spec.model_dump_json() for spec in specs]
    texts = [
        spec.name or "-".join([kind, *_described(spec)]) for spec, kind in zip(specs, kinds, strict=True)
    ]
    return distinct_names(texts, requests)


def distinct_names(texts: Sequence[str], requests: Sequence[str]) -> list[str]:
    """Return file names for `texts`; equal ones get a digest of what was requested."""
    names = [safe_name(text) for text in texts]
    folded = [name.casefold() for name in names]
    names = [
        name if folded.count(name.casefold()) == 1 else f"{name}-{_digest(request)}"
        for name, request in zip(names, requests, strict=True)
    ]
    return [
        name if name not in names[:place] else f"{name}-{names[:place].count(name) + 1}"
        for place, name in enumerate(names)
    ]


def title_of(spec: GraphSpec) -> str:
    """Return the heading of a graph: its title, its name, or what it shows."""
    return spec.title or spec.name or " ".join([*([spec.kind] if spec.kind else []), *_described(spec)])


def _described(spec: GraphSpec) -> list[str]:
    parts: list[str] = []
    facet = spec.facet
    roles = (
        ("", spec.y),
        ("over", spec.x),
        ("and", spec.rows),
        ("by", spec.hue),
        ("and", spec.style),
        *(("per", name) for name in ((facet.row, facet.column) if facet else ())),
    )
    for word, name in roles:
        if name is not None:
            parts += [word, name] if word else [name]
    return parts


def safe_name(text: str) -> str:
    """Return `text` as a file name; when anything had to be replaced, a digest of it is appended."""
    plain = unicodedata.normalize("NFC", text)
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", plain).lstrip("._-")[:_MAX_LENGTH]
    return name if name == plain else f"{name}-{_digest(plain)}".lstrip("-")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
