"""The style of each outcome, the same in all graphs, by its severity."""

from __future__ import annotations

from database.models import ExperimentStatus, Outcome
from meta.graphs.theme.style import DARK_PALETTE, PALETTE, LineStyle

#: From success to the most severe one, the most frequent in the quietest colour.
_BY_SEVERITY = (
    LineStyle(6, 0),
    LineStyle(2, 4),
    LineStyle(0, 2),
    LineStyle(0, 3),
    LineStyle(5, 2),
    LineStyle(4, 0),
    LineStyle(5, 1),
    LineStyle(3, 4),
    LineStyle(1, 1),
)
_RUNNING = LineStyle(2, 0)
#: On a page, which has no hatches.
_STATUS_COLORS = {
    ExperimentStatus.COMPLETED.value: "#009e73",
    ExperimentStatus.CANCELLED.value: "#999",
    ExperimentStatus.RUNNING.value: "#56b4e9",
    ExperimentStatus.PENDING.value: "light-dark(#fff, #444)",
    ExperimentStatus.FAILED.value: "#d55e00",
}


def outcome_style(outcome: Outcome | None) -> LineStyle:
    """Return the style of attempts with an outcome; None is for running ones."""
    if outcome is None:
        return _RUNNING
    severity = outcome.rules.severity
    # Beyond those above with a mark that none of them has in these colours.
    return _BY_SEVERITY[severity] if severity < len(_BY_SEVERITY) else LineStyle(severity, 3)


def page_color(name: str) -> str:
    """Return the CSS colour of experiments of a status, or that failed by an outcome."""
    if name in _STATUS_COLORS:
        return _STATUS_COLORS[name]
    number = outcome_style(Outcome(name)).color_number
    return f"light-dark({PALETTE[number % len(PALETTE)]}, {DARK_PALETTE[number % len(DARK_PALETTE)]})"
