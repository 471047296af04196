"""Sentences on what a graph does not show: missing experiments, and points computed from survivors only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from database.models import ExperimentStatus
from database.models.outcome import DEFAULT_RETRIES, count_text
from experiments.series_file.sections.graphs import SECONDS
from meta.formats.plural import many
from meta.graphs.data.curve_ends import EarlyEnd, UndrawnSteps
from meta.graphs.data.graph_data import Coverage, GraphData
from meta.graphs.data.plan import Plan
from meta.records.series_records import ConfigurationRecord, SeriesRecords

_UNFINISHED = (ExperimentStatus.RUNNING.value, ExperimentStatus.PENDING.value)
#: Outcomes that depend on the experiment, so that the completed ones are a biased selection.
_BAD_ENDS = (
    *(outcome.value for outcome in DEFAULT_RETRIES),
    ExperimentStatus.FAILED.value,  # its last attempt has no outcome
)
_ORDER = (*_BAD_ENDS, ExperimentStatus.CANCELLED.value, *_UNFINISHED)
#: So many points are named; the others are counted.
_MOST_NAMED = 4


def missing_data(plan: Plan, data: GraphData, records: SeriesRecords) -> list[str]:
    """Return the sentences on experiments and values that are not shown."""
    sentences = progress_text(records)
    if plan.rules.of_attempts:
        return sentences
    missing = records.missing()
    if missing.total():
        listed = counts_text(missing)
        sentences.append(f"{listed} of {many(records.size(), 'experiment')} left out.")
    # Where some configurations have readings, not all failed.
    sentences += survivorship(
        [covered for covered in data.coverage if covered.drawn or not covered.is_incomplete]
    )
    incomplete = [covered.label for covered in data.coverage if covered.is_incomplete]
    does = "Pools the others" if plan.rules.shows_values else "Not drawn"
    sentences += _listed(f"{does}, as some configurations have no reading", incomplete)
    early = _early([line.early for line in data.lines if line.early])
    sentences += _listed("Later points are over fewer repetitions, as some end early", early)
    sentences += _listed("Not drawn where a configuration has no reading", _undrawn(plan, data))
    sentences += imbalance(data.coverage)
    if without := sum(covered.without for covered in data.coverage):
        sentences.append(f"{without:,} completed without {_readings(plan)} left out.")
    if non_finite := sum(covered.non_finite for covered in data.coverage):
        sentences.append(f"{many(non_finite, 'NaN or infinite reading')} left out.")
    if records.retired:
        sentences.append(f"{records.retired:,} completed but no longer in the series file left out.")
    return sentences


def _readings(plan: Plan) -> str:
    names = [repr(variable.name) for variable in (plan.across, plan.y) if variable is not None]
    return " and ".join(names)


def _early(ends: Sequence[EarlyEnd]) -> list[str]:
    """Return the lines that end early, those that lose most first."""
    worst_first = sorted(ends, key=lambda end: -end.count / end.of)
    return [
        f"{end.label or 'all'} ({end.count:,} of {end.of:,} before step {end.step:,})" for end in worst_first
    ]


def _undrawn(plan: Plan, data: GraphData) -> list[str]:
    """Return where lines are not drawn; only once if that is the same for all."""
    ends = [line.undrawn for line in data.lines if line.undrawn]
    texts = [_undrawn_of(plan, undrawn) for undrawn in ends]
    if len(set(texts)) == 1 and len(texts) == len(data.lines):
        return texts[:1]
    return [f"{undrawn.label}, {text}" for undrawn, text in zip(ends, texts, strict=True)]


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
    """Count the repetitions of a configuration that have ended, completed or not."""
    return len(member.completed) + sum(member.missing.get(end, 0) for end in _BAD_ENDS)


def progress_text(records: SeriesRecords) -> list[str]:
    """Return the progress of a series that has not ended."""
    missing = records.missing()
    left = sum(missing[status] for status in _UNFINISHED)
    if not left:
        return []
    # Rounded down: all but one of a million is not 100 %.
    share = 100 * (records.size() - left) // records.size()
    word = "Running" if missing[ExperimentStatus.RUNNING.value] else "Not finished"
    return [f"{word}, {share} % complete."]


def counts_text(missing: Mapping[str, int]) -> str:
    """Return counts of experiments by outcome or status, the worst first."""
    return ", ".join(count_text(name, missing[name]) for name in in_order(missing))


def in_order(missing: Mapping[str, int]) -> list[str]:
    """Return the outcomes and statuses that occur, the worst first."""
    order = [*_ORDER, *(name for name in missing if name not in _ORDER)]
    return [name for name in order if missing.get(name)]


def survivorship(coverage: Sequence[Coverage]) -> list[str]:
    """Return the sentences on points that lack failed experiments, or have none at all."""
    worst_first = sorted((point for point in coverage if _failed(point)), key=lambda point: -_failed(point))
    survived = [
        f"{point.label or 'all'} ({point.drawn:,} of {point.drawn + _failed(point):,})"
        for point in worst_first
        if point.drawn
    ]
    empty = [point for point in coverage if not point.drawn]
    nothing = [point.label or "all" for point in empty if _failed(point) and not point.is_nan]
    not_finite = [point.label or "all" for point in empty if point.is_nan]
    return [
        *_listed("Shown by survivors only", survived),
        *_listed("Nothing to show, as all failed", nothing),
        *_listed("Nothing to show, as all readings are NaN or infinite", not_finite),
    ]


def imbalance(coverage: Sequence[Coverage]) -> list[str]:
    """Return the sentence on the points with the fewest experiments, where none has failed."""
    sound = [point for point in coverage if point.drawn and not _failed(point)]
    fewest = min((point.drawn for point in sound), default=0)
    named = [f"{point.label or 'all'} ({point.drawn:,})" for point in sound if point.drawn == fewest]
    return _listed("Repetitions are unbalanced; fewest", named) if len(named) < len(sound) else []


def _failed(point: Coverage) -> int:
    return sum(point.missing.get(end, 0) for end in _BAD_ENDS)


def _listed(what: str, labels: Sequence[str]) -> list[str]:
    more = f" and {len(labels) - _MOST_NAMED:,} more" if len(labels) > _MOST_NAMED else ""
    return [f"{what}: {'; '.join(labels[:_MOST_NAMED])}{more}."] if labels else []
