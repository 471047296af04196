"""A comparison as text: its result in words, without claiming more than the test shows."""

from __future__ import annotations

from experiments.units import many
from meta.comparison import ComparedPair, ValueComparison
from meta.graphs.captions.phrases import selection_text
from meta.statistics.comparisons.difference import Difference
from meta.statistics.comparisons.effects import magnitude
from meta.statistics.comparisons.pairwise import PairComparison
from meta.statistics.comparisons.sample_size import repetitions_for_p
from meta.tables.data.rounding import from_to, p_text, shown, shown_apart

#: So many configurations that are not compared are named; the others are counted.
_MOST_NAMED = 4
#: The tests' notes where there is no difference to find.
_NOTHING_DIFFERS = ("no pair differs", "all readings are equal")


def conclusion(compared: ComparedPair, pair: PairComparison, comparison: ValueComparison) -> str:
    """Return the result of a pair, in a sentence or two; `pair` is the result of `compared`."""
    names = f"{pair.first} and {pair.second}"
    if pair.is_significant:
        return _ranks_differ(pair, comparison) if _holds_zero(pair) else _differs(pair, comparison)
    if pair.significance.note in _NOTHING_DIFFERS:
        what = f"repetitions' means over {', '.join(comparison.over)}" if comparison.over else "readings"
        is_all = not (any(compared.readings.left_out) or compared.without)
        return f"All {what} of {names}{'' if is_all else ' that are compared'} are equal."
    if compared.complete == 1:
        return _single(compared, comparison)
    if pair.significance.note:
        return f"{names} cannot be told apart by this test: {pair.significance.note}."
    if _leaves_out_zero(pair):
        return _interval_alone(compared, pair, comparison)
    warnings = " ".join(pair.warnings)
    if compared.hardly_differ:
        return (
            f"Too few pairs of {names} differ at all to distinguish them: {pair.significance.sizes[0]:,} of "
            f"{compared.complete:,}. More repetitions help only if more of them differ."
        )
    if pair.significance.smallest_p > 1 - comparison.level:
        return f"Too few repetitions to distinguish {names}, whatever their readings. {warnings}".rstrip()
    text = f"No difference between {names} was found, which does not mean that there is none"
    if _holds_zero(pair):
        text += f": differences {_span(pair)} fit these readings"
    return f"{text}. {warnings}".rstrip()


def _holds_zero(pair: PairComparison) -> bool:
    return pair.difference.low <= 0 <= pair.difference.high


def _leaves_out_zero(pair: PairComparison) -> bool:
    return pair.difference.low > 0 or pair.difference.high < 0


def _span(pair: PairComparison) -> str:
    """Return from where to where the interval reaches."""
    return from_to(pair.difference.estimate, pair.difference.low, pair.difference.high)


def _ranks_differ(pair: PairComparison, comparison: ValueComparison) -> str:
    """Return the result where the rank test finds a difference, and the interval of the mean holds 0."""
    return (
        f"Ranks differ ({p_name(comparison)} {p_text(pair.corrected_p)}); the mean difference may be 0: "
        f"differences {_span(pair)} fit."
    )


def _interval_alone(compared: ComparedPair, pair: PairComparison, comparison: ValueComparison) -> str:
    """Return the result where the interval leaves out 0, and the corrected test finds nothing."""
    limit, p_value = 1 - comparison.level, pair.significance.p_value
    warnings = " ".join(pair.warnings)
    if p_value <= limit:
        return (
            f"By itself this difference would count (p {p_text(p_value)}; {_span(pair)}); among "
            f"{len(comparison.compared)} comparisons chance gives one like it too often (corrected p "
            f"{p_text(pair.corrected_p)}). {warnings}"
        ).rstrip()
    what = "differences" if comparison.paired else "readings"
    text = (
        f"The interval of the mean, which assumes nearly normal {what}, leaves out 0; the rank test does not "
        f"find it (p {p_text(p_value)})"
    )
    if pair.significance.smallest_p > limit:
        needed = repetitions_for_p(limit, paired=comparison.paired)
        units = f"{needed} pairs" if comparison.paired else f"{needed} repetitions of each"
        return (
            f"{text}, and cannot with fewer than {units}{' that differ' if compared.hardly_differ else ''}."
        )
    return f"{text}. {' '.join(pair.warnings)}".rstrip()


def _single(compared: ComparedPair, comparison: ValueComparison) -> str:
    """Return what a single repetition can tell."""
    counts = len(compared.readings.first), len(compared.readings.second)
    of = "each" if counts == (1, 1) else compared.first if counts[0] == 1 else compared.second
    alpha = (1 - comparison.level) / len(comparison.compared)
    needed = 3 if comparison.resampled else repetitions_for_p(alpha, paired=comparison.paired)
    return f"One repetition of {of} says nothing of how others would differ: run at least {needed} of each."


def _differs(pair: PairComparison, comparison: ValueComparison) -> str:
    estimate, goal = pair.difference.estimate, comparison.on.label.goal
    p_value = f"{p_name(comparison)} {p_text(pair.corrected_p)}, at most {1 - comparison.level:.3g}"
    if comparison.resampled is None and estimate * pair.effects.cliffs_delta <= 0:
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
    """Return how many more seeds would decide a comparison; nothing where that is no question of seeds."""
    plan = pair.plan
    if pair.is_significant:
        what = "their ranks" if _holds_zero(pair) else "them"
        return f"No more seeds are needed to distinguish {what}."
    if compared.hardly_differ or pair.significance.note or compared.complete == 1:
        return ""
    if plan.needed is None or plan.more is None or compared.more_seeds is None:
        return f"{plan.note[:1].upper()}{plan.note[1:]}."
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


def preamble(comparison: ValueComparison, *, simultaneous: bool = False) -> list[str]:
    """Return what is compared, and how.

    Parameters
    ----------
    comparison : ValueComparison
    simultaneous : bool
        Whether the intervals that hold together are shown too.
    """
    goal = {"max": ", higher is better", "min": ", lower is better"}.get(comparison.on.label.goal or "", "")
    count = len(comparison.compared)
    of = "pairs with the same seed" if comparison.paired else "independent repetitions"
    corrected = f", p values corrected by Holm for {count} comparisons" if count > 1 else ""
    t_interval = "Student's t intervals" if comparison.paired else "Welch's t intervals"
    test = comparison.compared[0].significance.test
    lines = [
        f"{comparison.series}: {comparison.on.axis_label()} by {comparison.of}{goal}",
        (
            f"{test[0].upper()}{test[1:]} of {of}{corrected}; differences of means, the first "
            f"less the second, with {t_interval}."
        ),
    ]
    if comparison.resampled is not None:
        lines.append(_splits_text(comparison))
    if simultaneous and count > 1:
        lines.append(
            f"All {count} intervals together hold their differences in {100 * comparison.level:g} % of "
            f"cases where each has {100 * comparison.simultaneous_level:.4g} % (Bonferroni)."
        )
    lines += selection_text(None, comparison.where)
    if comparison.over:
        lines.append(
            f"Each repetition counts once: its mean over the configurations that both have of "
            f"{', '.join(comparison.over)}."
        )
    if comparison.resampled is not None and comparison.over and not comparison.strata:
        lines.append("If different data sets are among them, name their parameter as --strata.")
    if comparison.strata:
        named = ", ".join(comparison.strata)
        lines.append(f"Strata: between values of {named} an equal seed means nothing in common.")
    return lines


def _splits_text(comparison: ValueComparison) -> str:
    """Return the line on repetitions that are resampled splits."""
    resampled = comparison.resampled
    if resampled is None:
        return ""
    sizes = "/".join(
        value if isinstance(value, str) else f"{value:g}" for value in (resampled.test, resampled.train)
    )
    degrees = sorted(
        {f"{pair.difference.degrees:.3g}" for pair in comparison.compared if pair.difference.degrees > 0},
        key=float,
    )
    which = "each" if comparison.strata else "one"
    freedom = ""
    if degrees:
        noun = "degree" if degrees == ["1"] else "degrees"
        freedom = f", {' to '.join(dict.fromkeys((degrees[0], degrees[-1])))} {noun} of freedom"
    return (
        f"Test and intervals are corrected for resampled splits of {which} data set, test/train {sizes} "
        f"(Nadeau and Bengio 2003){freedom}: about algorithms trained on as many other data of this kind."
    )


def heads(comparison: ValueComparison, *, simultaneous: bool = False) -> list[str]:
    """Return what stands above the cells of `row`, but for the names of the pair."""
    level = f"{100 * comparison.level:g} %"
    several = any(pair.readings.blocks > 1 for pair in comparison.pairs)
    return [
        "n",
        "difference",
        f"{level}, each by itself",
        *([f"{level}, all together"] if simultaneous else []),
        "Cliff's delta of the averages" if several else "Cliff's delta",
        *([f"mean over {', '.join(comparison.over)}"] if several else []),
        p_name(comparison),
        "more seeds",
    ]


def row(compared: ComparedPair, comparison: ValueComparison, *, simultaneous: bool = False) -> list[str]:
    """Return the cells of a pair: its names, n, difference, intervals, effects, p, and more seeds."""
    names = f"{compared.first} - {compared.second}"
    if compared.result is None:
        return [names, "0", *["-"] * (len(heads(comparison, simultaneous=simultaneous)) - 1)]
    pair = compared.result
    numbers = shown(pair.difference.estimate, pair.difference.low, pair.difference.high)
    power = f"e{numbers.exponent}" if numbers.exponent else ""
    sizes = len(compared.readings.first), len(compared.readings.second)
    count = f"{sizes[0]:,}" if sizes[0] == sizes[1] else f"{sizes[0]:,}, {sizes[1]:,}"
    more = (
        "none" if pair.is_significant else "?" if compared.more_seeds is None else f"{compared.more_seeds:,}"
    )
    mean = compared.mean_delta
    several = any(other.readings.blocks > 1 for other in comparison.pairs)
    return [
        names,
        count,
        numbers.value + power,
        _interval(pair.difference),
        *([_interval(pair.simultaneous)] if simultaneous else []),
        f"{pair.effects.cliffs_delta:.2f} ({pair.effects.magnitude})",
        *(["-" if mean is None else f"{mean:.2f} ({magnitude(mean)})"] if several else []),
        p_text(pair.corrected_p),
        more,
    ]


def _interval(apart: Difference) -> str:
    numbers = shown_apart(apart.estimate, apart.low, apart.high)
    power = f"e{numbers.exponent}" if numbers.exponent else ""
    return f"[{numbers.low}, {numbers.high}]{power}" if numbers.half else "-"


def sentences(compared: ComparedPair, comparison: ValueComparison) -> list[str]:
    """Return the result of a pair in words, one or two sentences per line."""
    names = f"{compared.first} - {compared.second}"
    left_out = _left_out(compared, paired=comparison.paired)
    without = _without(compared)
    if compared.result is None:
        return [f"{names}: {_nothing(compared, comparison)} {without}".rstrip()]
    more = (without, seeds(compared, compared.result), left_out)
    return [
        f"{names}: {conclusion(compared, compared.result, comparison)}",
        *(f"    {line}" for line in more if line),
    ]


def _nothing(compared: ComparedPair, comparison: ValueComparison) -> str:
    """Return why a pair has nothing to compare: how many readings each value has."""
    counts = [
        f"{name} has {many(count, 'reading') if count else 'none'}"
        for name, count in zip((compared.first, compared.second), compared.known, strict=True)
    ]
    text = f"nothing to compare: {' and '.join(counts)}"
    if all(compared.known):
        alike = (
            f" of configurations that are alike in {', '.join(comparison.over)}" if comparison.over else ""
        )
        text += f", but no repetition of both{alike}"
    return f"{text}."


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
