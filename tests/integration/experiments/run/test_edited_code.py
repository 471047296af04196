"""Files that are edited during a run: attempts record what they ran, in every way of running."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from database.code_sets import code_sets
from database.models import Attempt, Code, Configuration, Experiment
from database.session.lifecycle import SessionLocal
from experiments.run.other_code import OtherCodeError
from experiments.run_experiments import RunOptions, run_series
from experiments.target.source_file import parse_source

OLD, NEW = "NAME = 'old'\n", "NAME = 'new, and longer'\n"
#: Experiment 1 edits two files, one of which is loaded already; 2 loads the other and dies; 3 comes after it.
TARGET = """
import os, pathlib, signal
import loaded
HERE = pathlib.Path(__file__).parent

def main(x, ending):
    if x == 1:
        for name in ("loaded.py", "later.py"):
            (HERE / name).write_text(NEW)
        return {"loaded": loaded.NAME}
    import later
    if x == 2 and ending == "raise":
        raise ValueError
    if x == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"loaded": loaded.NAME, "later": later.NAME}
"""
THREAD = "import threading, time\nthreading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()\n"


@pytest.fixture(autouse=True)
def _own_modules(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what a serial run has imported in this process."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in ("train", "loaded", "later"):
        sys.modules.pop(name, None)


def project(folder: Path, target: str = TARGET) -> None:
    (folder / "train.py").write_text(f"NEW = {NEW!r}\n{target}")
    for name in ("loaded", "later"):
        (folder / f"{name}.py").write_text(OLD)


def series(ending: str, **execute: Any) -> dict[str, Any]:
    return {
        "name": "s",
        "run": {"function": "train.py:main"},
        "fixed": {"ending": ending},
        "grid": {"x": [1, 2, 3]},
        "execute": {"retries": {"crashed": 0}, **execute},
    }


def ran() -> dict[int, tuple[str, str]]:
    """Return, by experiment, the versions of the two files that its attempt recorded."""
    names = {parse_source(text.encode()).digest: name for text, name in ((OLD, "old"), (NEW, "new"))}
    with SessionLocal() as session:
        rows = session.execute(
            select(Configuration.parameters, Code.files)
            .join_from(Attempt, Experiment)
            .join(Configuration)
            .join(Code, Code.id == Attempt.code)
        ).all()
    return {
        row.parameters["x"]: (names[row.files["loaded.py"]], names[row.files["later.py"]]) for row in rows
    }


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize(
    ("way", "third"),
    [
        ("pool", ("new", "new")),  # another worker took over, which has loaded all anew
        ("fork", ("old", "new")),
        ("spawn", ("new", "new")),
        ("serial", ("old", "new")),
    ],
)
def test_attempts_record_what_they_ran(
    folder: Path, way: str, third: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """What was in memory counts, also of an attempt whose process dies; what was edited is said once."""
    project(folder, THREAD + TARGET if way == "spawn" else TARGET)
    isolation = "process" if way in {"fork", "spawn"} else "pool"
    options = RunOptions(workers=0 if way == "serial" else 1, results_directory=folder / "results")
    run_series(series("raise" if way == "serial" else "die", isolation=isolation), options)
    second = "new" if way == "spawn" else "old"
    assert ran() == {1: ("old", "old"), 2: (second, "new"), 3: third}
    edits = [message for message in caplog.messages if "edited during this run" in message]
    said = [name for edit in edits for name in ("later.py", "loaded.py") if name in edit]
    assert said == ["later.py", "loaded.py"][: 1 + (third[0] == "new")]


@pytest.mark.usefixtures("database_url")
def test_before_a_run(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Completed experiments that ran other code are said, refused, ignored or accepted; unknown ones not."""
    target = "import loaded\ndef main(x, ending):\n    return {'y': x}\n"
    project(folder, target)
    options = RunOptions(workers=0, results_directory=folder / "results")

    def said(code: str, *, accept: bool = False) -> list[str]:
        caplog.clear()
        run_series(series("", code=code), RunOptions(**{**vars(options), "accept_code": accept}))
        return [message for message in caplog.messages if "other code" in message]

    assert said("refuse") == []
    (folder / "loaded.py").write_text(f"# a comment\n{OLD}")
    assert said("refuse") == []
    (folder / "loaded.py").write_text(NEW)
    [warning] = said("warn")
    assert "3 of 3 completed experiments ran other code: loaded.py differs" in warning
    assert "experiments retry s --status completed --where 'experiment.code != \"current\"'" in warning
    assert said("ignore") == []
    with pytest.raises(OtherCodeError, match=r"Nothing was run") as refused:
        said("refuse")
    assert refused.value.exit_code == 2
    with SessionLocal() as session:
        for attempt in session.scalars(select(Attempt)).all()[:2]:
            attempt.code = None
        session.commit()
    [warning] = said("warn")
    assert "1 of 3 completed experiments ran other code (of 2 it is unknown)" in warning
    assert said("warn", accept=True) == []
    assert said("refuse") == []
    with SessionLocal() as session:
        known = code_sets(session, session.scalars(select(Experiment.series_id)).first() or 0)
    assert len(known.sets) == 2
    assert all(one.accepted_by for one in known.sets)
    (folder / "loaded.py").write_text("NAME = 'third'\n")
    assert len(said("warn")) == 1
