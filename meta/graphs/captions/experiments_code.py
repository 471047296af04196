"""Sentences on experiments that ran different code, or with different numbers of threads."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from experiments.units import many
from meta.records.code_versions import ExperimentsCode


def code_text(
    code: ExperimentsCode, units: Sequence[Collection[int]], place: str = "of each configuration"
) -> list[str]:
    """Return the sentences on the code and the threads of experiments that are shown together.

    Parameters
    ----------
    code : ExperimentsCode
        Of all of them, and perhaps of others.
    units : sequence of collections of int
        The configurations of each cell of a table, or each configuration by itself.
    place : str
        What a unit is, in the sentence.
    """
    code = code.of({member for unit in units for member in unit})
    return [*other_code_text(code, units, place), *_threads(code), *_unknown(code)]


def other_code_text(
    code: ExperimentsCode, units: Sequence[Collection[int]], place: str = "of each configuration"
) -> list[str]:
    """Return the first of these sentences, where some experiments ran other code than the others."""
    other = code.other_sets()
    if not other:
        return []
    parts = [code.of(unit) for unit in units]
    shares = {(part.count(other), part.experiments) for part in parts if part.experiments}
    if len(shares) == 1:
        count, of = shares.pop()
        noun = "repetitions" if all(len(unit) == 1 for unit in units) else "experiments"
        text = f"{count:,} of {of:,} {noun} {place} ran other code"
    else:
        text = f"{code.count(other):,} of {many(code.experiments, 'experiment')} ran other code"
    return [f"{text}, which was accepted as the same." if code.are_accepted() else f"{text}."]


def _threads(code: ExperimentsCode) -> list[str]:
    known = [(threads, count) for threads, count in code.by_threads().items() if threads is not None]
    if len(known) < 2:
        return []
    listed = ", ".join(f"{count:,} with {threads}" for threads, count in sorted(known))
    return [f"Experiments ran with different numbers of threads: {listed}."]


def _unknown(code: ExperimentsCode) -> list[str]:
    """Return the sentence on attempts of which code or threads were not recorded: they are not other ones."""
    if not code.sets.has_unknown and not code.set_ids:
        return []  # nothing of this series was recorded by a run
    without = {"code": code.count([None]), "threads": code.by_threads()[None]}
    counts = {name: count for name, count in without.items() if count}
    if len(set(counts.values())) == 1:
        counts = {" and ".join(counts): max(counts.values())}
    of = many(code.experiments, "experiment")
    return (
        [f"Not recorded: {', '.join(f'{names} of {count:,} of {of}' for names, count in counts.items())}."]
        if counts
        else []
    )
