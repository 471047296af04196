"""Messages without their numbers: what failures that differ in numbers only have in common."""

from __future__ import annotations

import re

#: Addresses, identifiers in hexadecimal, numbers.
_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F]+"
    r"|\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b"
    r"|(?:(?<![\w.])[-+])?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
    r"|(?<!\w)-?(?:nan|inf)\b"
)
#: Messages are compared up to this length.
PATTERN_CHARACTERS = 200


def pattern(message: str) -> str:
    """Return the first line of a message with ``N`` in place of each number and address."""
    line = message.lstrip().split("\n", 1)[0]
    return _NUMBER.sub("N", line[:PATTERN_CHARACTERS])
