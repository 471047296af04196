"""The names of a series as its rows have them, and what every experiment has, on both databases."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from database.expressions import ExpressionError
from database.models import Configuration, Experiment, ExperimentSeries, Outcome
from database.queries.experiment_rows import experiments
from database.session.lifecycle import SessionLocal
from experiments.where import condition_of, expression_of
from tests.integration.recording import add_series, add_worker, claim, completed, raised, record


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def selected(session: Session, text: str) -> list[int]:
    """Return the positions of the experiments that an expression is true of."""
    where = condition_of(session, "série", text)
    return list(session.scalars(select(Experiment.position).where(where).order_by(Experiment.position)))


def describe(session: Session, **grid: object) -> None:
    """Write a series file's grid into the series, and make its configurations those of the file."""
    session.execute(update(ExperimentSeries).values(resolved={"grid": grid}))
    session.commit()


def test_what_every_experiment_has(session: Session) -> None:
    """Own names are what `list` shows: claimed is pending, outcome and duration are the last attempt's."""
    series_id = add_series(session, repetitions=3)
    describe(session, lr=[0.1, 0.01])
    record(session, add_worker(session), series_id, [completed(loss=1.0), raised()])
    claim(session, add_worker(session), series_id, 2)
    session.execute(update(Experiment).where(Experiment.position == 5).values(retired=True))
    session.commit()
    rows = list(experiments(session, series_id))
    texts = [
        'status == "pending"',
        'status in ["completed", "failed"]',
        'outcome == "error"',
        "outcome == None",
        "duration_s == 1",
        "duration_s == None",
        "retired",
        "attempts == 0",
        "attempts % 2 == 1 and id > 1",
        "repetition * 2 == 2",
        "seed - 100 == repetition",
        "configuration == id",
    ]
    for text in texts:
        expression = expression_of(session, "série", text)
        expected = {
            row.id for row in rows if expression.holds(row.parameters, row.results, dataclasses.asdict(row))
        }
        found = experiments(session, series_id, where=expression.to_sql(session))
        assert {row.id for row in found} == expected, text
        assert expected or text == "configuration == id"
        assert len(expected) < len(rows) or text == "seed - 100 == repetition"


@pytest.mark.parametrize(
    "text",
    [
        'outcome == "failed"',
        '"failed" == outcome',
        'not (outcome != "failed")',
        'outcome in ["lost", "failed"]',
        '"failed" in [outcome, "x"]',
        'outcome == "failed" and status == "failed"',
    ],
)
def test_a_recorded_outcome_of_earlier_programs(session: Session, text: str) -> None:
    """What an earlier program recorded as `failed` means an error, in memory and on both databases."""
    series_id = add_series(session, repetitions=3)
    describe(session, lr=[0.1, 0.01])
    record(session, add_worker(session), series_id, [raised(), completed(loss=1.0)])
    with pytest.raises(ExpressionError, match="did you mean 'error'"):
        expression_of(session, "série", text)
    expression = expression_of(session, "série", text, is_recorded=True)
    rows = list(experiments(session, series_id))
    expected = {row.id for row in rows if row.outcome == "error"}
    assert len(expected) == 1
    assert expected == {
        row.id for row in rows if expression.holds(row.parameters, row.results, dataclasses.asdict(row))
    }
    assert expected == {row.id for row in experiments(session, series_id, where=expression.to_sql(session))}
    assert expression.text == text


def test_parameters_that_the_file_no_longer_names(session: Session) -> None:
    """A parameter that only older configurations have can be named."""
    add_series(session, parameters=[{"lr": 0.1}, {"lr": 0.1, "old": {"name": 1}}], repetitions=1)
    describe(session, lr=[0.1])
    session.execute(update(ExperimentSeries).values(revision=2))
    session.execute(update(Configuration).where(Configuration.position == 0).values(revision=2))
    session.commit()
    assert selected(session, "old.name == 1") == [1]
    assert selected(session, "old != None") == [1]
    assert selected(session, "lr == 0.1") == [0, 1]
    with pytest.raises(ExpressionError, match=r"nothing named old\.nam; did you mean 'old\.name'"):
        selected(session, "old.nam == 1")


def test_results_before_there_are_any(session: Session) -> None:
    """While nothing is recorded a result must be written as one; afterwards it must exist."""
    series_id = add_series(session)
    describe(session, lr=[0.1, 0.01])
    assert selected(session, "results.loss < 1") == []
    with pytest.raises(
        ExpressionError, match=r"No result is recorded yet; if it is one, write results\.loss"
    ):
        selected(session, "loss < 1")
    record(session, add_worker(session), series_id, [completed(loss=0.5)])
    assert selected(session, "loss < 1") == [0]
    with pytest.raises(ExpressionError, match=r"did you mean 'results\.loss'"):
        selected(session, "results.los < 1")


def test_results_beyond_the_sample(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result that only few experiments have is found among all of them."""
    monkeypatch.setattr("database.expressions.recorded._SAMPLE", 1)
    series_id = add_series(session)
    describe(session, lr=[0.1, 0.01])
    record(session, add_worker(session), series_id, [completed(loss=0.5), completed(rare={"ü": 1})])
    assert selected(session, 'rare["ü"] == 1') == [1]
    assert selected(session, "loss == 0.5") == [0]


def test_changes_are_chosen_in_the_same_words(session: Session) -> None:
    """A condition stands in an UPDATE as well as in a SELECT."""
    add_series(session)
    describe(session, lr=[0.1, 0.01])
    where = condition_of(session, "série", "lr < 0.05 and outcome == None and attempts == 0")
    session.execute(update(Experiment).where(where).values(priority=7))
    session.commit()
    rows = session.execute(select(Experiment.priority, Configuration.parameters).join(Configuration))
    assert sorted((priority, parameters["lr"]) for priority, parameters in rows) == [
        (0, 0.1),
        (0, 0.1),
        (7, 0.01),
        (7, 0.01),
    ]
    assert Outcome.COMPLETED.value not in {row.outcome for row in experiments(session, 1)}
