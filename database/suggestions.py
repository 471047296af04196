"""Suggestions for wrong names: the valid name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable

#: A list of valid names longer than this is cut in messages.
MAX_LISTED = 20


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name most similar to `name`, ignoring case; None when none is similar."""
    import difflib  # noqa: PLC0415 - only needed when something is wrong

    by_folded = {candidate.casefold(): candidate for candidate in valid}
    matches = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def suggestion(name: str, valid: Iterable[str], *, kind: str = "valid here") -> str:
    """Return the end of a message about a wrong name: the nearest valid one, then all of them.

    Parameters
    ----------
    name : str
        The wrong name.
    valid : iterable of str
        The valid names, in the order to list.
    kind : str
        The heading of the list.
    """
    names = list(valid)
    meant = nearest(name, names)
    parts = [f"did you mean {meant!r}?"] if meant else []
    listed = ", ".join(names[:MAX_LISTED]) + (", ..." if len(names) > MAX_LISTED else "")
    parts.append(f"{kind}: {listed or 'nothing'}")
    return " ".join(parts)
