"""When a missing worker is replaced."""

from __future__ import annotations

import pytest

from experiments.supervisor.restart_backoff import Staffing, WorkersCannotStartError


def test_single_deaths_are_replaced_at_once() -> None:
    """One crash, or two in a row, cost no time."""
    staffing = Staffing()
    staffing.note_death(last_words=None)
    staffing.note_death(last_words=None)
    assert staffing.may_start(others_work=False)


def test_deaths_in_a_row_bring_a_pause() -> None:
    """From the third death without any finished experiment on, the next worker waits."""
    staffing = Staffing()
    for _ in range(3):
        staffing.note_death(last_words=None)
    assert not staffing.may_start(others_work=False)


def test_work_ends_the_row() -> None:
    """A finished experiment shows that workers are fine: the next death is replaced at once."""
    staffing = Staffing()
    for _ in range(2):
        staffing.note_death(last_words=None)
    staffing.note_work()
    staffing.note_death(last_words=None)
    assert staffing.may_start(others_work=False)


def test_workers_that_never_start() -> None:
    """Five deaths in a row before anything was started end the run, with what the last one said."""
    staffing = Staffing()
    for number in range(5):
        staffing.note_death(last_words=f"no module, said number {number}\n")
    with pytest.raises(WorkersCannotStartError, match=r"no module, said number 4$"):
        staffing.may_start(others_work=False)


def test_a_start_between_barren_deaths() -> None:
    """When some workers start, those that die at once are out of luck, not impossible."""
    staffing = Staffing()
    for _ in range(4):
        staffing.note_death(last_words="out of connections")
    staffing.note_start()
    staffing.note_death(last_words="out of connections")
    staffing.may_start(others_work=False)  # raises nothing


def test_workers_that_cannot_start_beside_one_that_works() -> None:
    """What runs is not given up because no more workers start; after it they are tried again."""
    staffing = Staffing()
    for _ in range(5):
        staffing.note_death(last_words="the file is being edited")
    assert not staffing.may_start(others_work=True)
    staffing.note_work()
    staffing.may_start(others_work=False)  # raises nothing
