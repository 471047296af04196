"""What verbs print: tables, values, JSON."""

from __future__ import annotations

import io
import json
import math
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from meta.commands.support import printing
from meta.commands.support.printing import Column
from meta.formats.json_format import json_ready


class Terminal(io.StringIO):
    """A stdout that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_plain_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Into a pipe a table is aligned text: numbers to the right, no trailing blanks."""
    printing.print_table(
        [Column("name"), Column("n", right=True), Column("note")], [["é", 7, ""], ["bb", 12345, "x"]]
    )
    assert capsys.readouterr().out == "name      n  note\né         7\nbb    12345  x\n"


def test_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal numbers are never cut, and brackets of users are no markup."""
    stdout = Terminal()
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setenv("COLUMNS", "40")
    printing.print_table(
        [Column("n", right=True), Column("text", free=True)], [[123456789012, "[bold]word[/bold] " * 3]]
    )
    assert "123456789012" in stdout.getvalue()
    assert stdout.getvalue().count("[bold]word[/bold]") == 3


OVERVIEW = [Column("series"), Column("done", right=True), Column("lost", right=True, sparse=True)]


@pytest.mark.parametrize("width", range(8, 60))
def test_numbers_are_whole_on_every_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """However narrow the terminal, no name and no number is cut."""
    stdout = Terminal()
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setenv("COLUMNS", str(width))
    columns = [*OVERVIEW, Column("a"), Column("b"), Column("c"), Column("text", free=True)]
    printing.print_table(columns, [["日本-v2", 1080, 77, "x1", "x2", "x3", "a few words more"]])
    assert {"日本-v2", "1080", "77", "x1", "x2", "x3"} <= set(stdout.getvalue().split())


def test_zeros_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse column is left out where the table does not fit, unless it has something to say."""
    stdout = Terminal()
    monkeypatch.setattr(sys, "stdout", stdout)
    for width, zeros in (("40", True), ("18", False)):
        monkeypatch.setenv("COLUMNS", width)
        stdout.truncate(0)
        printing.print_table(OVERVIEW, [["first", 1080, 0]])
        assert ("lost" in stdout.getvalue(), "1080" in stdout.getvalue()) == (zeros, True)
    printing.print_table(OVERVIEW, [["first", 1080, 5]])
    assert "lost" in stdout.getvalue()


def test_table_without_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """A table without rows has its titles."""
    printing.print_table([Column("a"), Column("b")], [])
    assert capsys.readouterr().out == "a  b\n"


def test_facts_leave_out_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """What is unknown is not printed; zero and False are."""
    printing.print_facts({"a": None, "bb": 0, "c": "", "ddd": False, "e": []})
    assert capsys.readouterr().out == "bb   0\nddd  false\n"


def test_names_of_users_change_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Names are escaped as values are, in facts and in the titles of tables."""
    printing.print_facts({"a\nb\x1b[31m": 1})
    printing.print_table([Column("a\nb\x1b[31m")], [["x"]])
    assert capsys.readouterr().out == "a\\nb\\x1b[31m  1\na\\nb\\x1b[31m\nx\n"


def test_brackets_in_titles_are_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    """A title that looks like markup is shown on a terminal as it is."""
    stdout = Terminal()
    monkeypatch.setattr(sys, "stdout", stdout)
    printing.print_table([Column("x[bold]")], [["1"]])
    assert "x[bold]" in stdout.getvalue()


def test_duration() -> None:
    """A time span that is not known is a dash."""
    assert printing.duration(None) == "-"
    assert printing.duration(0.0123) == "12.3 ms"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "true"),
        (0.1, "0.1"),
        (math.nan, "nan"),
        (10**30, str(10**30)),
        ("é", "é"),
        ([1, {"a": None}], '[1, {"a": null}]'),
        ([math.nan, -math.inf], "[NaN, -Infinity]"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1))), "2026-01-02 02:04:05 UTC"),
    ],
)
def test_shown_value(value: object, text: str) -> None:
    """Values are shown in readable units."""
    assert printing.shown_value(value) == text


def test_parameters_are_told_apart() -> None:
    """Two values that make two configurations never look the same."""
    values = [5, 5.0, True, "true", "5", "5.0", None, "null", "", "1_000", "sgd", 0.1234567, 0.12345678, [1]]
    shown = [printing.parameter_value(value) for value in values]
    assert len(set(shown)) == len(shown)
    assert shown[:6] == ["5", "5.0", "true", '"true"', '"5"', '"5.0"']
    assert shown[10] == "sgd"


def test_printable() -> None:
    """Control characters, and those that turn the direction of text, are spelled out; letters stay."""
    assert printing.printable("é日🙂\t") == "é日🙂\t"
    assert printing.printable("a\x1b[2Jb\r\u202e") == "a\\x1b[2Jb\\r\\u202e"


def test_long_cells_are_cut() -> None:
    """A cell is never longer than its limit."""
    assert printing.cell_text("x" * 100) == "x" * (printing.MAX_CELL - 1) + "…"
    assert printing.cell_text("x" * printing.MAX_CELL) == "x" * printing.MAX_CELL


@dataclass(frozen=True)
class Record:
    """Something with a time and a mapping of a user's."""

    at: datetime
    path: Path
    values: dict[str, object]


def test_json_form() -> None:
    """Records, times, paths and what JSON has no word for have a documented form."""
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    found = json_ready([Record(moment, Path("a"), {"nan": math.nan, "$x": [math.inf]})])
    assert found == [
        {
            "at": "2026-01-02T00:00:00+00:00",
            "path": "a",
            "values": {"nan": {"$float": "nan"}, "$$x": [{"$float": "inf"}]},
        }
    ]


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "é"), ("ascii", "\\u00e9")])
def test_json_on_any_terminal(monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str) -> None:
    """JSON is readable where the terminal can show it, and valid everywhere."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    printing.print_json({"a": "é"})
    sys.stdout.flush()
    text = raw.getvalue().decode(encoding)
    assert shown in text
    assert json.loads(text) == {"a": "é"}


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1 KiB"), (1536 * 1024, "1.5 MiB"), (2**50, "1024 TiB")],
)
def test_sizes(count: int, text: str) -> None:
    """A number of bytes is shown in the binary unit that keeps it below 1024."""
    assert printing.size(count) == text
