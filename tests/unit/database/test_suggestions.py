"""Suggestions for wrong names."""

from __future__ import annotations

from database.suggestions import MAX_LISTED, nearest, suggestion


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    """Transpositions and case do not matter; what is like nothing gives nothing."""
    assert nearest("LERNING_rate", ["depth", "learning_rate"]) == "learning_rate"
    assert nearest("xyz", ["depth", "learning_rate"]) is None


def test_the_suggestion_lists_what_is_valid() -> None:
    """All valid names are listed in their order, a long list is cut, an empty one says so."""
    assert suggestion("dpth", ["depth", "lr"]) == "did you mean 'depth'? valid here: depth, lr"
    assert suggestion("x", [], kind="it takes") == "it takes: nothing"
    assert suggestion("?", [f"n{i}" for i in range(MAX_LISTED + 1)]).endswith(f"n{MAX_LISTED - 1}, ...")
