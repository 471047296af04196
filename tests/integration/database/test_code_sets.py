"""The sets of code of a series: recorded once, compared by file, accepted; on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from database.code_names import code_digest
from database.code_sets import accept_code_sets, code_sets, completed_by_code, record_code_set
from database.expressions import ExpressionError, parse
from database.expressions.recorded import RecordedNames
from database.models import Code, Experiment
from database.session.lifecycle import SessionLocal
from tests.integration.recording import add_series, add_worker, completed, record

FIRST = {"train.py": "a", "helper.py": "h"}
EDITED = {"train.py": "b", "helper.py": "h"}
WITHOUT_HELPER = {"train.py": "a"}


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def test_a_set_is_stored_once(session: Session) -> None:
    """Recording again, also by another series, finds the same row; the series lists only its own."""
    one, other = add_series(session), add_series(session, "other")
    ids = [record_code_set(session, series, FIRST, git_commit="c0ffee") for series in (one, one, other)]
    assert len(set(ids)) == 1
    assert session.scalar(select(func.count()).select_from(Code)) == 1
    second = record_code_set(session, other, EDITED, git_commit=None)
    assert [found.id for found in code_sets(session, one).sets] == ids[:1]
    found = code_sets(session, other)
    assert [(known.id, known.files, known.git_commit) for known in found.sets] == [
        (ids[0], FIRST, "c0ffee"),
        (second, EDITED, None),
    ]
    assert not found.has_unknown


def test_a_file_that_one_lacks_is_no_difference(session: Session) -> None:
    """Sets differ by the digests of files that both have; accepted ones count as one."""
    series_id = add_series(session)
    first, edited, fewer = (
        record_code_set(session, series_id, files, git_commit=None)
        for files in (FIRST, EDITED, WITHOUT_HELPER)
    )
    found = code_sets(session, series_id)
    assert found.one_with(FIRST) == {first, fewer}
    assert found.one_with(EDITED) == {edited}
    assert not found.differ([first, fewer, None])
    assert found.differ([first, edited])
    assert accept_code_sets(session, series_id) == 3
    found = code_sets(session, series_id)
    assert found.one_with(EDITED) == {first, edited, fewer}
    assert found.one_with(EDITED, accepted=False) == {edited}
    assert (found.differ([first, edited]), found.differ([first, edited], accepted=False)) == (False, True)
    third = record_code_set(session, series_id, {"train.py": "c"}, git_commit=None)
    assert code_sets(session, series_id).one_with({"train.py": "c"}) == {third}


def test_the_code_of_experiments(session: Session) -> None:
    """`code` is what the experiment ran; unknown code is neither the current one nor another."""
    series_id = add_series(session)
    worker_id = add_worker(session)
    first = record_code_set(session, series_id, FIRST, git_commit=None)
    edited = record_code_set(session, series_id, EDITED, git_commit=None)
    endings = [{**completed(a=1), "code": code} for code in (first, edited, None)]
    ids = record(session, worker_id, series_id, endings)
    assert completed_by_code(session, series_id) == {first: 1, edited: 1, None: 1}
    names = RecordedNames(session, series_id, [("lr",)], current_code=lambda: EDITED)

    def selected(text: str) -> list[int]:
        condition = parse(text, names).to_sql(session)
        chosen = session.scalars(select(Experiment.id).where(condition, Experiment.id.in_(ids)))
        return sorted(ids.index(one) for one in chosen)

    digits = code_digest(FIRST)[:6]
    assert selected('code == "current"') == [1]
    assert selected('code != "current"') == [0]
    assert selected('code == "unknown"') == [2]
    assert selected('code != "unknown"') == [0, 1]
    assert selected(f'code == "{digits}"') == selected(f'"{digits}" == experiment.code') == [0]
    assert selected(f'code in ["{digits}", "unknown"]') == [0, 2]
    assert selected(f'code not in ["{digits}", "unknown"]') == [1]
    assert selected('code == "0123456789ab"') == []
    for wrong in (
        'code == "12345"',
        "code == 3",
        'code < "current"',
        "code",
        "code == lr",
        'code == "CURRENT"',
    ):
        with pytest.raises(ExpressionError, match="code"):
            selected(wrong)


def test_a_parameter_called_code(session: Session) -> None:
    """In a series with a parameter or a result of that name, the name alone is that one."""
    series_id = add_series(session, parameters=[{"code": "x"}, {"code": "y"}], repetitions=1)
    with_result = add_series(session, "other", repetitions=1)
    record(session, add_worker(session), with_result, [completed(code=7)])
    for number, parameters, text in ((series_id, [("code",)], 'code == "x"'), (with_result, [], "code == 7")):
        names = RecordedNames(session, number, parameters, current_code=dict)
        one = select(func.count()).where(Experiment.series_id == number)
        assert session.scalar(one.where(parse(text, names).to_sql(session))) == 1
        unknown = parse('experiment.code == "unknown"', names).to_sql(session)
        assert session.scalar(one.where(unknown)) == session.scalar(one)
