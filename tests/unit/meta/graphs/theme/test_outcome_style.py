"""How outcomes are drawn."""

from __future__ import annotations

from dataclasses import dataclass

from database.models import ExperimentStatus, Outcome
from database.models.outcome import UNSUCCESSFUL
from meta.graphs.theme.outcome_style import outcome_style, page_color


@dataclass(frozen=True)
class Added:
    """An outcome that is not there yet."""

    severity: int

    @property
    def rules(self) -> Added:
        return self


def test_outcomes_are_told_apart() -> None:
    """Each that is no success, success and what runs differ in colour or hatch, and so will further ones."""
    known = [outcome_style(one) for one in (Outcome.COMPLETED, *UNSUCCESSFUL, None)]
    further = [outcome_style(Added(len(UNSUCCESSFUL) + more)) for more in range(1, 5)]
    marks = {(style.color_number % 7, style.mark_number % 5) for style in (*known, *further)}
    assert len(marks) == len(known) + len(further)


def test_colors_of_a_page() -> None:
    """Whatever an experiment can be counted as has a colour."""
    names = [one.value for one in ExperimentStatus if one is not ExperimentStatus.CLAIMED]
    for name in [*names, *(one.value for one in UNSUCCESSFUL)]:
        assert page_color(name).startswith(("#", "light-dark(#"))
