"""Lines that are told from each other."""

from __future__ import annotations

from meta.graphs.theme import style


def test_up_to_24_lines_differ_in_colour_or_dash() -> None:
    """No two lines of a panel look the same, and neighbours differ in grey print."""
    for name in ("light", "dark", "gray"):
        with style.theme(name):
            for looks in (style.dash, style.marker, style.hatch):
                assert len({(style.color(number), looks(number)) for number in range(24)}) == 24
                assert all(looks(number) != looks(number + 1) for number in range(24))
