"""Which figures are drawn in processes of their own, and how they are handed over."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import replace

import numpy as np
import pytest

from meta.graphs.generation.process_pool import DrawingPool, SharedFile
from meta.records.series_records import SeriesRecords
from tests.figures import CURVE, LINE, lines_and_curves, make_task
from tests.made_up_records import MakeRecords


@pytest.fixture
def records(make_records: MakeRecords) -> SeriesRecords:
    return lines_and_curves(make_records)


def test_daemons_draw_themselves(records, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of a user's pool, which may start no processes, draws without any."""
    small = [make_task(LINE, records)]
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)  # type: ignore[attr-defined]
    assert not DrawingPool(workers=2)._has_use_for_processes(small * 40)


def test_small_figures_need_no_processes(records) -> None:
    """For one or two small figures nothing is started; for many it is."""
    small = [make_task(LINE, records)]
    with DrawingPool(workers=2) as pool:
        assert not pool._has_use_for_processes(small * 2)
        assert pool._has_use_for_processes(small * 40)
        assert not DrawingPool(workers=1)._has_use_for_processes(small * 40)


def test_arrays_are_handed_over_once(records) -> None:
    """Figures of the same arrays share them in the file, which has no name and is emptied for the next."""
    task = make_task(CURVE, records)
    file = SharedFile.without_name()
    file.put(task)
    size = os.fstat(file._descriptor).st_size
    second = file.put(replace(task, name="other"))
    readings = sum(curve.readings.nbytes for curve in records.curves["loss"].values())
    assert os.fstat(file._descriptor).st_size - size < readings
    found = file.get(second)
    assert found.name == "other"
    for number, curve in records.curves["loss"].items():
        np.testing.assert_array_equal(found.extract.curves["loss"][number].readings, curve.readings)
    assert os.fstat(file._descriptor).st_nlink == 0
    file.clear()
    assert os.fstat(file._descriptor).st_size == 0
    assert file.get(file.put(task)).spec == task.spec
    file.close()
