"""What `list` shows: series, experiments, chosen columns, on both databases."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update

from database.models import Experiment, ExperimentSeries
from database.session.lifecycle import SessionLocal
from tests.integration.databases import on_sqlite
from tests.integration.meta.commanding import Commands, filled
from tests.integration.recording import add_series, add_worker, completed, raised, record


def test_list(commands: Commands) -> None:
    """Without a series, `list` names them with their counts."""
    filled()
    lines = commands("list").splitlines()
    assert lines[0].split() == ["series", "experiments", "completed", "created", "description"]
    assert lines[1].split()[:3] == ["first", "6", "1"]
    [one] = commands.json("list")
    assert sorted(one) == [
        "completed",
        "created_at",
        "description",
        "experiments",
        "priority",
        "series",
        "tags",
        "target",
    ]


def test_list_experiments(commands: Commands) -> None:
    """With a series, `list` shows its experiments; --status and --limit choose."""
    _, ids = filled()
    out = commands("list", "first")
    assert re.search(
        rf"^ *{ids[0]}  completed +0 +1 +1 s  lr=0.1 model.depth=2 +accuracy=nan note==1\+1$", out, re.M
    )
    assert "failed (timed_out)" in out
    assert len(commands("list", "first", "--status", "failed").splitlines()) == 4
    commands("list", "first", "--limit", "2")
    assert "there are more than 2; --limit shows more" in commands.err
    rows = commands.json("list", "first")
    assert [row["status"] for row in rows] == [
        "completed",
        "failed",
        "pending",
        "failed",
        "failed",
        "pending",
    ]
    assert rows[0]["results"] == {"accuracy": {"$float": "nan"}, "note": "=1+1"}
    commands("list", "--status", "failed", code=2)
    assert "--status needs a SERIES" in commands.err


@on_sqlite
def test_one_line_per_experiment(commands: Commands) -> None:
    """A line has the parameters that vary and the results that fit it, and says what is retired."""
    with SessionLocal() as session:
        models = [{"lr": 0.1, "model": {"name": "a", "depth": depth}} for depth in range(3)]
        series_id = add_series(session, "first", models, repetitions=1)
        resolved = {"fixed": {"lr": 0.1, "model": {"name": "a"}}}
        session.execute(update(ExperimentSeries).values(resolved=resolved))
        record(session, add_worker(session), series_id, [completed(y=1, curve=[1, 2]), raised()])
        session.execute(update(Experiment).values(retired=True))
        session.commit()
    first, second, third = commands("list", "first").splitlines()[1:]
    assert re.fullmatch(r" *\d+  completed \(retired\) +0 +1 +1 s  model.depth=0 +y=1", first)
    assert re.fullmatch(r" *\d+  failed \(error\) +0 +1 +1 s  model.depth=1", second.rstrip())
    assert re.fullmatch(r" *\d+  pending \(retired\) +0 +0 +-  model.depth=2", third.rstrip())


def test_list_as_json_is_complete(commands: Commands) -> None:
    """Data are not cut short unless --limit says so; text shows 50 and says that there are more."""
    with SessionLocal() as session:
        add_series(session, "first", [{"lr": 1}], repetitions=60)
    assert len(commands.json("list", "first")) == 60
    assert len(commands.json("list", "first", "--limit", "7")) == 7
    assert len(commands("list", "first").splitlines()) == 51
    assert "there are more than 50; --limit shows more" in commands.err
    assert len(commands("list", "first", "--limit", "60").splitlines()) == 61
    assert commands.err == ""


@on_sqlite
def test_results_have_their_dots(commands: Commands) -> None:
    """Nested results are shown by their names, and the last value of metrics that hide no result."""
    with SessionLocal() as session:
        series_id = add_series(session, "first", [{"lr": 0.1}], repetitions=1)
        summary = {"last": 0.5, "min": 0.25, "max": 1.0, "count": 9}
        results = {
            "test": {"f1": 0.75, "by class": {"cat": 1}, "curve": [1, 2]},
            "loss": 0.5,
            "metrics": {"loss": summary, "val/loss": summary},
        }
        record(session, add_worker(session), series_id, [completed(**results)])
    shown = "test.f1=0.75 test.by class.cat=1 loss=0.5 metrics.val/loss.last=0.5"
    assert commands("list", "first").rstrip().endswith(f"  {shown[:59]}…")
    head, line = commands("list", "first", "--columns", "test,metrics.loss,metrics").splitlines()
    assert head.split("  ")[:3] == ["test.f1", 'test["by class"].cat', "test.curve"]
    assert line.split()[:4] == ["0.75", "1", "[1,", "2]"]
    assert 'metrics["val/loss"].count' in head


def test_columns(commands: Commands) -> None:
    """`--columns` takes the names of expressions, and times, also of what an experiment does not have."""
    _, ids = filled()
    with SessionLocal() as session:
        session.execute(update(ExperimentSeries).values(resolved={"grid": {"lr": [0.1], "model.depth": [2]}}))
        session.commit()
    names = "id, status,outcome,lr,parameters.model,accuracy , seed,started_at,experiment.duration_s"
    head, first, second, *_ = commands("list", "first", "--columns", names).splitlines()
    assert head.split() == names.replace(",", " ").replace("model", "model.depth").split()
    assert re.fullmatch(rf" *{ids[0]}  completed  completed +0.1 +2 +nan +100  \d{{4}}-.* UTC +1", first)
    assert re.fullmatch(r" *\d+  failed +error +0.1 +2 +- +101  .*", second)
    [row] = commands.json("list", "first", "--columns", "lr,results.accuracy,model", "--limit", "1")
    assert row == {"lr": 0.1, "results.accuracy": {"$float": "nan"}, "model": {"depth": 2}}
    assert len(commands("list", "first", "--columns", "id", "--status", "failed").splitlines()) == 4
    assert commands("list", "first", "--columns", "parameters").split()[:2] == [
        "parameters.lr",
        "parameters.model.depth",
    ]


@on_sqlite
@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            "id,acuracy",
            "there is nothing named acuracy; did you mean 'accuracy'? names: lr, model.depth, accuracy",
        ),
        ("started", "did you mean 'started_at'?"),
        ("id,seed * 2", "this is no name; names are separated by commas\n    id,seed * 2\n       ^"),
        ("id,,lr", "^"),
        (" ", "there is no name"),
        ("lambda", 'parameters["lambda"]'),
    ],
)
def test_wrong_columns(commands: Commands, columns: str, told: str) -> None:
    """A wrong name is told with those there are, the nearest first; it needs a series."""
    filled()
    commands("list", "first", "--columns", columns, code=2)
    assert told in commands.err
    commands("list", "--columns", columns, code=2)
    assert "--columns needs a SERIES" in commands.err
