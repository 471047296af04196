"""From a series file to configurations."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from experiments.expansion import Counts, count, expand, experiments_digest, seed_for
from experiments.parameters import canonical, key, nest
from experiments.series_file.loading import load_series_file
from experiments.series_file.models import SeriesFile
from experiments.series_file.reading.errors import SeriesFileError


def series(**sections: Any) -> SeriesFile:
    return load_series_file({"name": "s", "run": {"function": "t.py:f"}, **sections}).file


def test_the_product_in_the_order_of_the_file() -> None:
    """The last name of the grid changes fastest; what is fixed is in every configuration."""
    file = series(
        fixed={"model": {"width": 3}}, grid={"model.depth": [2, 4], "lr": [0.1, 1]}, repeat={"seeds": 5}
    )
    assert [(found.position, found.parameters) for found in expand(file)] == [
        (0, {"model": {"width": 3, "depth": 2}, "lr": 0.1}),
        (1, {"model": {"width": 3, "depth": 2}, "lr": 1}),
        (2, {"model": {"width": 3, "depth": 4}, "lr": 0.1}),
        (3, {"model": {"width": 3, "depth": 4}, "lr": 1}),
    ]
    assert count(file) == Counts(4, 5)
    assert count(file).experiments == 20


def test_without_parameters_there_is_one_configuration() -> None:
    """A series without fixed and grid runs its function without parameters."""
    file = series()
    assert [found.parameters for found in expand(file)] == [{}]
    assert count(file) == Counts(1, 1)


def test_recorded_digests_stay() -> None:
    """The digest of a file is the one that earlier revisions recorded: an unchanged file is not expanded."""
    assert experiments_digest(series()).startswith("5c68032707a77fe7")
    file = series(
        fixed={"model": {"width": 3, "é": [1, {"b": 1, "a": -0.0}]}, "x.y": None, "z": {}},
        grid={"lr": [0.1, 1, True, "1"], "opt": [{"name": "sgd"}, {"name": "adam", "a.b": 2}]},
        repeat={"seeds": 5},
    )
    assert experiments_digest(file).startswith("9c98a374808189d6")


_name = st.text(st.sampled_from('ab."{}%é\\$'), min_size=1, max_size=4)
_value = st.one_of(
    st.integers(-5, 5),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.sampled_from('a"{}%é\\'), max_size=3),
    st.dictionaries(st.sampled_from(["x", "y.z", "{0}"]), st.integers(0, 2), min_size=1, max_size=2),
    st.lists(st.booleans(), max_size=2),
)


@given(
    st.dictionaries(_name, _value, max_size=3),
    st.dictionaries(_name, st.lists(_value, min_size=1, max_size=3), max_size=3),
)
def test_texts_and_keys_are_those_of_the_parameters(fixed: dict[str, Any], grid: dict[str, Any]) -> None:
    """However odd names and values are, a configuration's text is the canonical text of its parameters."""
    try:
        file = series(fixed=fixed, grid=grid)
    except SeriesFileError:
        return  # contradictions and duplicates are tested elsewhere
    expected = [
        nest({**file.fixed, **dict(zip(file.grid, choice, strict=True))})
        for choice in itertools.product(*file.grid.values())
    ]
    found = list(expand(file))
    assert [configuration.text for configuration in found] == [
        canonical(parameters) for parameters in expected
    ]
    assert [configuration.key for configuration in found] == [
        key(canonical(parameters)) for parameters in expected
    ]
    assert len({configuration.key for configuration in found}) == len(found) == count(file).configurations


def test_memory_does_not_depend_on_the_number_of_configurations() -> None:
    """Going through 60,000 configurations never holds more than a few kilobytes."""
    file = series(grid={"a": list(range(100)), "b": list(range(100)), "c": list(range(6))})
    tracemalloc.start()
    try:
        seen = sum(1 for _ in expand(file))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seen == 60_000
    assert peak < 500_000


def test_seeds_are_pinned() -> None:
    """These seeds are the same on every machine and in every version: results depend on them."""
    assert [seed_for(repetition) for repetition in range(3)] == [1150889982, 726273450, 1708732456]


def test_seeds_fit_31_bits_and_rarely_meet() -> None:
    """Seeds are from 0 to 2**31 - 1 and spread over that range."""
    seeds = [seed_for(repetition) for repetition in range(10_000)]
    assert min(seeds) >= 0
    assert max(seeds) < 2**31
    assert len(set(seeds)) > 9_990
    assert abs(sum(seeds) / len(seeds) / 2**30 - 1) < 0.05
