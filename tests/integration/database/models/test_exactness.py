"""The exact trip of parameters and results through the models, on both databases."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from database.claims.types import Chunk
from database.models import Attempt, Experiment, MetricChunk, Outcome
from database.session.lifecycle import SessionLocal
from tests.integration.recording import add_series, add_worker, completed, record

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
RESULTS = st.dictionaries(
    TEXT | st.just("$float"),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
        lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXT, children, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
VALUES: dict[str, Any] = {
    "nan": math.nan,
    "infinities": [math.inf, -math.inf],
    "floats": [0.1, 1e22, 5e-324, 1.7976931348623157e308, -0.0, 1e16, 123456789.123456789],
    "integers": [0, -1, 2**53 + 1, 2**63, 2**64, -(2**200), 10**4299],
    "booleans": [True, False],
    "text": ["", "é", "日本", "🙂", "a'b\"c\\d", "%s :p ?", "\n\t\r\x01\x7f", "1", "null", "\ufffd"],
    "nothing": None,
    "nested": {"a": {"b": [{"c": []}, {}]}},
    "ambiguous": {"$float": "nan", "$$float": 1, "$": 2},
    "dotted.name": 1,
    "'); DROP TABLE experiment;--": 1,
}


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
        session.rollback()


def identical(one: Any, other: Any) -> bool:
    """Compare exactly: types, NaN, and the sign of zero included."""
    return repr(one) == repr(other)


def test_results_by_the_models(session: Session) -> None:
    """Everything that can be stored comes back as it was, in type and value."""
    series_id = add_series(session, parameters=[{"lr": 0.1}], repetitions=1)
    one = session.scalars(select(Experiment)).one()
    one.results = VALUES
    session.commit()
    session.expire_all()
    assert identical(one.results, VALUES)
    assert list(one.results or {}) == list(VALUES)
    assert session.scalar(select(Experiment.results).where(Experiment.series_id == series_id)) is not VALUES


def test_results_by_the_protocol(session: Session) -> None:
    """What a worker records is read by the models as it was."""
    series_id = add_series(session)
    [first] = record(session, add_worker(session), series_id, [completed(**VALUES)])
    assert identical(session.get_one(Experiment, first).results, VALUES)


def test_numpy_results(session: Session) -> None:
    """Numpy's scalars are stored as the plain numbers they are."""
    series_id = add_series(session)
    given_ = {
        "a": np.float64(0.1),
        "b": np.int64(3),
        "c": np.bool_(True),
        "d": np.float32(0.1),
        "e": np.array(2),
    }
    one = session.scalars(select(Experiment).where(Experiment.series_id == series_id)).first()
    assert one is not None
    one.results = given_
    session.commit()
    session.expire_all()
    assert identical(one.results, {"a": 0.1, "b": 3, "c": True, "d": float(np.float32(0.1)), "e": 2})


@pytest.mark.parametrize(
    "value", ["a\0b", "\ud800", object(), 10**4301], ids=["NUL", "surrogate", "object", "integer"]
)
def test_unstorable_results(session: Session, value: Any) -> None:
    """What cannot be stored is refused before any SQL, with its place."""
    add_series(session)
    one = session.scalars(select(Experiment)).first()
    assert one is not None
    one.results = {"deep": [value]}
    with pytest.raises(StatementError, match=r"value\['deep'\]\[0\]"):
        session.commit()
    session.rollback()
    assert one.results is None


def test_no_results_are_null(session: Session) -> None:
    """None is SQL's NULL, not the text null: queries can ask for it."""
    add_series(session, parameters=[{"lr": 1}], repetitions=1)
    assert session.execute(text("SELECT count(*) FROM experiment WHERE results IS NULL")).scalar() == 1


@pytest.mark.parametrize(
    "parameters", [{"x'); DROP TABLE experiment;--": "%s"}, {":p": "?"}, {"🙂": "x" * 10_000}]
)
def test_hostile_parameters(session: Session, parameters: dict[str, Any]) -> None:
    """Names and values of parameters are data, whatever they look like."""
    series_id = add_series(session, parameters=[parameters])
    one = session.scalars(select(Experiment).where(Experiment.series_id == series_id)).first()
    assert one is not None
    assert one.configuration.parameters == parameters


def test_metric_bytes(session: Session) -> None:
    """Arrays of metrics come back byte by byte, NaN's payload and all."""
    steps = np.arange(-2, 3, dtype="<i8") * 2**61
    readings = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324], dtype="<f8")
    chunk = Chunk("loss é", 0, 5, steps.tobytes(), readings.tobytes(), readings.tobytes())
    record(session, add_worker(session), add_series(session), [{**completed(a=1), "chunks": (chunk,)}])
    found = session.scalars(select(MetricChunk)).one()
    assert (found.metric, found.count) == ("loss é", 5)
    assert np.frombuffer(found.steps, "<i8").tolist() == steps.tolist()
    assert (found.readings, found.seconds) == (readings.tobytes(), readings.tobytes())


def test_times(session: Session) -> None:
    """Times are UTC to the microsecond, whatever zone they were given in; naive ones are refused."""
    record(session, add_worker(session), add_series(session), [completed(a=1)])
    one = session.scalars(select(Attempt)).one()
    moment = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    one.started_at = moment
    session.commit()
    session.expire_all()
    assert one.started_at == moment
    assert one.started_at.tzinfo is UTC
    assert session.scalars(select(Attempt).where(Attempt.started_at <= moment)).one() is one
    one.started_at = datetime(2026, 1, 1)  # noqa: DTZ001 - that is what must be refused
    with pytest.raises(StatementError, match="has no time zone"):
        session.commit()


def test_attempt_columns(session: Session) -> None:
    """Numbers beyond 32 bits and long texts of attempts come back exactly."""
    end = {
        "outcome": Outcome.OUT_OF_MEMORY,
        "duration_s": 0.1 + 0.2,
        "error_message": "é\n" * 50_000,
        "peak_memory_bytes": 2**62,
        "cpu_s": 1e-9,
    }
    record(session, add_worker(session), add_series(session), [end])
    found = session.scalars(select(Attempt)).one()
    assert {name: getattr(found, name) for name in end} == end


@given(results=RESULTS)
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_results(session: Session, results: dict[str, Any]) -> None:
    """Any results that can be stored survive the trip."""
    one = session.scalars(select(Experiment)).first()
    if one is None:
        add_series(session, parameters=[{"lr": 1}], repetitions=1)
        one = session.scalars(select(Experiment)).one()
    one.results = results
    session.commit()
    session.expire_all()
    assert identical(one.results, results)
