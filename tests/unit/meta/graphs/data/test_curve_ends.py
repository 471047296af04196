"""What the note says where curves end before others do."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from experiments.series_file.sections.graphs import GraphSpec
from meta.statistics.estimators.curves import Curve
from tests.figures import whole_note


def note_of(records: Any, **spec: Any) -> str:
    drawn = GraphSpec.model_validate({"kind": "curve", "y": "m", "x": "step"} | spec)
    return whole_note(drawn, records)


def ending(last: int) -> Curve:
    return Curve(np.arange(last + 1), np.ones(last + 1))


@pytest.mark.parametrize("smoothing", [None, 3])
def test_lines_of_which_repetitions_end_early_are_named(make_records, smoothing: int | None) -> None:
    """The worst first, as survivors are; those whose repetitions end together are not."""

    def curves(parameters: dict[str, Any], repetition: int) -> dict[str, Curve]:
        return {"m": ending(4 if repetition < parameters["k"] else 49)}

    records = make_records({"k": [0, 1, 3]}, curves=curves, repetitions=6)
    said = (
        "Later points are over fewer repetitions, as some end early: k=3 (3 of 6 before step 49); "
        "k=1 (1 of 6 before step 49)."
    )
    assert said in note_of(records, smoothing=smoothing)
    assert "end early" not in note_of(records, where={"k": 0})


def test_a_repetition_that_logs_nan_to_the_end_ends_early(make_records) -> None:
    """What diverged is not in the later means, although it goes on logging."""

    def curves(_parameters: dict[str, Any], repetition: int) -> dict[str, Curve]:
        readings = np.ones(1_200)
        readings[900 if repetition < 2 else 1_200 :] = np.nan
        return {"m": Curve(np.arange(1_200), readings)}

    records = make_records({"k": [0]}, curves=curves, repetitions=5)
    assert "as some end early: all (2 of 5 before step 1,199)." in note_of(records)


def test_steps_that_a_configuration_lacks_are_not_dropped_without_a_word(make_records) -> None:
    """Of an average the note says where it ends and because of which configuration."""

    def curves(parameters: dict[str, Any], _repetition: int) -> dict[str, Curve]:
        return {"m": ending({1: 4, 2: 9, 3: 4}[parameters["d"]])}

    records = make_records({"h": ["u", "v"], "d": [1, 2, 3]}, curves=curves)
    said = "Not drawn where a configuration has no reading: steps after 4 (d=1 and 1 more)."
    assert said in note_of(records, hue="h", over=["d"])
    assert "end early" not in note_of(records, hue="h", over=["d"]), "all reach the end of the line"
    assert "Not drawn" not in note_of(records, hue="h", facet="d")


def test_lines_that_end_at_different_steps_are_named(make_records) -> None:
    """Where not all lines lack the same steps, each says its own; steps within a line are counted."""

    def curves(parameters: dict[str, Any], _repetition: int) -> dict[str, Curve]:
        steps = np.arange(10)
        if parameters["d"] == 1:
            steps = steps[:5] if parameters["h"] == "u" else steps[::2]
        return {"m": Curve(steps, np.ones(len(steps)))}

    records = make_records({"h": ["u", "v", "w"], "d": [1, 2]}, curves=curves)
    records = dataclasses.replace(records, configurations=records.configurations[:4])
    said = "no reading: h=u, steps after 4 (d=1); h=v, 5 of 10 steps (d=1)."
    assert said in note_of(records, hue="h", over=["d"])


def test_times_that_a_configuration_lacks_are_named_too(make_records) -> None:
    """Over seconds no two repetitions end together, as the note says; where the line ends is said."""
    records = make_records({"d": [1, 2]}, curves=lambda p, r: {"m": ending(4 * p["d"] + r)})
    times = {identity: curve.steps / 10.0 for identity, curve in records.curves["m"].items()}
    records = dataclasses.replace(records, times={"m": times})
    note = note_of(records, x="seconds", over=["d"])
    assert "Not drawn where a configuration has no reading: times after 0.8 s (d=1)." in note
    assert "a repetition counts until its last point, later points are over the others." in note
    assert "end early" not in note


def test_a_curve_of_nothing_but_nan_is_named(make_records) -> None:
    """It is not said to lack a configuration: there is only one."""
    records = make_records(
        {"k": [1, 2]}, curves=lambda p, _r: {"m": Curve(np.arange(3), np.full(3, [np.nan, 1.0][p["k"] - 1]))}
    )
    note = note_of(records)
    assert "Nothing to show, as all readings are NaN or infinite: k=1." in note
    assert "some configurations" not in note
