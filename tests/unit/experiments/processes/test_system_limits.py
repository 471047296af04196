"""Limits of the system: which one an error comes from, and what a run needs."""

from __future__ import annotations

import errno
import resource

import pytest

from experiments.processes.system_limits import SystemLimitError, check_open_files, limit_reached


def limits(monkeypatch: pytest.MonkeyPatch, value: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (value, value))


def test_more_workers_than_open_files_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run with too many workers is told the limit, its value, what is needed, and what to do."""
    limits(monkeypatch, 64)
    check_open_files(8)
    with pytest.raises(SystemLimitError) as caught:
        check_open_files(30)
    assert str(caught.value) == (
        "30 workers need up to 174 open files, and this process may have 64 (ulimit -n); "
        "raise the limit with `ulimit -n 174`, or run with --workers 8"
    )
    limits(monkeypatch, 20)
    with pytest.raises(SystemLimitError, match=r"^1 worker needs .* with `ulimit -n 29`$"):
        check_open_files(1)
    limits(monkeypatch, resource.RLIM_INFINITY)
    check_open_files(4096)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.EMFILE, "Too many open files", "a"), "it may have 2048 (ulimit -n)"),
        (BlockingIOError(errno.EAGAIN, "no"), "this user may have 2048 (ulimit -u;"),
        (RuntimeError("can't start new thread"), "this user may have 2048 (ulimit -u;"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "this process may have 2 KiB (ulimit -v)"),
        (MemoryError(), "this process may have 2 KiB (ulimit -v)"),
        (ImportError("a.so: failed to map segment from shared object"), "not enough memory"),
    ],
)
def test_an_error_of_reaching_a_limit(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, told: str
) -> None:
    """An error that comes from a limit names the limit, its value, and what to do."""
    limits(monkeypatch, 2048)
    reached = limit_reached(error) or ""
    assert told in reached
    assert "raise the limit" in reached


def test_other_errors_come_from_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other errors of these types are told as they are; a limit may be unlimited."""
    for error in (OSError(errno.ENOENT, "no"), RuntimeError("no"), ImportError("no"), ValueError("no")):
        assert limit_reached(error) is None
    limits(monkeypatch, resource.RLIM_INFINITY)
    assert "may have unlimited KiB" in (limit_reached(MemoryError()) or "")
