"""Creating series on both databases: each experiment once, growing and shrinking files, two at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from database.models import Experiment, ExperimentSeries, ExperimentStatus, SeriesState
from database.session.lifecycle import SessionLocal, close_global_session, get_session, scoped_session
from experiments import creation
from experiments.creation import Created, OtherTargetError, check_target, create_series
from experiments.expansion import seed_for
from experiments.parameters import canonical, key
from experiments.series_file.loading import load_series_file
from experiments.series_file.models import SeriesFile
from experiments.series_file.reading.errors import SeriesFileError
from tests.integration.databases import on_sqlite
from tests.integration.experiments.creating import Write, create, rows, series_row


def test_what_is_written(database_url: str, write: Write, folder: Path) -> None:
    """Series, configurations and experiments have every column as described."""
    path = write(
        "description: d é\ntags: [t]\nfixed: {m: {w: 1}}\ngrid: {lr: [0.1, 1e-7]}\nrepeat: {seeds: 2}"
    )
    created = create(path)
    assert (created.name, created.new, created.existing, created.retired) == ("s", 4, 0, 0)
    with scoped_session(read_only=True) as session:
        series = session.get_one(ExperimentSeries, created.series_id)
        assert (series.description, series.tags, series.target) == ("d é", ["t"], f"{folder}/train.py:main")
        assert (series.source, series.source_path) == (path.read_text(encoding="utf-8"), str(folder))
        assert (series.state, series.revision) == (SeriesState.READY, 1)
        assert SeriesFile.recorded(series.resolved) == load_series_file(path).file
        parameters = [{"lr": 0.1, "m": {"w": 1}}, {"lr": 1e-7, "m": {"w": 1}}]
        assert [(c.position, c.parameters, c.key, c.revision, c.block) for c in series.configurations] == [
            (position, found, key(canonical(found)), 1, None) for position, found in enumerate(parameters)
        ]
        assert [
            (e.position, e.repetition, e.configuration.position, e.seed, e.status, e.priority, e.retired)
            for e in series.experiments
        ] == [
            (position, position // 2, position % 2, seed_for(position // 2), "pending", 0, False)
            for position in range(4)
        ]
        assert {(e.attempt_number, e.worker_id, e.results) for e in series.experiments} == {(0, None, None)}


def test_another_spelling_adds_nothing(database_url: str, write: Write) -> None:
    """Short forms describe the same experiments as long ones: nothing is expanded, only the text is new."""
    first = create(write("grid: {lr: [1, 2]}\nrepeat: {seeds: 3}"))
    resolved = series_row().resolved
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(creation, "expand")
        again = create(write("grid: {lr: [1, 2]}\nrepeat: 3"))
    assert again == Created(first.series_id, "s", new=0, existing=6, retired=0)
    assert series_row().resolved == resolved


def test_creating_twice_adds_nothing(database_url: str, write: Write) -> None:
    """An unchanged file is recognised, and its configurations are not even expanded."""
    path = write("grid: {lr: [1, 2]}\nrepeat: {seeds: 3}")
    first = create(path)
    version = series_row().version
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(creation, "expand")
        assert create(path) == Created(first.series_id, "s", new=0, existing=6, retired=0)
    assert series_row().version == version


def test_what_takes_time_is_told(database_url: str, write: Write) -> None:
    """The check of the target and the creation are told while they last, in this order."""
    told: list[str] = []

    @contextmanager
    def tell(text: str) -> Iterator[None]:
        told.append(f"begin {text}")
        yield
        told.append(f"end {text}")

    path = write("grid: {lr: [1]}\nrepeat: {seeds: 1234}")
    with scoped_session() as session:
        create_series(session, path, tell)
    steps = ("checking train.py", "creating 1,234 experiments")
    assert told == [f"{moment} {text}" for text in steps for moment in ("begin", "end")]


def test_what_decides_no_experiment_may_change_freely(database_url: str, write: Write) -> None:
    """Description, tags, metrics, graphs and execute are refreshed without a new revision."""
    create(write("grid: {lr: [1]}"))
    with scoped_session() as session:  # as a version recorded it that shared the cores
        old = session.scalars(select(ExperimentSeries)).one()
        old.resolved = {**old.resolved, "execute": {**old.resolved["execute"], "threads": "auto"}}
    path = write(
        "grid: {lr: [1]}\ndescription: new\ntags: [x]\nexecute: {timeout: 2h}\ngraphs: [{y: a, x: lr}]"
    )
    assert create(path).existing == 1
    series = series_row()
    assert (series.description, series.tags, series.revision) == ("new", ["x"], 1)
    assert series.source == path.read_text(encoding="utf-8")
    resolved = SeriesFile.recorded(series.resolved)
    assert (resolved.execute.timeout, resolved.execute.threads, resolved.graphs[0].y) == (7200.0, 1, "a")


def test_a_series_grows(database_url: str, write: Write) -> None:
    """New values and repetitions are added; those that were there stay, and the order is the new file's."""
    create(write("grid: {lr: [1, 3]}\nrepeat: {seeds: 1}"))
    with scoped_session() as session:
        done = session.scalars(select(Experiment).where(Experiment.position == 1)).one()
        done.status, done.results = ExperimentStatus.COMPLETED, {"accuracy": 0.5}
        done_id = done.id
    created = create(write("grid: {lr: [1, 2, 3]}\nrepeat: {seeds: 2}"))
    assert (created.new, created.existing, created.retired) == (4, 2, 0)
    expected = [({"lr": lr}, repetition) for repetition in (0, 1) for lr in (1, 2, 3)]
    assert [row[:2] for row in rows() if row[0] != {"lr": 3}] == [
        row for row in expected if row[0] != {"lr": 3}
    ]
    with scoped_session(read_only=True) as session:
        done = session.get_one(Experiment, done_id)
        assert (done.status, done.results, done.position) == ("completed", {"accuracy": 0.5}, 1)
        pending = session.scalars(select(Experiment).where(Experiment.status == "pending"))
        assert sorted(experiment.position for experiment in pending) == [0, 1, 3, 4, 5]


def test_what_a_file_no_longer_names_is_retired_and_taken_back(database_url: str, write: Write) -> None:
    """Configurations and repetitions that left the file are kept, reported, and come back unchanged."""
    whole, part = "grid: {lr: [1, 2]}\nrepeat: {seeds: 3}", "grid: {lr: [2]}\nrepeat: {seeds: 2}"
    create(write(whole))
    with scoped_session(read_only=True) as session:
        before = [
            (e.id, e.seed, e.position) for e in session.scalars(select(Experiment).order_by(Experiment.id))
        ]
    created = create(write(part))
    assert (created.new, created.existing, created.retired) == (0, 2, 4)
    assert rows() == [({"lr": 2}, 0, 0), ({"lr": 2}, 1, 1)]
    assert len(rows(retired=True)) == 4
    assert create(write(part)).retired == 4
    created = create(write(whole))
    assert (created.new, created.existing, created.retired) == (0, 6, 0)
    with scoped_session(read_only=True) as session:
        after = [
            (e.id, e.seed, e.position) for e in session.scalars(select(Experiment).order_by(Experiment.id))
        ]
    assert after == before


def test_experiments_that_were_deleted_are_created_again(database_url: str, write: Write) -> None:
    """An unchanged file whose rows are no longer all there is completed."""
    path = write("grid: {lr: [1, 2]}\nrepeat: {seeds: 2}")
    create(path)
    with scoped_session() as session:
        session.delete(session.scalars(select(Experiment).where(Experiment.position == 3)).one())
    created = create(path)
    assert (created.new, created.existing) == (1, 3)


def test_types_of_values_make_different_experiments(database_url: str, write: Write) -> None:
    """1, 1.0, true, "1" and null are five configurations and are read back with their types."""
    create(write('grid: {lr: [1, 1.0, true, "1", null, [1, {a: 2}], {"$x": 1, "$float": "nan"}]}'))
    expected = [1, 1.0, True, "1", None, [1, {"a": 2}], {"$float": "nan", "$x": 1}]
    assert [repr(row[0]["lr"]) for row in rows()] == [repr(value) for value in expected]


@pytest.mark.parametrize(
    "name", ["x'); DROP TABLE experiment;--", '"', "%s", ":p", "😀", "a" * 10_000, "$x", "{0}"]
)
def test_names_of_parameters_are_data(database_url: str, write: Write, folder: Path, name: str) -> None:
    """No name of a parameter is ever read as SQL, as a placeholder or as a format."""
    source = {"name": "s", "run": {"function": str(folder / "train.py:other")}, "grid": {name: ["'; --", 1]}}
    assert create(source).new == 2
    assert [row[0] for row in rows()] == [{name: "'; --"}, {name: 1}]


@on_sqlite
def test_another_target_under_the_same_name_is_refused(database_url: str, write: Write, folder: Path) -> None:
    """Both targets are named, and nothing changes."""
    create(write("grid: {lr: [1]}"))
    path = write("grid: {lr: [1, 2]}", function="train.py:other")
    with pytest.raises(OtherTargetError) as caught:
        create(path)
    assert str(caught.value) == (
        f"series s exists and runs {folder}/train.py:main, but {path} runs {folder}/train.py:other; "
        "results of two functions must not mix. Choose another name, rename the old series "
        "(`experiments edit s --name NAME`), or delete it"
    )
    assert len(rows()) == 1


@on_sqlite
def test_a_project_that_moved_keeps_its_series(database_url: str, write: Write, folder: Path) -> None:
    """The same file at the same place in a moved project is the same target; a copy is another one."""
    path = write("grid: {lr: [1]}")
    create(path)
    moved = folder.with_name("anderswo ü")
    folder.rename(moved)
    assert create(moved / path.name).existing == 1
    assert series_row().target == f"{moved}/train.py:main"
    shutil.copytree(moved, folder)
    with pytest.raises(OtherTargetError):
        create(path)


@on_sqlite
def test_a_target_that_does_not_fit_is_refused_before_anything_is_written(
    database_url: str, write: Write
) -> None:
    """Parameters the function does not take, and arguments not given, are told with their lines."""
    path = write("fixed: {model.depth: 1}\ngrid:\n  lerning_rate: [1]", function="train.py:strict")
    function = f"the function ({path.with_name('train.py')}:3)"
    hint = "did you mean 'learning_rate'? it takes: learning_rate, depth, model"
    with pytest.raises(SeriesFileError) as caught:
        create(path)
    assert str(caught.value).splitlines() == [
        f"{path}:2: run.function: {function} needs 'learning_rate', 'depth', which the series does not give",
        f"{path}:5: grid.lerning_rate: {function} does not take 'lerning_rate'; {hint}",
    ]
    with pytest.raises(
        SeriesFileError, match=r"s\.yaml:2: run\.function: .* has no function 'mian'; did you mean"
    ):
        create(write("", function="train.py:mian"))
    with scoped_session(read_only=True) as session:
        assert session.scalars(select(ExperimentSeries)).all() == []


@on_sqlite
def test_a_source_is_a_path_a_mapping_or_a_loaded_file(database_url: str, write: Write, folder: Path) -> None:
    """All three create the same experiments; a mapping has no source text."""
    path = write("grid: {lr: [1]}")
    loaded = load_series_file(path)
    assert str(check_target(loaded)) == f"{folder}/train.py:main"
    assert create(loaded).new == 1
    assert create(str(path)).existing == 1
    mapping = {"name": "s", "run": {"function": f"{folder}/train.py:main"}, "grid": {"lr": [1]}}
    assert create(mapping).existing == 1
    assert series_row().source is None


def test_the_global_session_and_a_plain_one_create_too(database_url: str, write: Write) -> None:
    """Whoever owns the session commits it."""
    session = get_session()
    try:
        assert create_series(session, write("grid: {lr: [1]}")).new == 1
        session.rollback()
        assert create_series(session, write("grid: {lr: [1]}")).new == 1
        session.commit()
    finally:
        close_global_session()
    with SessionLocal() as plain:
        assert create_series(plain, write("grid: {lr: [1, 2]}")).new == 1
        plain.commit()
    assert len(rows()) == 2


def test_a_failure_leaves_nothing_even_when_it_is_caught(database_url: str, write: Write) -> None:
    """A small series is written as a whole or not at all, also inside a scope that goes on."""

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise OSError("no space left")

    create(write("grid: {lr: [1, 2]}"))
    with scoped_session() as session:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(creation.statements, "sync_experiments", fail)
            with pytest.raises(OSError, match="no space"):
                create_series(session, write("grid: {lr: [2, 3]}\nrepeat: {seeds: 2}"))
        create_series(session, write("", name="next", file="next.yaml"))
    with scoped_session(read_only=True) as session:
        series = session.scalars(select(ExperimentSeries).where(ExperimentSeries.name == "s")).one()
        assert (series.revision, series.state, len(series.configurations)) == (1, SeriesState.READY, 2)
        assert session.scalars(select(ExperimentSeries.name).order_by(ExperimentSeries.name)).all() == [
            "next",
            "s",
        ]
