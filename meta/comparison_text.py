"""A comparison as text: its result in words, without claiming more than the test shows."""

from __future__ import annotations

from experiments.units import many
from meta.comparison import ComparedPair, ValueComparison
from meta.graphs.captions.phrases import selection_text
from meta.statistics.comparisons.pairwise import PairComparison
from meta.tables.data.rounding import shown

#: So many configurations that are not compared are named; the others are counted.
_MOST_NAMED = 4
#: The tests' notes where there is no difference to find.
_NOTHING_DIFFERS = ("no pair differs", "all readings are equal")


def conclusion(compared: ComparedPair, pair: PairComparison, comparison: ValueComparison) -> str:
    """Return the result of a pair, in a sentence or two; `pair` is the result of `compared`."""
    names = f"{pair.first} and {pair.second}"
    if pair.is_significant:
        return _differs(pair, comparison)
    if pair.significance.note in _NOTHING_DIFFERS:
        what = f"repetitions' means over {', '.join(comparison.over)}" if comparison.over else "readings"
        is_all = not (any(compared.readings.left_out) or compared.without)
        return f"All {what} of {names}{'' if is_all else ' that are compared'} are equal."
    warnings = " ".join(pair.warnings)
    differing, pairs = pair.significance.sizes[0], pair.difference.sizes[0]
    if comparison.paired and 1 - comparison.level < pair.significance.smallest_p and differing < pairs:
        return (
            f"Too few pairs of {names} differ at all to distinguish them: {differing:,} of {pairs:,}. "
            "More repetitions help only if more of them differ."
        )
    if pair.significance.smallest_p > 1 - comparison.level:
        return f"Too few repetitions to distinguish {names}, whatever their readings. {warnings}".rstrip()
    ends = shown(pair.difference.estimate, pair.difference.low, pair.difference.high)
    power = f" (times 10^{ends.exponent})" if ends.exponent else ""
    text = f"No difference between {names} was found, which does not mean that there is none"
    if ends.low:
        text += f": differences from {ends.low} to {ends.high}{power} fit these readings"
    return f"{text}. {warnings}".rstrip()


def _differs(pair: PairComparison, comparison: ValueComparison) -> str:
    estimate, goal = pair.difference.estimate, comparison.on.label.goal
    p_value = f"{p_name(comparison)} {p_text(pair.corrected_p)}, at most {1 - comparison.level:.3g}"
    if estimate * pair.effects.cliffs_delta <= 0:
        return (
            f"{pair.first} and {pair.second} differ ({p_value}), but means and ranks do not agree in which "
            "is larger: look at the distributions."
        )
    word = "higher" if estimate > 0 else "lower"
    better = ""
    if goal is not None:
        better = ", which is better" if (estimate > 0) == (goal == "max") else ", which is worse"
    name = comparison.of.rpartition(".")[2]
    return (
        f"{comparison.on.label.label or comparison.on.measured} is {word} with {name} {pair.first} than with "
        f"{pair.second}{better}; chance alone would seldom show such a difference ({p_value})."
    )


def seeds(compared: ComparedPair, pair: PairComparison) -> str:
    """Return how many more seeds would decide a comparison."""
    plan = pair.plan
    if pair.is_significant:
        return "No more seeds are needed to distinguish them."
    if plan.needed is None or plan.more is None or compared.more_seeds is None:
        return f"How many more seeds would decide is unknown: {plan.note}."
    if plan.more == 0:
        return (
            f"With {many(plan.have, 'seed')}, {plan.needed} or more, a difference as large as this one seems "
            "would be found in 4 of 5 cases: it may be smaller than it seems."
        )
    in_all = f"{plan.needed:,} in all"
    if compared.more_seeds > plan.more:
        in_all += (
            f" with all readings, as {plan.have:,} of {compared.tried:,} have, and if as many lack some again"
        )
    return (
        f"About {many(compared.more_seeds, 'more seed')} ({in_all}) would decide in 4 of 5 cases, if the "
        "difference is as large as it seems. "
        "Decide on a number, then run: looking after each seed finds differences that are none."
    )


def p_name(comparison: ValueComparison) -> str:
    """Return the name of the p values: a single one needs no correction."""
    return "corrected p" if len(comparison.compared) > 1 else "p"


def p_text(p_value: float) -> str:
    """Return a p value with two digits, or that it is very small."""
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.2g}"


def preamble(comparison: ValueComparison) -> list[str]:
    """Return what is compared, and how."""
    goal = {"max": ", higher is better", "min": ", lower is better"}.get(comparison.on.label.goal or "", "")
    count = len(comparison.compared)
    of = "pairs with the same seed" if comparison.paired else "independent repetitions"
    corrected = f", p values corrected by Holm for {count} comparisons" if count > 1 else ""
    method = (
        f"{comparison.compared[0].significance.test} of {of}{corrected}; differences of means, the first "
        "less the second, with bootstrap intervals that are each by itself (not corrected)."
    )
    lines = [f"{comparison.series}: {comparison.on.axis_label()} by {comparison.of}{goal}", method]
    lines += selection_text(None, comparison.where)
    if comparison.over:
        lines.append(
            f"Each repetition counts once: its mean over the configurations that both have of "
            f"{', '.join(comparison.over)}."
        )
    return lines


def row(compared: ComparedPair) -> list[str]:
    """Return the cells of a pair: its names, n, difference, interval, effect, p, and more seeds."""
    names = f"{compared.first} - {compared.second}"
    if compared.result is None:
        return [names, "0", *["-"] * 5]
    pair = compared.result
    numbers = shown(pair.difference.estimate, pair.difference.low, pair.difference.high)
    power = f"e{numbers.exponent}" if numbers.exponent else ""
    sizes = pair.difference.sizes
    count = f"{sizes[0]:,}" if sizes[0] == sizes[1] else f"{sizes[0]:,}, {sizes[1]:,}"
    more = (
        "none" if pair.is_significant else "?" if compared.more_seeds is None else f"{compared.more_seeds:,}"
    )
    return [
        names,
        count,
        numbers.value + power,
        f"[{numbers.low}, {numbers.high}]{power}" if numbers.half else "-",
        f"{pair.effects.cliffs_delta:.2f} ({pair.effects.magnitude})",
        p_text(pair.corrected_p),
        more,
    ]


def sentences(compared: ComparedPair, comparison: ValueComparison) -> list[str]:
    """Return the result of a pair in words, one or two sentences per line."""
    names = f"{compared.first} - {compared.second}"
    left_out = _left_out(compared, paired=comparison.paired)
    without = _without(compared)
    if compared.result is None:
        alike = f" that are alike in {', '.join(comparison.over)}" if comparison.over else ""
        return [
            f"{names}: nothing to compare, as both have no repetitions{alike}. {without} {left_out}".rstrip()
        ]
    return [
        f"{names}: {conclusion(compared, compared.result, comparison)}",
        *([f"    {without}"] if without else []),
        f"    {seeds(compared, compared.result)}",
        *([f"    {left_out}"] if left_out else []),
    ]


def _without(compared: ComparedPair) -> str:
    """Return the sentence on the configurations that are not compared."""
    parts = []
    for name, blocks in compared.without.items():
        more = f" and {len(blocks) - _MOST_NAMED:,} more" if len(blocks) > _MOST_NAMED else ""
        parts.append(f"{', '.join(blocks[:_MOST_NAMED])}{more}, of which {name} has no finite reading")
    return f"Not compared: {'; '.join(parts)}." if parts else ""


def _left_out(compared: ComparedPair, *, paired: bool) -> str:
    counts = zip((compared.first, compared.second), compared.readings.left_out, strict=True)
    named = [f"{count:,} of {name}" for name, count in counts if count]
    # Unpaired, what is left out lacks a configuration of the other, or its own repetition elsewhere.
    reason = (
        "nothing of the other corresponds" if paired else "configurations or repetitions are not complete"
    )
    return f"Left out, as {reason}: {' and '.join(named)}." if named else ""
