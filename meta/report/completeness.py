"""The completeness of a report's records, and its effect on the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from database.models import ExperimentStatus
from database.models.outcome import count_text
from meta.graphs.captions.experiments_code import code_text
from meta.graphs.captions.missing_data import counts_text, imbalance, in_order, progress_text, survivorship
from meta.graphs.data.graph_data import Coverage
from meta.graphs.theme.outcome_style import page_color
from meta.records.series_records import ConfigurationRecord, SeriesRecords
from meta.records.value_set import ABSENT, short_names

#: At most so many incomplete configurations are listed, those that lack most first.
MAX_LISTED = 50


@dataclass(frozen=True)
class Share:
    """How many experiments have a status or, where they failed, the outcome of their last attempt."""

    text: str
    count: int
    color: str


@dataclass(frozen=True)
class Completeness:
    """How complete a series is.

    Attributes
    ----------
    experiments, configurations : int
        Those that the report is about.
    repetitions : str
        How many experiments a configuration has; a range where that differs.
    shares : sequence of Share
        Completed first, then the worst.
    warnings : sequence of str
        Sentences.
    incomplete : sequence of Coverage
        The configurations with experiments that are not completed.
    more : int
        How many more there are.
    """

    experiments: int
    configurations: int
    repetitions: str
    shares: Sequence[Share]
    warnings: Sequence[str]
    incomplete: Sequence[Coverage]
    more: int


def completeness(records: SeriesRecords) -> Completeness:
    """Count the experiments of a series that are completed, and those that are missing."""
    missing = records.missing()
    completed = sum(len(member.completed) for member in records.configurations)
    labels = _labels(records)
    coverage = [
        Coverage(label, len(member.completed), member.missing)
        for label, member in zip(labels, records.configurations, strict=True)
    ]
    partly = sorted((point for point in coverage if sum(point.missing.values())), key=_by_missing)
    sizes = sorted({_size(member) for member in records.configurations})
    return Completeness(
        experiments=records.size(),
        configurations=len(records.configurations),
        repetitions=" to ".join(f"{size:,}" for size in dict.fromkeys((*sizes[:1], *sizes[-1:]))) or "0",
        shares=[
            Share(count_text(name, count), count, page_color(name))
            for name, count in (
                (ExperimentStatus.COMPLETED.value, completed),
                *((name, missing[name]) for name in in_order(missing)),
            )
        ],
        warnings=[
            *progress_text(records),
            *_left_out(records),
            *survivorship(coverage),
            *imbalance(coverage),
            *code_text(records.experiments_code, [[member.id] for member in records.configurations]),
        ],
        incomplete=partly[:MAX_LISTED],
        more=max(0, len(partly) - MAX_LISTED),
    )


def _by_missing(point: Coverage) -> tuple[int, int]:
    """Sort by how many are missing, most first; then by how many are drawn."""
    return -sum(point.missing.values()), point.drawn


def _size(member: ConfigurationRecord) -> int:
    return len(member.completed) + sum(member.missing.values())


def _left_out(records: SeriesRecords) -> list[str]:
    missing = records.missing()
    sentences = []
    if missing.total():
        sentences.append(f"{counts_text(missing)} of {records.size():,} experiments have no results to show.")
    if records.retired:
        sentences.append(f"{records.retired:,} completed but no longer in the series file left out.")
    return sentences


def _labels(records: SeriesRecords) -> list[str]:
    """Return a label per configuration that distinguishes it from the others."""
    values = records.parameter_values()
    distinguishing = records.parameter_table(values).distinguishing()
    short = short_names(distinguishing)
    return [
        ", ".join(
            f"{short[name]}={values[name].label(member.parameters.get(name, ABSENT))}"
            for name in distinguishing
        )
        for member in records.configurations
    ]
