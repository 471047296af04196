"""The error of an expression, with its position."""

from __future__ import annotations

from database.errors import ExperimentsError

#: The number of characters that are shown around the error.
_WIDTH = 100


class ExpressionError(ExperimentsError, ValueError):
    """An expression cannot be used; the message shows the place with a caret.

    Attributes
    ----------
    problem : str
        What is wrong and what to write instead.
    text : str
        The expression.
    place : int
        The index of the wrong character, from 0.
    """

    def __init__(self, problem: str, text: str, place: int) -> None:
        self.problem = problem
        self.text = text
        self.place = min(max(place, 0), len(text))
        begin = max(0, self.place - _WIDTH // 2)
        shown = "".join(
            character if character.isprintable() else " " for character in text[begin : begin + _WIDTH]
        )
        super().__init__(f"{problem}\n    {shown}\n    {' ' * (self.place - begin)}^")

    def __reduce__(self) -> tuple[type[ExpressionError], tuple[str, str, int]]:
        return type(self), (self.problem, self.text, self.place)

    def in_one_line(self) -> str:
        """Return the message in one line."""
        near = self.text[self.place : self.place + 20].split("\n")[0]
        place = f"at {near!r}, character {self.place + 1}" if near else "at its end"
        return f"{place}: {self.problem}"
