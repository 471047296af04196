"""The names of sets of code, for processes that know no database too."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def code_digest(files: Mapping[str, str]) -> str:
    """Return the name of a set of files: SHA-256 of its sorted pairs of path and digest, in hexadecimal."""
    pairs = "".join(f"{path}\0{digest}\n" for path, digest in sorted(files.items()))
    return hashlib.sha256(pairs.encode("utf-8", "surrogateescape")).hexdigest()


def code_id(files: Mapping[str, str]) -> int:
    """Return the id of a set of files: the first 60 bits of its name."""
    return int(code_digest(files)[:15], 16)
