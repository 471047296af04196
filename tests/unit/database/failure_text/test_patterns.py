"""What the messages of failures have in common."""

from __future__ import annotations

import pytest

from database.failure_text.patterns import pattern


@pytest.mark.parametrize(
    "messages",
    [
        ("could not read 0x7f3a at 12", "could not read 0xFFEE00 at 7"),
        ("loss is nan at step 3", "loss is inf at step 44", "loss is 1.5e+10 at step 1"),
        ("x=-3", "x=4"),
        ("run 123e4567-e89b-12d3-a456-426614174000", "run ffffffff-e89b-12d3-a456-426614174000"),
        ("line one\nother details", "line one\nmore of them"),
        ("layer12 of 3,5", "layer7 of 1,44"),
    ],
)
def test_numbers_do_not_tell_messages_apart(messages: tuple[str, ...]) -> None:
    """Messages that differ in numbers, addresses, or after their first line, are alike."""
    assert len({pattern(message) for message in messages}) == 1


@pytest.mark.parametrize(
    "messages",
    [("'lr'", "'depth'"), ("no info", "no nano"), ("a-1", "a+b"), ("SIGSEGV", "SIGKILL"), ("", "0")],
)
def test_words_tell_messages_apart(messages: tuple[str, str]) -> None:
    """Messages that differ in words are different."""
    assert pattern(messages[0]) != pattern(messages[1])


def test_long_messages() -> None:
    """A message of any length has a short pattern."""
    assert len(pattern("x" * 100_000)) == 200
