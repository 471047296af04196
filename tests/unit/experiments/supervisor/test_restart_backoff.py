"""When a missing worker is replaced."""

from __future__ import annotations

import pytest

from experiments.supervisor.restart_backoff import RestartBackoff, WorkersDieError


def test_single_deaths_are_replaced_at_once() -> None:
    """One crash, or two in a row, cost no time."""
    backoff = RestartBackoff(1)
    backoff.note_death("died", has_started=True)
    backoff.note_death("died", has_started=True)
    assert backoff.may_start(others_run=False)


def test_deaths_in_a_row_bring_a_pause() -> None:
    """From the third death without any finished experiment on, the next worker waits."""
    backoff = RestartBackoff(1)
    for _ in range(3):
        backoff.note_death("died", has_started=True)
    assert not backoff.may_start(others_run=False)


def test_work_ends_the_row() -> None:
    """A finished experiment shows that workers are fine: the next death is replaced at once."""
    backoff = RestartBackoff(1)
    for _ in range(2):
        backoff.note_death("died", has_started=True)
    backoff.note_work()
    backoff.note_death("died", has_started=True)
    assert backoff.may_start(others_run=False)


def test_workers_that_never_start() -> None:
    """Five deaths in a row before anything was started end the run, with what the last one printed."""
    backoff = RestartBackoff(1)
    for number in range(5):
        backoff.note_death(f"no module, number {number}\n", has_started=False)
    with pytest.raises(WorkersDieError, match=r"no module, number 4$"):
        backoff.may_start(others_run=False)


def test_a_start_between_failed_starts() -> None:
    """When some workers start, those that die at once are out of luck, not impossible."""
    backoff = RestartBackoff(1)
    for _ in range(4):
        backoff.note_death("out of connections", has_started=False)
    backoff.note_start()
    backoff.note_death("out of connections", has_started=False)
    backoff.may_start(others_run=False)  # raises nothing


def test_workers_that_cannot_start_beside_one_that_works() -> None:
    """What runs is not given up because no more workers start; after it they are tried again."""
    backoff = RestartBackoff(1)
    for _ in range(5):
        backoff.note_death("the file is being edited", has_started=False)
    assert not backoff.may_start(others_run=True)
    backoff.note_work()
    backoff.may_start(others_run=False)  # raises nothing


@pytest.mark.parametrize(("workers", "most"), [(1, 30), (8, 80)])
def test_workers_that_finish_nothing(workers: int, most: int) -> None:
    """Many deaths in a row without one finished experiment end the run; what still runs may finish before."""
    backoff = RestartBackoff(workers)
    for _ in range(most - 1):
        backoff.note_start()
        backoff.note_death("died", has_started=True)
    backoff.may_start(others_run=False)  # raises nothing
    backoff.note_death("exited with code 1\n", has_started=True)
    assert not backoff.may_start(others_run=True)
    with pytest.raises(WorkersDieError, match=rf"^{most} workers in a row died, and none .* with code 1$"):
        backoff.may_start(others_run=False)
    backoff.note_work()
    backoff.may_start(others_run=False)  # raises nothing
