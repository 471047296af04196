"""What a comparison means, in words that do not say more than it does."""

from __future__ import annotations

from meta.comparison import ComparedPair, ValueComparison
from meta.formats.plural import many
from meta.graphs.captions.phrases import only
from meta.statistics.comparisons.comparison import PairComparison
from meta.tables.data.rounding import shown

#: Tests that found nothing because there is nothing.
_NOTHING_DIFFERS = ("no pair differs", "all readings are equal")


def verdict(found: PairComparison, whole: ValueComparison) -> str:
    """Return what is found of a pair, in a sentence or two."""
    names = f"{found.first} and {found.second}"
    if found.is_significant:
        return _differs(found, whole)
    if found.significance.note in _NOTHING_DIFFERS:
        return f"All readings of {names} are equal."
    guards = " ".join(found.guards)
    differing, pairs = found.significance.sizes[0], found.difference.sizes[0]
    if whole.paired and 1 - whole.level < found.significance.smallest_p and differing < pairs:
        return (
            f"Too few pairs of {names} differ at all to tell them apart: {differing:,} of {pairs:,}. "
            "That is no question of more repetitions unless more of them differ."
        )
    if found.significance.smallest_p > 1 - whole.level:
        return f"Too few repetitions to tell {names} apart, whatever they had been. {guards}".rstrip()
    ends = shown(found.difference.estimate, found.difference.low, found.difference.high)
    power = f" (times 10^{ends.exponent})" if ends.exponent else ""
    text = f"No difference between {names} was found, which does not mean that there is none"
    if ends.low:
        text += f": differences from {ends.low} to {ends.high}{power} fit these readings"
    return f"{text}. {guards}".rstrip()


def _differs(found: PairComparison, whole: ValueComparison) -> str:
    estimate, goal = found.difference.estimate, whole.on.label.goal
    p_value = f"{p_name(whole)} {p_text(found.corrected_p)}, at most {1 - whole.level:.3g}"
    if estimate * found.effects.cliffs_delta <= 0:
        return (
            f"{found.first} and {found.second} differ ({p_value}), but means and ranks do not agree in which "
            "is larger: look at the distributions."
        )
    word = "higher" if estimate > 0 else "lower"
    better = ""
    if goal is not None:
        better = ", which is better" if (estimate > 0) == (goal == "max") else ", which is worse"
    name = whole.of.rpartition(".")[2]
    return (
        f"{whole.on.label.label or whole.on.measured} is {word} with {name} {found.first} than with "
        f"{found.second}{better}; chance alone would seldom show such a difference ({p_value})."
    )


def seeds(one: ComparedPair, found: PairComparison) -> str:
    """Return how many more seeds would decide a comparison."""
    plan = found.plan
    if found.is_significant:
        return "No more seeds are needed to tell them apart."
    if plan.needed is None or plan.more is None or one.more_seeds is None:
        return f"How many more seeds would decide cannot be told: {plan.note}."
    if plan.more == 0:
        return (
            f"With {many(plan.have, 'seed')}, {plan.needed} or more, a difference as large as this one seems "
            "would be found in 4 of 5 cases: it may be smaller than it seems."
        )
    in_all = f"{plan.needed:,} in all"
    if one.more_seeds > plan.more:
        in_all += (
            f" with all readings, as {plan.have:,} of {one.tried:,} have, and if as many lack some again"
        )
    return (
        f"About {many(one.more_seeds, 'more seed')} ({in_all}) would decide in 4 of 5 cases, if the "
        "difference is as large as it seems. "
        "Decide on a number, then run: looking after each seed finds differences that are none."
    )


def p_name(found: ValueComparison) -> str:
    """Return what p values are called: one by itself needs no correction."""
    return "corrected p" if len(found.compared) > 1 else "p"


def p_text(p_value: float) -> str:
    """Return a p value with two digits, or that it is very small."""
    return "< 0.0001" if p_value < 0.0001 else f"{p_value:.2g}"


def preamble(found: ValueComparison) -> list[str]:
    """Return what is compared, and how."""
    goal = {"max": ", higher is better", "min": ", lower is better"}.get(found.on.label.goal or "", "")
    count = len(found.compared)
    of = "pairs with the same seed" if found.paired else "independent repetitions"
    corrected = f", p values corrected by Holm for {count} comparisons" if count > 1 else ""
    method = (
        f"{found.compared[0].significance.test} of {of}{corrected}; differences of means, the first less the "
        "second, with bootstrap intervals that are each by itself (not corrected)."
    )
    lines = [f"{found.series}: {found.on.axis_label()} by {found.of}{goal}", method]
    lines += only(None, found.where)
    if found.over:
        lines.append(
            f"Each repetition counts once: its mean over the configurations that both have of "
            f"{', '.join(found.over)}."
        )
    return lines


def row(one: ComparedPair) -> list[str]:
    """Return the cells of a pair: its names, n, difference, interval, effect, p, and more seeds."""
    pair = f"{one.first} - {one.second}"
    if one.found is None:
        return [pair, "0", *["-"] * 5]
    found = one.found
    numbers = shown(found.difference.estimate, found.difference.low, found.difference.high)
    power = f"e{numbers.exponent}" if numbers.exponent else ""
    sizes = found.difference.sizes
    count = f"{sizes[0]:,}" if sizes[0] == sizes[1] else f"{sizes[0]:,}, {sizes[1]:,}"
    more = "none" if found.is_significant else "?" if one.more_seeds is None else f"{one.more_seeds:,}"
    return [
        pair,
        count,
        numbers.value + power,
        f"[{numbers.low}, {numbers.high}]{power}" if numbers.half else "-",
        f"{found.effects.cliffs_delta:.2f} ({found.effects.magnitude})",
        p_text(found.corrected_p),
        more,
    ]


def sentences(one: ComparedPair, found: ValueComparison) -> list[str]:
    """Return what a pair means, one sentence or two in each line."""
    names = f"{one.first} - {one.second}"
    left_out = _left_out(one, paired=found.paired)
    if one.found is None:
        alike = f" that are alike in {', '.join(found.over)}" if found.over else ""
        return [f"{names}: nothing to compare, as both have no repetitions{alike}. {left_out}".rstrip()]
    return [
        f"{names}: {verdict(one.found, found)}",
        f"    {seeds(one, one.found)}",
        *([f"    {left_out}"] if left_out else []),
    ]


def _left_out(one: ComparedPair, *, paired: bool) -> str:
    counts = zip((one.first, one.second), one.readings.left_out, strict=True)
    named = [f"{count:,} of {name}" for name, count in counts if count]
    # Unpaired, what is left out lacks a configuration of the other, or its own repetition elsewhere.
    reason = (
        "nothing of the other corresponds" if paired else "configurations or repetitions are not complete"
    )
    return f"Left out, as {reason}: {' and '.join(named)}." if named else ""
