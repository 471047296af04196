"""How commands end: messages, causes, exit codes."""

from __future__ import annotations

import click
import pytest
from sqlalchemy.exc import OperationalError

from database.errors import DatabaseError, ExperimentsError, NotFoundError
from meta.commands.support.exit_codes import report


def chain() -> ExperimentsError:
    try:
        try:
            raise KeyError("inner\nsecond line")
        except KeyError as error:
            raise ValueError("middle") from error
    except ValueError as error:
        outer = DatabaseError("outer")
        outer.__cause__ = error
        return outer


def test_causes_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """An error tells its message, then what caused it, without a traceback."""
    assert report(chain(), verbose=False) == 3
    assert capsys.readouterr().err == (
        "error: outer\ncaused by: ValueError: middle\ncaused by: KeyError: 'inner\\nsecond line'\n"
    )


def test_messages_change_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in a message are escaped; it keeps its lines."""
    report(DatabaseError("no \x1b[31mname\n  ^"), verbose=False)
    assert capsys.readouterr().err == "error: no \\x1b[31mname\n  ^\n"


def test_verbose_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """With -v the traceback comes before the message."""
    report(chain(), verbose=True)
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert "in chain" in err
    assert "error: outer\n" in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFoundError("x"), 2),
        (DatabaseError("x"), 3),
        (click.UsageError("x"), 2),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
        (click.exceptions.Exit(1), 1),
        (SystemExit(143), 143),
        (PermissionError(13, "Permission denied", "/x"), 2),
        (OSError(24, "Too many open files", b"/x"), 2),
        (MemoryError(), 2),
        (ZeroDivisionError("x"), 70),
    ],
)
def test_exit_codes(error: BaseException, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind of end has its documented exit code, and none shows a traceback unasked."""
    assert report(error, verbose=False) == code
    assert "Traceback" not in capsys.readouterr().err


def test_database_errors_are_told_in_our_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver's error becomes ours: the place without its password, and what to do."""
    monkeypatch.setenv("EXPERIMENTS_DATABASE_URL", "postgresql://u:geheim@h/d")
    error = OperationalError("SELECT 1", {}, Exception("connection refused\n  details"))
    assert report(error, verbose=False) == 3
    err = capsys.readouterr().err
    assert err.startswith("error: postgresql+psycopg2://u:***@h/d cannot be reached (connection refused)")
    assert "geheim" not in err
    assert "SELECT" not in err


def test_a_bug_asks_for_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody foresaw is called a bug, with the way to see where."""
    report(ZeroDivisionError("division by zero"), verbose=False)
    assert capsys.readouterr().err == (
        "unexpected error: ZeroDivisionError: division by zero\n"
        "this is a bug; run the command again with -v to see where it happened\n"
    )


def test_cycles_of_causes_end(capsys: pytest.CaptureFixture[str]) -> None:
    """An error that is its own cause is told once."""
    one, two = ExperimentsError("one"), ExperimentsError("two")
    one.__cause__, two.__cause__ = two, one
    report(one, verbose=False)
    assert capsys.readouterr().err == "error: one\ncaused by: ExperimentsError: two\n"


def test_a_cause_that_repeats_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    """`caused by` adds something, or is left out."""
    for error, cause in (
        (ExperimentsError("a.db cannot be opened (disk is gone)"), ValueError("disk is gone")),
        (ExperimentsError("/x/y: Permission denied"), PermissionError(13, "Permission denied", "/x/y")),
    ):
        error.__cause__ = cause
        cause.__cause__ = KeyError("news")
        report(error, verbose=False)
        assert capsys.readouterr().err == f"error: {error}\ncaused by: KeyError: 'news'\n"


def test_paths_and_arguments_must_be_utf_8(capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be passed on, a path or a note, is the user's to write; other such texts are a bug."""
    for text, code in (("/home/b\udce9d/a.db", 2), ("\ud800", 70)):
        with pytest.raises(UnicodeEncodeError) as caught:
            text.encode()
        assert report(caught.value, verbose=False) == code
    told = "error: '/home/b\\udce9d/a.db' is not UTF-8; write it in UTF-8, or rename the folder or file"
    assert told in capsys.readouterr().err
