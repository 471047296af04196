"""Warning that a disk is almost full, or that the results folder is gone."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments.supervisor import results_folder_monitor
from experiments.supervisor.results_folder_monitor import ResultsFolderMonitor


def test_warned_once_and_when_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An almost full disk is warned about once, and so is its end; a folder that is not made yet is not."""
    left = [10**9, 10**9, 0, 2**20, 2**20, 10**9]

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=left.pop()))
    monkeypatch.setattr(results_folder_monitor, "LOW_BYTES", 2**21)
    monitor = ResultsFolderMonitor(tmp_path)
    warnings = []
    while left:
        monitor.check(tmp_path)
        warnings.append(len(caplog.records))
    assert warnings == [0, 1, 1, 1, 2, 2]
    assert f"the disk of {tmp_path} has 1 MiB left" in caplog.text
    monkeypatch.undo()
    monkeypatch.setattr(results_folder_monitor, "LOW_BYTES", 2**62)
    ResultsFolderMonitor(tmp_path).check(tmp_path / "nicht da")
    assert len(caplog.records) == 2
    ResultsFolderMonitor(tmp_path).check(tmp_path)
    assert len(caplog.records) == 3


def test_deleted_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder that is deleted meanwhile is named once, with what is lost."""
    folder = tmp_path / "Ergebnisse é"
    parts = [folder / name for name in ("first", "second")]
    monitor = ResultsFolderMonitor(folder)
    for part in parts:  # a runner that registers again has another one
        monitor.check(part)
        part.mkdir(parents=True)
        monitor.check(part)
    assert not caplog.records
    shutil.rmtree(folder)
    folder.mkdir()  # as for the next log
    for _ in range(2):
        monitor.check(part)
    [record] = caplog.records
    assert f"the results folder {folder} was deleted: results are still recorded" in record.getMessage()
