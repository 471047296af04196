"""Sentences on what a graph does not show: missing experiments, and points computed from survivors only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from database.models import ExperimentStatus
from database.models.outcome import DEFAULT_RETRIES, count_text
from experiments.series_file.sections.graph_kinds import SECONDS
from experiments.units import many
from meta.graphs.data.curve_ends import EarlyEnd, UndrawnSteps
from meta.graphs.data.graph_data import NOTHING_TO_SHOW, Coverage, GraphData
from meta.graphs.data.plan import Plan
from meta.records.readings import NAN, NO_RESULT
from meta.records.series_records import ConfigurationRecord, SeriesRecords

_UNFINISHED = (ExperimentStatus.RUNNING.value, ExperimentStatus.PENDING.value)
#: Outcomes that depend on the experiment, so that the completed ones are a biased selection.
_BAD_ENDS = (
    *(outcome.value for outcome in DEFAULT_RETRIES),
    ExperimentStatus.FAILED.value,  # its last attempt has no outcome
)
_INFINITE = ("inf", "-inf")
_ORDER = (*_BAD_ENDS, NO_RESULT, NAN, *_INFINITE, ExperimentStatus.CANCELLED.value, *_UNFINISHED)
_ALL_FAILED = "all failed"
_NOT_FINITE = "all readings are NaN or infinite"
_NO_NUMBER = "no completed experiment has a number there"
_NOT_COMPLETED = "none is completed"
_NO_EXPERIMENTS = "there are no experiments of it"
#: Why a point has no finite reading, the worst first.
_REASONS = (_ALL_FAILED, _NOT_FINITE, _NO_NUMBER, _NOT_COMPLETED, _NO_EXPERIMENTS)
#: So many points are named; the others are counted.
_MOST_NAMED = 4


@dataclass(frozen=True)
class Missing:
    """Sentences on experiments and values that a graph does not show.

    Attributes
    ----------
    worst : list of str
        Those that change how the picture is read, the worst first.
    others : list of str
    """

    worst: list[str]
    others: list[str]


def missing_data(plan: Plan, data: GraphData, records: SeriesRecords) -> Missing:
    """Return the sentences on experiments and values that are not shown.

    The worst are on experiments that never reached a reading, on those that have not ended, on points of
    survivors only, and on readings that are left out. Without any, it is different numbers of repetitions.
    """
    progress = progress_text(records)
    if plan.rules.of_attempts:
        return Missing(progress, [])
    worst: list[str] = []
    others: list[str] = []
    counts_never = "missing" in plan.rules.keys and plan.y.label.goal is not None
    missing = _sum(covered.missing for covered in data.coverage) if counts_never else records.missing()
    if counts_never:
        worst += never_text(plan, data, records.size())
        # Of profiles and rankings that are numbers of methods on problems, not whole lines.
        of_problems = "over" in plan.rules.required
        (others if of_problems else worst).extend(_listed(data.never, _without_any(data.coverage)))
    worst += progress
    worst += survivorship(data.coverage, data.without_readings)
    incomplete = [covered.lacking_label for covered in data.coverage if covered.lacking]
    does = "Pools the others" if plan.rules.shows_values else "Not drawn"
    worst += _listed(f"{does}, as some configurations have no finite reading", incomplete)
    worst += _listed("Not drawn, as no step has a value of each configuration", _disjoint(data.coverage))
    early = _early([line.early for line in data.lines if line.early])
    worst += left_out_text(plan, data)
    unequal = [
        *_listed("Later points are over fewer repetitions, as some end early", early),
        *_listed("Not drawn where a configuration has no reading", _undrawn(plan, data)),
        *imbalance(data.coverage),
    ]
    if worst:
        others += unequal
    else:
        worst = unequal
    if missing.total():
        listed = counts_text(missing)
        others.append(f"{listed} of {many(records.size(), 'experiment')} left out.")
    if records.retired:
        others.append(f"{records.retired:,} completed but no longer in the series file left out.")
    return Missing(worst, others)


def left_out_text(plan: Plan, data: GraphData) -> list[str]:
    """Return the sentences on completed experiments that have no finite reading and are left out."""
    sentences = []
    if without := sum(covered.without for covered in data.coverage):
        sentences.append(f"{without:,} completed without {_readings(plan)} left out.")
    sentences += texts_text(_readings(plan), _sum(covered.texts for covered in data.coverage))
    if non_finite := sum(covered.non_finite for covered in data.coverage):
        sentences.append(f"{many(non_finite, 'NaN or infinite reading')} left out.")
    return sentences


def never_text(plan: Plan, data: GraphData, size: int) -> list[str]:
    """Return the sentences on experiments that never reached a reading, and on those that did not run.

    Parameters
    ----------
    plan, data
        What is drawn.
    size : int
        How many experiments there are.
    """
    sentences = []
    never = _sum(covered.never for covered in data.coverage)
    of = f"of {many(size, 'experiment')}"
    if never.total():
        listed = ", ".join(_reason_text(plan, name, never[name]) for name in in_order(never))
        sentences.append(f"{never.total():,} {of} never reached it and count: {listed}.")
    if from_start := sum(covered.from_start for covered in data.coverage):
        infinite = "-inf" if plan.y.label.goal == "min" else "inf"
        sentences.append(f"{from_start:,} {of} had reached it from the start ({infinite}).")
    not_run = _sum(covered.not_run for covered in data.coverage)
    if not_run.total():
        sentences.append(f"{not_run.total():,} not run ({counts_text(not_run)}), so not counted.")
    return sentences


def _without_any(coverage: Sequence[Coverage]) -> list[str]:
    """Return the points of which no experiment reached a reading, those of most experiments first."""
    worst_first = sorted(
        (covered for covered in coverage if covered.is_never), key=lambda covered: -covered.drawn
    )
    return [
        f"{covered.label or 'all'} ({covered.drawn - sum(covered.never.values()):,} of {covered.drawn:,})"
        for covered in worst_first
    ]


def _reason_text(plan: Plan, name: str, count: int) -> str:
    """Return how many experiments never reached a reading for this reason."""
    if name == NO_RESULT:
        return f"{count:,} without {_readings(plan)}"
    return f"{count:,} {name}" if name in (NAN, *_INFINITE) else count_text(name, count)


def texts_text(names: str, texts: Mapping[str, int]) -> list[str]:
    """Return the sentence on completed experiments that have something else in place of a number.

    Parameters
    ----------
    names : str
        Of the results, in quotes.
    texts : mapping of str to int
        What they have, and how many.
    """
    total = sum(texts.values())
    return (
        [f"{total:,} completed without a number in {names} left out: {texts_listed(texts)}."] if total else []
    )


def texts_listed(texts: Mapping[str, int]) -> str:
    """Return what experiments have in place of a number, and how many, the most frequent first."""
    most_first = sorted(texts, key=lambda text: -texts[text])
    more = f" and {len(texts) - _MOST_NAMED:,} more" if len(texts) > _MOST_NAMED else ""
    return "; ".join(f"{text} ({texts[text]:,})" for text in most_first[:_MOST_NAMED]) + more


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total = Counter[str]()
    for part in counts:
        total.update(part)
    return total


def _disjoint(coverage: Sequence[Coverage]) -> list[str]:
    """Return the curves of which each configuration has values, but never at the same step."""
    return [
        covered.label or "all"
        for covered in coverage
        if covered.readings and not covered.drawn and not covered.lacking
    ]


def _readings(plan: Plan) -> str:
    names = [repr(variable.name) for variable in (plan.across, plan.y) if variable is not None]
    return " or ".join(names)


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
    """Return the outcomes, statuses and reasons that occur, the worst first."""
    order = [*_ORDER, *(name for name in missing if name not in _ORDER)]
    return [name for name in order if missing.get(name)]


def survivorship(coverage: Sequence[Coverage], nothing: str = NOTHING_TO_SHOW) -> list[str]:
    """Return the sentences on points that lack failed experiments, or have no reading at all.

    Parameters
    ----------
    coverage : sequence of Coverage
    nothing : str
        How the sentences on points without a reading begin.
    """
    worst_first = sorted((point for point in coverage if _failed(point)), key=lambda point: -_failed(point))
    survived = [
        f"{point.label or 'all'} ({point.drawn:,} of {point.drawn + _failed(point):,})"
        for point in worst_first
        if point.drawn
    ]
    return [*_listed("Shown by survivors only", survived), *without_readings(coverage, nothing)]


def without_readings(coverage: Sequence[Coverage], nothing: str) -> list[str]:
    """Return the sentences on points without a finite reading, by the reason."""
    by_reason: dict[str, list[str]] = {}
    for point in coverage:
        if not point.drawn and not point.readings:
            by_reason.setdefault(_reason(point), []).append(point.label or "all")
    return [
        sentence
        for reason in _REASONS
        for sentence in _listed(f"{nothing}, as {reason}", by_reason.get(reason, ()))
    ]


def _reason(point: Coverage) -> str:
    """Return why a point has no finite reading."""
    if point.non_finite:
        return _NOT_FINITE
    if point.without or point.texts:
        return _NO_NUMBER
    if point.not_run:
        return _NOT_COMPLETED
    if not sum(point.missing.values()):
        return _NO_EXPERIMENTS
    return _ALL_FAILED if _failed(point) == sum(point.missing.values()) else _NOT_COMPLETED


def imbalance(coverage: Sequence[Coverage]) -> list[str]:
    """Return the sentence on points of fewer configurations or experiments, where none has failed."""
    sound = [point for point in coverage if point.drawn and not _failed(point) and not point.lacking]
    least = min((point.configurations for point in sound), default=0)
    few = [f"{point.label or 'all'} ({least:,})" for point in sound if point.configurations == least]
    if len(few) < len(sound):
        return _listed("The numbers of configurations differ; fewest", few)
    fewest = min((point.drawn for point in sound), default=0)
    named = [f"{point.label or 'all'} ({point.drawn:,})" for point in sound if point.drawn == fewest]
    return _listed("Repetitions are unbalanced; fewest", named) if len(named) < len(sound) else []


def _failed(point: Coverage) -> int:
    return sum(point.missing.get(end, 0) for end in _BAD_ENDS)


def _listed(what: str, labels: Sequence[str]) -> list[str]:
    more = f" and {len(labels) - _MOST_NAMED:,} more" if len(labels) > _MOST_NAMED else ""
    return [f"{what}: {'; '.join(labels[:_MOST_NAMED])}{more}."] if labels else []
