"""The sections of parameters as axes."""

from __future__ import annotations

from experiments.series_file.axes import PARAMETER_SECTIONS, axes, fixed_names, parameter_names
from experiments.series_file.models import SeriesFile


def test_axes_in_the_order_of_configurations() -> None:
    """What is fixed is an axis with one choice, each name of the grid is one; paths are those of the file."""
    fixed, depth, lr = axes(
        {"grid": {"depth": [2, 4], "lr": [0.1]}, "fixed": {"model": {"width": 3}, "a": []}}
    )
    assert (fixed.names, len(fixed), fixed.is_fixed) == (["model.width", "a"], 1, True)
    assert fixed.parameters[0].value_path(0) == ("fixed", "model", "width")
    assert (depth.names, len(depth), depth.is_fixed) == (["depth"], 2, False)
    assert depth.parameters[0].value_path(1) == ("grid", "depth", 1)
    assert lr.names == ["lr"]


def test_values_of_a_wrong_type_are_skipped() -> None:
    """A section that is no mapping has no axes, and choices that are no list give a name without values."""
    assert axes({"fixed": [1], "grid": None, "repeat": {"seeds": 2}}) == []
    [axis] = axes({"grid": {"lr": 0.1}})
    assert (axis.names, len(axis)) == (["lr"], 0)


def test_names_of_groups_among_choices() -> None:
    """A mapping among the choices gives the names of its parts; a contradictory one only its own."""
    grid = {"optimizer": [{"name": "sgd"}, {"name": "adam", "beta": 0.9}], "x": [{"a": {"b": 1}, "a.b": 2}]}
    assert parameter_names(axes({"grid": grid})) == ["optimizer.name", "optimizer.beta", "x"]


def test_what_is_fixed() -> None:
    """Of a recorded series, the names with one value for all are dotted, however they were written."""
    recorded = {"name": "s", "fixed": {"model": {"width": 3}, "a.b": 1}, "grid": {"lr": [1]}}
    assert fixed_names(recorded) == {"model.width", "a.b"}
    assert fixed_names({}) == frozenset()


def test_each_section_of_parameters_is_one_of_the_file() -> None:
    """What is read for parameters is what a series file may have."""
    assert set(PARAMETER_SECTIONS) <= set(SeriesFile.model_fields)
