"""Values of parameters: order, labels, short names."""

from __future__ import annotations

import pickle

from meta.records.value_set import ABSENT, ValueSet, short_names, shortened


def test_numbers_are_ascending_and_text_keeps_its_order() -> None:
    """Numbers stand in numeric order, everything else as the series file has it."""
    assert ValueSet([0.1, 0.001, 10]).values == [0.001, 0.1, 10]
    assert ValueSet(["small", "large", "medium", "small"]).values == ["small", "large", "medium"]


def test_values_of_other_types_are_other_values() -> None:
    """1, 1.0, true and "1" are four values, and their labels differ."""
    values = ValueSet([1, 1.0, True, "1", None, ABSENT])
    assert values.labels == ["1", "1.0", "true", '"1"', "null", "absent"]
    assert [values.place(value) for value in (True, 1.0, 1)] == [2, 1, 0]


def test_labels_are_as_short_as_the_value_allows() -> None:
    """Floats are written like in the file; what six digits cannot tell is written in full."""
    assert ValueSet([0.1, 1e-05, 100000.0]).labels == ["1e-05", "0.1", "100000"]
    assert ValueSet([0.1234567, 0.1234568]).labels == ["0.1234567", "0.1234568"]
    assert ValueSet([[1, 2], {"b": 1, "a": "ü"}]).labels == ["[1, 2]", '{"a": "ü", "b": 1}']


def test_two_numbers_at_one_place_make_no_axis() -> None:
    """1 and 1.0 are two configurations: on a numeric axis they would hide each other."""
    assert ValueSet([1, 2]).is_axis()
    assert not ValueSet([1, 1.0]).is_axis()
    assert not ValueSet([1, True]).is_axis()


def test_names_are_shortened_only_where_that_is_clear() -> None:
    """The last part of a dotted name is enough unless two names share it."""
    assert short_names(["model.depth", "data.size", "size"]) == {
        "model.depth": "depth",
        "data.size": "data.size",
        "size": "size",
    }


def test_shortened_texts_stay_distinct() -> None:
    """The middle is left out, or what keeps them apart; texts that would look the same stay whole."""
    assert shortened(["abcdefghij", "short"], 7) == ["abc…hij", "short"]
    assert shortened(["abcXXXXhij", "abcYYYYhij"], 7) == ["…XXXhij", "…YYYhij"]
    assert shortened(["abcXabcabcabc", "abcYabcabcabc"], 7) == ["abcXab…", "abcYab…"]
    alike = ["abcdXefgh", "abcdYefgh"]
    assert shortened(alike, 5) == alike


def test_an_absent_value_is_the_same_in_another_process() -> None:
    """Plans are sent to the processes that draw, where absent values are told from null by identity."""
    (value,) = pickle.loads(pickle.dumps(ValueSet.single("all"))).values
    assert value is ABSENT
