"""What a comparison averages over, what it leaves out, and how it says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from meta import comparison_text
from meta.comparison import ComparisonError, ValueComparison, compare_values

NAN = float("nan")


def text_of(found: ValueComparison) -> str:
    return " ".join(
        [*(line for one in found.pairs for line in comparison_text.sentences(one, found)), *found.notes]
    )


def jitter(parameters: Mapping[str, Any], repetition: int) -> float:
    """Return a reading of method a or b; the difference varies from seed to seed."""
    return repetition + (1.0 + repetition % 3 if parameters["opt"] == "b" else 0.0)


def test_what_is_averaged_over_is_named(make_records) -> None:
    """The message lists all that is to be named; with it, those alike in it are compared."""
    grid = {"opt": ["a", "b"], "data": [1, 2, 3], "lr": [1, 2]}
    records = make_records(grid, results=lambda p, r: {"y": jitter(p, r) * p["data"]}, repetitions=8)
    for over, missing in (([], "--over data --over lr"), (["lr"], "--over data")):
        with pytest.raises(
            ComparisonError, match=rf"over parameters that are not named: .* add {missing} \("
        ):
            compare_values(records, "opt", "y", over=over)
    found = compare_values(records, "opt", "y", over=["lr", "data"])
    assert sorted(found.over) == ["data", "lr"]
    assert found.pairs[0].readings.blocks == 6
    one = replace(records, configurations=[m for m in records.configurations if m.parameters["data"] == 1])
    assert compare_values(one, "opt", "y", over=["lr"]).pairs[0].readings.blocks == 2


def test_what_changes_with_the_others_needs_no_name(make_records) -> None:
    """A rate that belongs to the method is no average, and naming it leaves the pairs alike."""
    records = make_records({"opt": ["a", "b"], "data": [1, 2]}, results=lambda p, r: {"y": jitter(p, r)})
    rates = {"a": 0.1, "b": 0.2}
    records = replace(
        records,
        configurations=[
            replace(one, parameters={**one.parameters, "lr": rates[one.parameters["opt"]], "fixed": 7})
            for one in records.configurations
        ],
    )
    for over in (["data"], ["lr", "data", "fixed"]):
        found = compare_values(records, "opt", "y", over=over)
        assert (found.over, found.pairs[0].readings.blocks) == (["data"], 2)


@pytest.mark.parametrize("paired", [True, False])
def test_readings_that_are_no_numbers_are_counted(make_records, paired: bool) -> None:
    """NaN, infinite and missing readings are told by value and reason, paired or not."""
    bad: Mapping[tuple[str, int], Mapping[str, Any]] = {
        ("a", 0): {"y": NAN},
        ("a", 1): {"y": float("inf")},
        ("b", 7): {"y": -float("inf")},
        ("b", 6): {"z": 1},
        ("b", 5): {"y": "text"},
        ("b", 4): {"y": None},
    }
    records = make_records(
        {"opt": ["a", "b"]},
        results=lambda p, r: bad.get((p["opt"], r), {"y": jitter(p, r)}),
        repetitions=12,
        missing=lambda p: {"error": 2} if p["opt"] == "b" else {},
    )
    found = compare_values(records, "opt", "y", paired=paired)
    assert found.notes == [
        "Experiments left out: opt = b: 2 errors.",
        "NaN or infinite readings left out: opt = a: 2; opt = b: 1.",
        "Completed without 'y' left out: opt = b: 2.",
        "Completed without a number in 'y' left out: opt = b: 'text' (1).",
    ]
    sizes = (6, 6) if paired else (10, 8)
    assert found.compared[0].difference.sizes == sizes
    assert ("nothing of the other corresponds: 4 of a and 2 of b" in text_of(found)) == paired


@pytest.mark.parametrize(
    ("results", "message"),
    [
        (lambda _p, _r: {"y": NAN}, "in 'y': all 10 readings of it are NaN or infinite"),
        (lambda _p, _r: {"y": None}, "in 'y': it is never a number"),
        (
            lambda p, _r: {"y": NAN if p["opt"] == "a" else 1.0},
            r"a finite 'y'\. NaN or infinite readings left out: opt = a: 5\.",
        ),
        (lambda p, _r: {"y": 1.0} if p["opt"] == "a" else None, "a finite 'y'.*`experiments status` shows"),
        (lambda _p, _r: None, "'made-up' has no completed experiment yet: nothing to compare"),
    ],
    ids=["nan", "null", "nan of one", "missing of one", "nothing"],
)
def test_why_there_is_nothing_to_compare(make_records, results, message: str) -> None:
    """The message names what is wrong with the readings, or that there are none yet."""
    with pytest.raises(ComparisonError, match=message):
        compare_values(make_records({"opt": ["a", "b"]}, results=results), "opt", "y")


@pytest.mark.parametrize(
    ("completed", "missing", "paired", "factor"),
    [
        ((0, 1, 2, 3), {"error": 8}, True, 3),
        ((0, 1, 2, 3), {"timed_out": 8}, False, 3),
        ((0, 1, 2, 3), {"pending": 8}, True, 1),
        (range(12), {}, True, 1),
    ],
    ids=["failed", "failed unpaired", "not run yet", "complete"],
)
def test_more_seeds_make_up_for_those_that_fail(
    make_records, *, completed: Sequence[int], missing: Mapping[str, int], paired: bool, factor: int
) -> None:
    """Where only a share of the seeds has all readings, more are needed; what never ran is no loss."""

    def results(parameters: Mapping[str, Any], repetition: int) -> Mapping[str, Any] | None:
        if parameters["opt"] == "b" and parameters["data"] == 2 and repetition not in completed:
            return None
        own = np.random.default_rng([ord(parameters["opt"]), parameters["data"], repetition]).normal()
        return {"y": float(own + (parameters["opt"] == "b") / 2)}

    records = make_records(
        {"opt": ["a", "b"], "data": [1, 2]},
        results=results,
        repetitions=12,
        missing=lambda p: missing if p == {"opt": "b", "data": 2} else {},
    )
    found = compare_values(records, "opt", "y", over=["data"], paired=paired)
    (pair,) = found.pairs
    plan = pair.result.plan
    assert not pair.result.is_significant
    assert plan.more
    assert pair.more_seeds == factor * plan.more
    assert comparison_text.row(pair, found)[-1] == f"{pair.more_seeds:,}"
    said = f"({plan.needed} in all with all readings, as 4 of 12 have, and if as many lack some again)"
    assert (said in text_of(found)) == (factor > 1)


def test_pairs_without_difference_are_no_lack_of_repetitions(make_records) -> None:
    """When hardly any pair differs, the words blame that and not the number of repetitions."""
    records = make_records(
        {"opt": ["a", "b"]},
        results=lambda p, r: {"y": r + (p["opt"] == "b" and r < 2)},
        repetitions=20,
    )
    found = compare_values(records, "opt", "y")
    assert (found.pairs[0].more_seeds, comparison_text.row(found.pairs[0], found)[-1]) == (None, "?")
    text = text_of(found)
    assert text == (
        "a - b: Too few pairs of a and b differ at all to distinguish them: 2 of 20. "
        "More repetitions help only if more of them differ."
    )


def test_one_comparison_is_not_corrected(make_records) -> None:
    """The p of a single pair is called p; those of several are called corrected."""

    def results(parameters: Mapping[str, Any], repetition: int) -> Mapping[str, Any]:
        return {"y": repetition + {"a": 0, "b": 10, "c": 20}[parameters["opt"]] + repetition % 2}

    for methods, name in ((["a", "b"], "p"), (["a", "b", "c"], "corrected p")):
        records = make_records({"opt": methods}, results=results, repetitions=12)
        found = compare_values(records, "opt", "y")
        assert comparison_text.p_name(found) == name
        assert f"({name} 0.00" in text_of(found)
        assert ("Holm" in comparison_text.preamble(found)[1]) == (name != "p")


@pytest.mark.parametrize("paired", [True, False])
def test_what_a_pair_does_not_compare_is_named(make_records, paired: bool) -> None:
    """Other pairs are averages over all tasks: that this one lacks a task is no detail."""

    def result(parameters: Mapping[str, Any], repetition: int) -> dict[str, float]:
        is_bad = parameters == {"method": "b", "task": 2}
        return {"y": NAN if is_bad else parameters["task"] + repetition / 8}

    records = make_records({"method": ["a", "b", "c"], "task": [1, 2, 3]}, results=result, repetitions=8)
    found = compare_values(records, "method", "y", over=["task"], paired=paired)
    assert [dict(pair.without) for pair in found.pairs] == [{"b": ["task=2"]}, {}, {"b": ["task=2"]}]
    first, second, _ = ("\n".join(comparison_text.sentences(pair, found)) for pair in found.pairs)
    assert "Not compared: task=2, of which b has no finite reading." in first
    assert "Not compared" not in second
    if paired:
        assert "All repetitions' means over task of a and b that are compared are equal." in first
        assert "All repetitions' means over task of a and c are equal." in second


def test_a_value_without_readings_is_told_from_one_with_some(make_records) -> None:
    """Where a pair has nothing to compare, the words say which of the two has how many readings."""
    records = make_records(
        {"opt": ["a", "b", "c"]}, results=lambda p, r: {"y": r if p["opt"] != "b" else NAN}, repetitions=8
    )
    found = compare_values(records, "opt", "y")
    said = comparison_text.sentences(found.pairs[0], found)
    assert said == ["a - b: nothing to compare: a has 8 readings and b has none."]
