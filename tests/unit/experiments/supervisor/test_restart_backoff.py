"""When a missing worker is replaced."""

from __future__ import annotations

import pytest

from experiments.supervisor.restart_backoff import RestartBackoff, WorkersCannotStartError


def test_single_deaths_are_replaced_at_once() -> None:
    """One crash, or two in a row, cost no time."""
    backoff = RestartBackoff()
    backoff.note_death(start_error=None)
    backoff.note_death(start_error=None)
    assert backoff.may_start(others_run=False)


def test_deaths_in_a_row_bring_a_pause() -> None:
    """From the third death without any finished experiment on, the next worker waits."""
    backoff = RestartBackoff()
    for _ in range(3):
        backoff.note_death(start_error=None)
    assert not backoff.may_start(others_run=False)


def test_work_ends_the_row() -> None:
    """A finished experiment shows that workers are fine: the next death is replaced at once."""
    backoff = RestartBackoff()
    for _ in range(2):
        backoff.note_death(start_error=None)
    backoff.note_work()
    backoff.note_death(start_error=None)
    assert backoff.may_start(others_run=False)


def test_workers_that_never_start() -> None:
    """Five deaths in a row before anything was started end the run, with what the last one printed."""
    backoff = RestartBackoff()
    for number in range(5):
        backoff.note_death(start_error=f"no module, number {number}\n")
    with pytest.raises(WorkersCannotStartError, match=r"no module, number 4$"):
        backoff.may_start(others_run=False)


def test_a_start_between_failed_starts() -> None:
    """When some workers start, those that die at once are out of luck, not impossible."""
    backoff = RestartBackoff()
    for _ in range(4):
        backoff.note_death(start_error="out of connections")
    backoff.note_start()
    backoff.note_death(start_error="out of connections")
    backoff.may_start(others_run=False)  # raises nothing


def test_workers_that_cannot_start_beside_one_that_works() -> None:
    """What runs is not given up because no more workers start; after it they are tried again."""
    backoff = RestartBackoff()
    for _ in range(5):
        backoff.note_death(start_error="the file is being edited")
    assert not backoff.may_start(others_run=True)
    backoff.note_work()
    backoff.may_start(others_run=False)  # raises nothing
