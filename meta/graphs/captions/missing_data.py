"""What a graph does not show: experiments that are missing, and the points that only survivors stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from database.models import ExperimentStatus, Outcome
from experiments.series_file.sections.graphs import SECONDS
from meta.formats.plural import many
from meta.graphs.data.curve_ends import EarlyEnd, UndrawnSteps
from meta.graphs.data.graph_data import Cell, Numbers
from meta.graphs.data.plan import Plan
from meta.records.series_records import ConfigurationRecord, SeriesRecords

_UNFINISHED = (ExperimentStatus.RUNNING.value, ExperimentStatus.PENDING.value)
#: The ends that say something about the experiment, so that what is left is a selection.
_BAD_ENDS = (
    Outcome.ERROR.value,
    Outcome.TIMED_OUT.value,
    Outcome.OUT_OF_MEMORY.value,
    Outcome.CRASHED.value,
    Outcome.INVALID_RESULT.value,
    Outcome.LOST.value,
    Outcome.INTERRUPTED.value,
    ExperimentStatus.FAILED.value,  # its last attempt tells nothing
)
_ORDER = (*_BAD_ENDS, ExperimentStatus.CANCELLED.value, *_UNFINISHED)
#: So many points are named; the others are counted.
_MOST_NAMED = 4


def gaps(plan: Plan, numbers: Numbers, records: SeriesRecords) -> list[str]:
    """Return what is to be said about what is not shown."""
    sentences = progress(records)
    if plan.rules.of_attempts:
        return sentences
    missing = records.missing()
    if missing.total():
        listed = counted(missing)
        sentences.append(f"{listed} of {many(records.size(), 'experiment')} left out.")
    # Where some configurations have readings, not all failed.
    sentences += survivors(
        [cell for cell in numbers.cells if cell.drawn or cell.label not in numbers.incomplete]
    )
    if numbers.incomplete:
        does = "Pools the others" if plan.rules.shows_values else "Not drawn"
        sentences.append(f"{does}, as some configurations have no reading: {_named(numbers.incomplete)}.")
    if numbers.early:
        named = _named(_early(numbers.early))
        sentences.append(f"Later points are over fewer repetitions, as some end early: {named}.")
    if numbers.undrawn:
        named = _named(_undrawn(plan, numbers))
        sentences.append(f"Not drawn where a configuration has no reading: {named}.")
    sentences += balance(numbers.cells)
    if numbers.without:
        sentences.append(f"{numbers.without:,} completed without {_readings(plan)} left out.")
    if numbers.non_finite:
        sentences.append(f"{many(numbers.non_finite, 'NaN or infinite reading')} left out.")
    if records.retired:
        sentences.append(f"{records.retired:,} completed but no longer in the series file left out.")
    return sentences


def _readings(plan: Plan) -> str:
    names = [repr(one.name) for one in (plan.across, plan.y) if one is not None]
    return " and ".join(names)


def _early(ends: Sequence[EarlyEnd]) -> list[str]:
    """Return the lines that end early, those that lose most first."""
    worst_first = sorted(ends, key=lambda end: -end.count / end.of)
    return [
        f"{end.label or 'all'} ({end.count:,} of {end.of:,} before step {end.step:,})" for end in worst_first
    ]


def _undrawn(plan: Plan, numbers: Numbers) -> list[str]:
    """Return where lines are not drawn, once where that is the same of all."""
    texts = [_undrawn_of(plan, undrawn) for undrawn in numbers.undrawn]
    if len(set(texts)) == 1 and len(texts) == len(numbers.lines):
        return texts[:1]
    return [f"{undrawn.label}, {text}" for undrawn, text in zip(numbers.undrawn, texts, strict=True)]


def _undrawn_of(plan: Plan, undrawn: UndrawnSteps) -> str:
    if undrawn.after is None:
        where = f"{undrawn.count:,} of {undrawn.of:,} steps"
    elif plan.x == SECONDS:
        where = f"times after {undrawn.after:.3g} s"
    else:
        where = f"steps after {int(undrawn.after):,}"
    others = len(undrawn.lacking) - 1
    return f"{where} ({undrawn.lacking[0]}{f' and {others:,} more' if others else ''})"


def ended(member: ConfigurationRecord) -> int:
    """Return how many repetitions of a configuration have come to an end, good or bad."""
    return len(member.completed) + sum(member.missing.get(end, 0) for end in _BAD_ENDS)


def progress(records: SeriesRecords) -> list[str]:
    """Say how far the series is, unless it has ended."""
    missing = records.missing()
    left = sum(missing[status] for status in _UNFINISHED)
    if not left:
        return []
    # Rounded down: all but one of a million is not 100 %.
    share = 100 * (records.size() - left) // records.size()
    word = "Running" if missing[ExperimentStatus.RUNNING.value] else "Not finished"
    return [f"{word}, {share} % complete."]


def counted(missing: Mapping[str, int]) -> str:
    """Return how many experiments there are of each kind, the worst first."""
    return ", ".join(f"{missing[name]:,} {name.replace('_', ' ')}" for name in in_order(missing))


def in_order(missing: Mapping[str, int]) -> list[str]:
    """Return the kinds that there are, the worst first."""
    order = [*_ORDER, *(name for name in missing if name not in _ORDER)]
    return [name for name in order if missing.get(name)]


def survivors(cells: Sequence[Cell]) -> list[str]:
    """Name the points that stand for those experiments that did not fail, and those without any."""
    sentences = []
    bad = {place: sum(cell.missing.get(end, 0) for end in _BAD_ENDS) for place, cell in enumerate(cells)}
    survived = sorted(
        (place for place, count in bad.items() if count and cells[place].drawn), key=lambda p: -bad[p]
    )
    if survived:
        named = [
            f"{cells[place].label or 'all'} ({cells[place].drawn:,} of {cells[place].drawn + bad[place]:,})"
            for place in survived
        ]
        sentences.append(f"Shown by survivors only: {_named(named)}.")
    nothing = [
        cells[place].label or "all"
        for place, count in bad.items()
        if count and not cells[place].drawn and not cells[place].is_nan
    ]
    if nothing:
        sentences.append(f"Nothing to show, as all failed: {_named(nothing)}.")
    not_finite = [cell.label or "all" for cell in cells if cell.is_nan and not cell.drawn]
    if not_finite:
        sentences.append(f"Nothing to show, as all readings are NaN or infinite: {_named(not_finite)}.")
    return sentences


def balance(cells: Sequence[Cell]) -> list[str]:
    """Name the points with the fewest experiments, where numbers differ without a failure."""
    sound = [cell for cell in cells if cell.drawn and not any(cell.missing.get(end) for end in _BAD_ENDS)]
    counts = [cell.drawn for cell in sound]
    if not counts or min(counts) == max(counts):
        return []
    fewest = [f"{cell.label or 'all'} ({cell.drawn:,})" for cell in sound if cell.drawn == min(counts)]
    return [f"Repetitions are unbalanced; fewest: {_named(fewest)}."]


def _named(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _MOST_NAMED:,} more" if len(labels) > _MOST_NAMED else ""
    return f"{'; '.join(labels[:_MOST_NAMED])}{more}"
