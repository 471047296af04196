"""Sentences on what a comparison leaves out, by the value that is compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from meta.graphs.captions.experiments_code import code_text
from meta.graphs.captions.missing_data import counts_text, progress_text, texts_listed
from meta.graphs.captions.scores import different_sizes
from meta.graphs.data.plan import Variable
from meta.records.readings import Point
from meta.records.series_records import SeriesRecords
from meta.records.value_set import ABSENT, ValueSet


def nothing_to_compare(of: str, reading: Variable, over: Sequence[str], points: Mapping[str, Point]) -> str:
    """Return the sentence on a comparison without any pair that has readings."""
    if not any(len(point.readings) for point in points.values()):
        count = sum(point.non_finite for point in points.values())
        texts = sum((point.texts for point in points.values()), Counter[str]())
        what = f"all {count:,} readings of it are NaN or infinite" if count else "it is never a number"
        what += f", but {texts_listed(texts)}" if texts and not count else ""
        return f"there is nothing to compare in {reading.name!r}: {what}"
    alike = f" and are alike in {', '.join(over)}" if over else ""
    lacking = " ".join(left_out(of, reading, points))
    return (
        f"there is nothing to compare: no repetitions of two values of {of} have a finite {reading.name!r}"
        f"{alike}. {lacking or '`experiments status` shows what is missing.'}"
    )


def left_out(of: str, reading: Variable, points: Mapping[str, Point]) -> list[str]:
    """Return sentences on completed experiments without a finite reading, by value."""
    non_finite = {label: f"{point.non_finite:,}" for label, point in points.items() if point.non_finite}
    without = {label: f"{point.without:,}" for label, point in points.items() if point.without}
    texts = {label: texts_listed(point.texts) for label, point in points.items() if point.texts}
    return [
        *_by_value("NaN or infinite readings left out", of, non_finite),
        *_by_value(f"Completed without {reading.name!r} left out", of, without),
        *_by_value(f"Completed without a number in {reading.name!r} left out", of, texts),
    ]


def scores_of_different_size(over: Sequence[str], reading: Variable, records: SeriesRecords) -> list[str]:
    """Return the sentence on averages that are nearly those of the largest scores alone."""
    return [
        f"{text}: the averages are nearly those of the largest alone; compare values of {name} one by one "
        "(--where), or by a table with normalise."
        for name, text in different_sizes(over, reading, records)
    ]


def _by_value(what: str, of: str, counts: Mapping[str, str]) -> list[str]:
    name = of.rpartition(".")[2]
    listed = "; ".join(f"{name} = {label}: {count}" for label, count in counts.items())
    return [f"{what}: {listed}."] if counts else []


def missing_experiments(records: SeriesRecords, values: Mapping[str, ValueSet], of: str) -> list[str]:
    """Return sentences on missing experiments, by value: those may be the bad ones."""
    missing: dict[str, Counter[str]] = {}
    for member in records.configurations:
        label = values[of].label(member.parameters.get(of, ABSENT))
        missing[label] = missing.get(label, Counter()) + Counter(member.missing)
    named = {label: counts_text(counts) for label, counts in missing.items() if counts.total()}
    sentences = [*progress_text(records), *_by_value("Experiments left out", of, named)]
    sentences += code_text(records.experiments_code, [[member.id] for member in records.configurations])
    if records.retired:
        sentences.append(f"{records.retired:,} completed but no longer in the series file left out.")
    return sentences
