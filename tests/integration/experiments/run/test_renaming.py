"""A renamed series keeps its folder; its old name is free for another one, with a folder of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database.models import ExperimentSeries
from database.series.editing import NameTakenError, SeriesEdit, edit_series
from database.session.lifecycle import SessionLocal, scoped_session
from experiments import creation
from experiments.creation import Created, create_series

Create = Callable[..., Created]


@pytest.fixture
def create(database_url: str, tmp_path: Path) -> Create:
    """Return a function that creates a series of a name from a file."""
    (tmp_path / "train é.py").write_text("def main(lr): return {}\n")

    def create(name: str, *, rates: int = 2) -> Created:
        path = tmp_path / f"{name}.yaml"
        rows = f"name: {name}\nrun: {{function: 'train é.py:main'}}\ngrid: {{lr: {list(range(rates))}}}\n"
        path.write_text(rows)
        with scoped_session() as session:
            return create_series(session, path)

    return create


def rename(series_id: int, name: str) -> None:
    with scoped_session() as session:
        edit_series(session, series_id, SeriesEdit(name=name))


def folders() -> dict[str, str]:
    with scoped_session(read_only=True) as session:
        found = session.execute(select(ExperimentSeries.name, ExperimentSeries.folder))
        return {row.name: row.folder for row in found}


def test_folder_is_the_name(create: Create) -> None:
    """Nothing of the folder is seen where nothing was renamed."""
    create("s")
    create("t")
    assert folders() == {"s": "s", "t": "t"}


def test_old_name_is_free(create: Create) -> None:
    """A new series of an old name is another one: its folder is the first that is free."""
    first = create("s")
    rename(first.series_id, "old")
    second = create("s")
    assert (second.new, second.existing) == (2, 0)
    assert folders() == {"old": "s", "s": "s-2"}
    assert create("s-2").new == 2
    rename(second.series_id, "older")
    create("s")
    assert folders() == {"old": "s", "older": "s-2", "s-2": "s-2-2", "s": "s-3"}


def test_file_with_the_new_name_goes_on(create: Create) -> None:
    """The file, its name changed, extends the renamed series; folder and target are as they were."""
    first = create("s")
    with scoped_session(read_only=True) as session:
        target = session.get_one(ExperimentSeries, first.series_id).target
    rename(first.series_id, "study")
    again = create("study", rates=3)
    assert (again.series_id, again.new, again.existing) == (first.series_id, 1, 2)
    assert folders() == {"study": "s"}
    with scoped_session(read_only=True) as session:
        assert session.get_one(ExperimentSeries, first.series_id).target == target


def test_renamed_while_it_is_created(create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    """A creation in several batches goes on under the new name, also when the old one was taken at once."""
    monkeypatch.setattr(creation, "BATCH_ROWS", 4)
    commit, others = creation.commit_part, []

    def commit_and_rename(session: Session) -> None:
        commit(session)
        if not others:
            with SessionLocal() as other:
                [one] = other.scalars(select(ExperimentSeries.id))
                edit_series(other, one, SeriesEdit(name="study"))
                other.add(ExperimentSeries(name="s", folder="s-2", revision=1, resolved={}, target="a:b"))
                other.commit()
            others.append(one)

    monkeypatch.setattr(creation, "commit_part", commit_and_rename)
    created = create("s", rates=10)
    assert (created.series_id, created.name, created.new) == (others[0], "study", 10)
    with SessionLocal() as session:
        counts = {one.name: len(one.experiments) for one in session.scalars(select(ExperimentSeries))}
    assert counts == {"study": 10, "s": 0}


def test_folder_that_is_taken_in_this_moment(create: Create) -> None:
    """Two new series may want one folder at the same time: each gets its own."""
    rename(create("s").series_id, "old")
    answers: list[Created] = []
    other = threading.Thread(target=lambda: answers.append(create("s")))
    with SessionLocal() as session:
        session.add(ExperimentSeries(name="s-2", resolved={}, target="a:b"))
        session.flush()
        other.start()
        session.commit()
    other.join(60)
    assert answers[0].new == 2
    assert folders() == {"old": "s", "s-2": "s-2", "s": "s-3"}


def test_name_that_is_taken_in_this_moment(create: Create) -> None:
    """Of two users who give two series one name at the same time, the second gets an error."""
    first, second = create("a").series_id, create("b").series_id
    told = "series.* cannot be called best: there is another series best; "
    with pytest.raises(NameTakenError, match=told) as caught, scoped_session() as session:

        def be_faster(*_: object) -> None:  # after it was looked whether the name is free
            with SessionLocal() as other:
                edit_series(other, first, SeriesEdit(name="best"))
                other.commit()

        event.listen(session, "before_flush", be_faster, once=True)
        edit_series(session, second, SeriesEdit(name="best"))
    assert isinstance(caught.value, IntegrityError)
    assert folders() == {"best": "a", "b": "b"}
