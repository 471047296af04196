"""Where lines are broken."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from meta.graphs.theme import text_size


@pytest.mark.parametrize("room", [0.1, 0.5, 1.0, 1.5, 2.0])
def test_a_number_and_its_percent_sign_stay_together(room: float) -> None:
    """Whatever the room, no line begins with the sign; nothing else is changed but spaces."""
    text = "workers were busy  100 % of the time,\nand 63 %."
    figure = text_size.measurable(Figure())
    lines = text_size.wrapped(text, figure, room, size=6.0).split("\n")
    assert len(lines) > 1
    assert " ".join(lines) == " ".join(text.split())
    assert not any(line.startswith("%") for line in lines)


def test_what_stands_after_a_percent_sign_is_a_word() -> None:
    """A word that begins with the sign is no unit: it may begin a line."""
    figure = text_size.measurable(Figure())
    assert text_size.wrapped("a %b", figure, 0.01, size=6.0) == "a\n%b"


def test_words_are_broken_only_where_they_do_not_fit() -> None:
    """Spaces come first; what is wider than the room is cut into pieces that fit, and nothing is lost."""
    figure = text_size.measurable(Figure())
    found = text_size.wrapped(f"one {'x' * 100} two", figure, 1.0, size=8.0).split("\n")
    assert (found[0], "".join(found[1:]).replace(" ", "")) == ("one", "x" * 100 + "two")
    assert max(text_size.measured(line, figure, size=8.0) for line in found) <= 1.0
    assert text_size.wrapped("abcdef", figure, 0.1, size=8.0) == "abcdef"
