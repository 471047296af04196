"""Warning that a disk is almost full."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments.supervisor import disk_space
from experiments.supervisor.disk_space import DiskSpaceMonitor


def test_warned_once_and_when_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An almost full disk is warned about once, and so is its end; a folder that is gone is not."""
    left = [10**9, 10**9, 0, 2**20, 2**20, 10**9]

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=left.pop()))
    monkeypatch.setattr(disk_space, "LOW_BYTES", 2**21)
    monitor = DiskSpaceMonitor(tmp_path)
    warnings = []
    while left:
        monitor.check()
        warnings.append(len(caplog.records))
    assert warnings == [0, 1, 1, 1, 2, 2]
    assert f"the disk of {tmp_path} has 1 MiB left" in caplog.text
    monkeypatch.undo()
    monkeypatch.setattr(disk_space, "LOW_BYTES", 2**62)
    DiskSpaceMonitor(tmp_path / "nicht da").check()
    assert len(caplog.records) == 2
    DiskSpaceMonitor(tmp_path).check()
    assert len(caplog.records) == 3
