"""Folding of output: of lines written over, such as progress bars, what a terminal shows at last.

A progress bar writes a carriage return and its next state, some times a second; several bars also move the
cursor up. Of each line only what a terminal would show in the end is kept. Output without such movements
stays as it is, byte by byte, and so do line ends of two characters, colours and other sequences. From a piece
with a NUL on it is no text, and stays as it is too: there a cursor is moved by chance, thousands of times.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

#: The cursor moves up by at most this many rows; those above are settled.
_ROWS = 100
#: The cursor does not return before this many characters of a row without an end.
_COLUMNS = 4096
_MOVE = r"\x1b\[\d{0,4}[A-GJK]"
_MOVES = re.compile(rf"\r(?!\n)|\x08|{_MOVE}")
#: A movement, states of a line one after another, or text with the sequences in it.
_TOKEN = re.compile(
    rf"\x1b\[(?P<count>\d{{0,4}})(?P<move>[A-GJK])|(?P<states>(?:\r[ -~]+)+)|[\r\n]|\x08+"
    rf"|(?:[^\x1b\r\n\x08]+|(?!{_MOVE})\x1b)+"
)
#: A character that the next one is written over.
_REPLACED = re.compile(r"[ -~]\x08(?=[ -~])")
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)")
#: A sequence whose end is in the next read.
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8})?\Z")
#: Each of these characters takes one column: letters, arrows, blocks, braille.
_NARROW = re.compile(
    r"[ -~\xa0-\xac\xae-\u02ff\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2500-\u25fc\u2800-\u28ff]*"
)


class Folding:
    """Folds an output that is read piece by piece, in bounded memory.

    Attributes
    ----------
    has_folded : bool
        Whether something was written over.
    settled : int
        How many bytes `feed` has returned.
    """

    def __init__(self) -> None:
        self.has_folded = False
        self.settled = 0
        self._is_text = True
        # Whatever is not UTF-8 comes out as it went in.
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._unfinished = ""
        self._rows = [""]
        self._row = 0
        self._column: int | None = None  # None is the end of the row
        self._has_returned = False

    def feed(self, data: bytes) -> bytes:
        """Take the next piece; return what cannot change any more."""
        if self._is_text and b"\0" in data:
            shown = self.rest()
            self._rows, self._row, self._column, self._is_text = [""], 0, None, False
            return shown + self.feed(data)
        if not self._is_text:
            self.settled += len(data)
            return data
        text = self._unfinished + self._decoder.decode(data)
        unfinished = _UNFINISHED.search(text)
        self._unfinished = unfinished[0] if unfinished else ""
        return self._settled(self._take(text.removesuffix(self._unfinished)))

    def rest(self) -> bytes:
        """Return the rest of what a terminal shows at the end."""
        text = self._take(self._unfinished + self._decoder.decode(b"", final=True))
        self._unfinished = ""
        while self._row < len(self._rows) - 1 and not self._rows[-1]:
            self._rows.pop()  # a line below the cursor that was erased
        return self._settled(text + self._flushed(len(self._rows)))

    @property
    def line(self) -> tuple[int, bytes]:
        """Where the line of the cursor begins in the folded output, in bytes, and what it shows."""
        above = "".join(f"{row}\n" for row in self._rows[: self._row])
        shown = _encoded(self._rows[self._row] + self._unfinished) + self._decoder.getstate()[0]
        return self.settled + len(_encoded(above)), shown

    def _settled(self, text: str) -> bytes:
        data = _encoded(text)
        self.settled += len(data)
        return data

    def _take(self, text: str) -> str:
        is_at_end = self._row == len(self._rows) - 1 and self._column is None
        if not is_at_end or _MOVES.search(text) is not None:
            if "\x1b" not in text:  # the end of a sequence is no character
                text = _REPLACED.sub("", text)
            return "".join(self._move(token) for token in _TOKEN.finditer(text))
        first, *others = (self._rows.pop() + text).rsplit("\n", _ROWS)
        self._rows += [first, *others]
        self._row = len(self._rows) - 1
        settled = self._flushed(self._row - _ROWS) if self._row > _ROWS else ""
        return settled + self._bounded()

    def _bounded(self) -> str:
        """Return what is settled because it is far above the cursor, or far to its left."""
        if len(self._rows[self._row]) > _COLUMNS:
            settled = self._flushed(len(self._rows))
            self._rows, self._row, self._column = [""], 0, None
            return settled
        return self._flushed(self._row - _ROWS) if self._row > 2 * _ROWS else ""

    def _flushed(self, count: int) -> str:
        """Take the first rows away; return them with the line ends between them and the others."""
        rows, self._rows = self._rows[:count], self._rows[count:]
        self._row -= len(rows)
        return "\n".join([*rows, ""] if self._rows else rows)

    def _move(self, token: re.Match[str]) -> str:
        text, has_returned = token[0], self._has_returned
        self._has_returned = text == "\r"
        if text == "\n":
            self._end_row(has_returned=has_returned)
            return self._bounded()
        if text == "\r":
            self._column = 0
        elif text[0] == "\b":
            self._column = max(0, self._position() - len(text))
        elif token["move"]:
            self._follow(token["move"], int(token["count"] or 0))
        else:
            self._write_states(text) if token["states"] else self._write(text)
            return self._bounded()
        return ""

    def _end_row(self, *, has_returned: bool) -> None:
        if has_returned and not self._rows[self._row].endswith("\r"):
            self._rows[self._row] += "\r"
        self._row, self._column = self._row + 1, 0
        if self._row == len(self._rows):
            self._rows.append("")
        if not self._rows[self._row]:
            self._column = None

    def _position(self) -> int:
        return _width(self._rows[self._row]) if self._column is None else self._column

    def _follow(self, move: str, count: int) -> None:
        """Move the cursor, or erase, as a terminal does."""
        step = max(1, count)
        column = self._position()
        self.has_folded = True
        if move in "AF":
            self._row = max(0, self._row - step)
        elif move in "BE":
            self._row = min(len(self._rows) - 1, self._row + step)
        elif move == "C":
            column += step
        elif move == "D":
            column = max(0, column - step)
        elif move == "G":
            column = step - 1
        else:
            self._erase(move, count, column)
        self._column = 0 if move in "EF" else column

    def _erase(self, move: str, count: int, column: int) -> None:
        cells = _cells(self._rows[self._row])
        if count == 0:
            if column < len(cells):
                self._rows[self._row] = "".join(cells[:column])
            if move == "J":
                del self._rows[self._row + 1 :]
        elif move == "K":
            kept = [] if count == 2 else cells[column + 1 :]
            self._rows[self._row] = " " * (column + 1) + "".join(kept) if kept else ""

    def _write_states(self, text: str) -> None:
        _, *states, last = text.split("\r")
        shown = last
        for state in reversed(states):
            if len(state) > len(shown):
                shown += state[len(shown) :]
        self._column = 0
        self._write(shown)
        self._column = len(last)
        if states:
            self.has_folded = True
            self._rows[self._row] = self._rows[self._row].rstrip(" ")

    def _write(self, text: str) -> None:
        row = self._rows[self._row].removesuffix("\r")
        if self._column is None:
            self._rows[self._row] = row + text
            return
        width, begin = _width(row), self._column
        if begin >= width:
            self._rows[self._row] = row + " " * (begin - width) + text
            self._column = None
            return
        self.has_folded = True
        end = begin + _width(text)
        if begin == 0 and end >= width:
            row = text
        elif _NARROW.fullmatch(row) and _NARROW.fullmatch(text):
            row = row[:begin] + text + row[end:]
        else:
            row = _written_over(row, text, begin)
        # What became shorter is followed by spaces, which a terminal does not show.
        self._rows[self._row] = row.rstrip(" ")
        self._column = end


def fold(output: bytes) -> bytes:
    """Return a whole output as a terminal shows it at last."""
    folding = Folding()
    return folding.feed(output) + folding.rest()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _width(text: str) -> int:
    """Return how many columns a text takes."""
    if "\x1b" in text:
        text = _SEQUENCE.sub("", text)
    return len(text) if _NARROW.fullmatch(text) else sum(map(_columns, text))


def _columns(character: str) -> int:
    if character == "\t":
        return 1
    if unicodedata.category(character) in {"Mn", "Me", "Cf", "Cc"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cells(text: str) -> list[str]:
    """Return what is in each column; the second of a wide character is empty, and colours are left out."""
    cells: list[str] = []
    for character in _SEQUENCE.sub("", text):
        columns = _columns(character)
        if columns:
            cells += [character, ""][:columns]
        elif cells:
            cells[-1] += character
    return cells


def _written_over(row: str, text: str, begin: int) -> str:
    cells, new = _cells(row), _cells(text)
    end = begin + len(new)
    if cells[begin] == "":
        cells[begin - 1] = " "  # the first half of a wide character
    if end < len(cells) and cells[end] == "":
        cells[end] = " "
    cells[begin:end] = new
    return "".join(cells)
