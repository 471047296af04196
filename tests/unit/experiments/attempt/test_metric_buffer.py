"""Buffers of metrics: chunks and summaries."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy
import pytest

from experiments.attempt.metric_buffer import MetricBuffer


def filled(*readings: float) -> MetricBuffer:
    buffer = MetricBuffer("m")
    for step, reading in enumerate(readings):
        buffer.append(step, reading, step / 10)
    return buffer


def test_chunk_is_little_endian_arrays() -> None:
    """Steps are int64, readings and seconds float64, all little-endian and of equal length."""
    chunk = filled(1.5, 2.5).take_chunk()
    assert chunk is not None
    assert (chunk.metric, chunk.number, chunk.count) == ("m", 0, 2)
    assert numpy.frombuffer(chunk.steps, "<i8").tolist() == [0, 1]
    assert numpy.frombuffer(chunk.readings, "<f8").tolist() == [1.5, 2.5]
    assert numpy.frombuffer(chunk.seconds, "<f8").tolist() == [0.0, 0.1]


def test_chunks_are_numbered_and_empty_ones_skipped() -> None:
    """Each chunk has the next number; without points there is none."""
    buffer = filled(1.0)
    first, nothing = buffer.take_chunk(), buffer.take_chunk()
    buffer.append(5, 2.0, 0.5)
    second = buffer.take_chunk()
    assert first is not None
    assert second is not None
    assert (first.number, nothing, second.number) == (0, None, 1)


def test_summary_over_chunks() -> None:
    """Last, min, max and count are of all chunks together."""
    buffer = filled(3.0, 1.0)
    buffer.take_chunk()
    buffer.append(2, 2.0, 0.2)
    buffer.take_chunk()
    assert buffer.summary() == {"last": 2.0, "min": 1.0, "max": 3.0, "count": 3}


def test_put_back() -> None:
    """A chunk that could not be written comes again, in front of what was logged since."""
    buffer = filled(3.0, 1.0)
    chunk = buffer.take_chunk()
    assert chunk is not None
    buffer.append(2, 2.0, 0.2)
    buffer.put_back(chunk)
    again = buffer.take_chunk()
    assert again is not None
    assert numpy.frombuffer(again.readings).tolist() == [3.0, 1.0, 2.0]
    assert again.number == 0
    assert buffer.summary() == {"last": 2.0, "min": 1.0, "max": 3.0, "count": 3}


@pytest.mark.parametrize(
    ("readings", "least", "most"),
    [
        ((math.nan, 2.0, 1.0), 1.0, 2.0),
        ((math.inf, -math.inf, 1.0), -math.inf, math.inf),
        ((5.0, math.nan), 5.0, 5.0),
    ],
)
def test_summary_ignores_nan(readings: tuple[float, ...], least: float, most: float) -> None:
    """Min and max are of what is a number; infinities are."""
    buffer = filled(*readings)
    buffer.take_chunk()
    assert (buffer.summary()["min"], buffer.summary()["max"]) == (least, most)


def test_summary_of_nothing_but_nan() -> None:
    """Min and max of no number are NaN, not an error."""
    buffer = filled(math.nan)
    buffer.take_chunk()
    assert all(math.isnan(buffer.summary()[name]) for name in ("last", "min", "max"))


@pytest.mark.parametrize(
    "reading", [1, True, numpy.float32(1), numpy.int64(1), numpy.array(1.0), Fraction(1)]
)
def test_numbers_of_all_kinds(reading: float) -> None:
    """Whatever is a number can be logged."""
    assert filled(reading).readings.tolist() == [1.0]


@pytest.mark.parametrize(
    ("step", "reading"), [(1.5, 1.0), (2**63, 1.0), ("1", 1.0), (1, "x"), (1, None), (1, 1j)]
)
def test_impossible_points_leave_nothing(step: object, reading: object) -> None:
    """A point that cannot be stored raises and leaves the arrays of equal length."""
    buffer = filled(1.0)
    with pytest.raises((TypeError, ValueError, OverflowError)):
        buffer.append(step, reading, 0.0)
    assert len(buffer.steps) == len(buffer.readings) == len(buffer.seconds) == 1
