"""Lines that are told from each other."""

from __future__ import annotations

from itertools import pairwise

from meta.graphs.theme import style


def test_up_to_24_lines_differ_in_colour_or_dash() -> None:
    """No two lines of a panel look the same, and neighbours differ in grey print."""
    for name in ("light", "dark", "gray"):
        with style.theme(name):
            looks = [style.LineStyle(number, number) for number in range(25)]
            for marks in (
                [look.dash for look in looks],
                [look.marker for look in looks],
                [look.fill["hatch"] for look in looks],
            ):
                assert len({(look.color, mark) for look, mark in zip(looks[:24], marks, strict=False)}) == 24
                assert all(mark != following for mark, following in pairwise(marks))
