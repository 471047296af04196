"""The same expression gives the same answer in Python, on SQLite and on PostgreSQL."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from database.expressions import parse
from database.expressions.names import OWN_NAMES, written
from database.models import Configuration, Experiment, ExperimentSeries, ExperimentStatus, SeriesState
from database.session.lifecycle import SessionLocal

KEYS = st.sampled_from(["a", "b"]) | st.sampled_from(
    ["a", "b", "c", "é", 'q"t', "back\\slash", "$float", "0", "lambda", "x.y", "%s", ":p"]
)
PLAIN_TEXTS = ["", "a", "b", "B", "é", "日本", "🙂", "\ufffd", "1", "0.1", "true", "null", "inf", "NaN"]
HOSTILE_TEXTS = ["it's", 'say "x"', "50%", "%s", ":p", "\\", "\n", '{"v": 1}', "[1]", "'; DROP TABLE x; --"]
TEXTS = st.sampled_from([*PLAIN_TEXTS, *HOSTILE_TEXTS]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4
)
NEAR_POWERS = [
    sign * (2**power + step) for sign in (1, -1) for power in (31, 53, 63, 64) for step in (-1, 0, 1)
]
SHORT_INTEGERS = (
    st.integers(-3, 3)
    | st.sampled_from(NEAR_POWERS)
    | st.sampled_from([10**22, 10**23, 10**30, 10**308, 2**1024 - 2**970, 2**1024 - 2**970 - 1, 10**400])
    | st.integers()
)
INTEGERS = SHORT_INTEGERS | st.just(-(10**4000))
SMALL_NUMBERS = st.one_of(
    st.integers(-9, 9), st.sampled_from([*NEAR_POWERS, 0.5, -2.5, 7.0, 1e30, 1e-30, 1.1e30, 9e-31])
).map(repr)
FINITE = (
    st.sampled_from(
        [0.0, -0.0, 0.1, 0.2, 0.30000000000000004, 1.0, 2.0, 2.0**53, 2.0**63, 1e22, 1e23, 1e30, 5e-324]
    )
    | st.sampled_from([1.7976931348623157e308, 2.2250738585072014e-308, 1e-30, 9.9e-31, 1.1e30, -1.5, 3.0])
    | st.floats(allow_nan=False, allow_infinity=False)
)
FLOATS = FINITE | st.sampled_from([math.nan, math.inf, -math.inf])
SCALARS = st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=4,
)
DOCUMENTS = st.builds(
    lambda often, more: {**often, **more},
    st.fixed_dictionaries({"a": SCALARS}, optional={"b": SCALARS}),
    st.dictionaries(KEYS, VALUES, max_size=4),
)
#: Each is compared with each, whatever is drawn besides.
POOL: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        1.0,
        -0.0,
        0.1,
        0.5,
        2**53,
        2**53 + 1,
        2.0**53,
        2**63 - 1,
        2**63,
        2.0**63,
        -(2**63),
    ),
    *(10**23, 1e23, 10**400, -(10**400), 1e30, 1.1e30, 9e-31, 5e-324, 1.7976931348623157e308),
    *(
        math.nan,
        math.inf,
        -math.inf,
        "",
        "1",
        "true",
        "null",
        "inf",
        "B",
        "a",
        "é",
        "🙂",
        "\ufffd",
        "it's 50% \\",
    ),
    *([], [1], {}, {"a": None}, {"$float": "inf"}),
]


OWN = st.sampled_from(["id", "repetition", "seed", "status", "retired", "attempts", "outcome", "duration_s"])
SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


@st.composite
def names(draw: st.DrawFn) -> str:
    """Draw a name that is a parameter or a result."""
    source = draw(st.sampled_from(["parameters", "results"]))
    return written((source, *draw(st.lists(KEYS, min_size=1, max_size=2))))


@st.composite
def constants(draw: st.DrawFn) -> str:
    """Draw a constant as an expression has it."""
    return repr(draw(st.none() | st.booleans() | SHORT_INTEGERS | FINITE | TEXTS))


@st.composite
def calculations(draw: st.DrawFn, most: int = 3) -> str:
    """Draw something that is computed, of up to `most` parts."""
    if most > 1 and draw(st.booleans()):
        left, right = draw(calculations(most - 1)), draw(calculations(1))
        return f"({left} {draw(st.sampled_from('+-*/'))} {right})"
    one = draw(names() | SMALL_NUMBERS)
    return (
        one if draw(st.booleans()) else f"({one} {draw(st.sampled_from(['%', '//']))} {draw(SMALL_NUMBERS)})"
    )


@st.composite
def operands(draw: st.DrawFn) -> str:
    """Draw one side of a comparison."""
    return draw(st.one_of(names(), names(), constants(), calculations(), OWN))


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    """Draw an expression."""
    kind = draw(st.integers(0, 6 if depth else 3))
    if kind == 0:
        return f"{draw(operands())} {draw(SIGNS)} {draw(operands())}"
    if kind == 1:
        return f"{draw(operands())} {draw(SIGNS)} {draw(operands())} {draw(SIGNS)} {draw(operands())}"
    if kind == 2:
        listed = ", ".join(draw(st.lists(constants() | names(), max_size=4)))
        return f"{draw(operands())} {draw(st.sampled_from(['in', 'not in']))} [{listed}]"
    if kind == 3:
        return draw(names())
    if kind == 4:
        return f"not ({draw(conditions(depth - 1))})"
    joint = draw(st.sampled_from(["and", "or"]))
    return f"({draw(conditions(depth - 1))} {joint} {draw(conditions(depth - 1))})"


class AllNames:
    """Whatever is written is there."""

    own = OWN_NAMES

    def has_parameter(self, path: tuple[str, ...]) -> bool:
        return True

    def has_result(self, path: tuple[str, ...]) -> bool:
        return True

    def lacks_results(self) -> bool:
        return False

    def all_parameters(self) -> list[tuple[str, ...]]:
        return []

    def all_results(self) -> list[tuple[str, ...]]:
        return []


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    """Yield a session with a series of three configurations that are overwritten again and again."""
    with SessionLocal() as session:
        series = ExperimentSeries(name="s", resolved={}, target="t", state=SeriesState.READY)
        session.add(series)
        for position in range(3):
            configuration = Configuration(
                series=series, position=position, parameters={}, key=bytes([position]) * 16, revision=0
            )
            session.add(
                Experiment(
                    series=series, configuration=configuration, repetition=0, position=position, seed=position
                )
            )
        session.flush()
        yield session
        session.rollback()


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    documents=st.lists(st.tuples(DOCUMENTS, st.none() | DOCUMENTS), min_size=3, max_size=3),
    texts=st.lists(conditions(), min_size=1, max_size=4),
)
def test_python_and_the_databases_agree(
    session: Session, documents: list[tuple[dict[str, Any], dict[str, Any] | None]], texts: list[str]
) -> None:
    """Whatever the values and the expression, the database selects what Python does."""
    experiments = session.scalars(select(Experiment).order_by(Experiment.id)).all()
    for one, (parameters, results) in zip(experiments, documents, strict=True):
        one.configuration.parameters, one.results = parameters, results
    session.flush()
    for text in texts:
        expression = parse(text, AllNames(), is_recorded=True)  # whatever words it compares status with
        expected = [
            one.id
            for one, (parameters, results) in zip(experiments, documents, strict=True)
            if expression.holds(parameters, results, own(one))
        ]
        found = session.scalars(
            select(Experiment.id).where(expression.to_sql(session)).order_by(Experiment.id)
        )
        assert list(found) == expected, text


def test_each_kind_of_value_with_each(session: Session) -> None:
    """Comparisons and calculations of all pairs of telling values are the same everywhere."""
    first = session.scalars(select(Experiment)).first()
    assert first is not None
    for place, value in enumerate(POOL):
        configuration = Configuration(
            series=first.series, position=9, parameters={"a": value}, key=bytes([place]) * 15, revision=0
        )
        session.add(
            Experiment(
                series=first.series, configuration=configuration, repetition=0, position=9, seed=0, results={}
            )
        )
    session.flush()
    experiments = session.scalars(select(Experiment).where(Experiment.position == 9)).all()
    documents = {one.id: one.configuration.parameters for one in experiments}
    texts = ["parameters.a", "parameters.a == parameters.a", "parameters.b == None", "parameters.a.a == None"]
    for other in POOL:
        if isinstance(other, list | dict) or other in (math.inf, -math.inf) or other != other:  # noqa: PLR0124 - NaN
            continue
        texts += [f"parameters.a {sign} {other!r}" for sign in ("==", "!=", "<", "<=", ">", ">=")]
        texts.append(f"parameters.a in [{other!r}, 'x', 7]")
        if type(other) in (int, float):
            texts += [f"parameters.a {sign} {other!r} > 0" for sign in ("+", "-", "*", "/", "%", "//")]
    for text in texts:
        expression = parse(text, AllNames())
        expected = {one for one, parameters in documents.items() if expression.holds(parameters)}
        where = (Experiment.position == 9, expression.to_sql(session))
        assert set(session.scalars(select(Experiment.id).where(*where))) == expected, text
    for other in POOL:
        session.execute(update(Experiment).values(results={"b": other}))
        for sign in ("==", "<", "<="):
            expression = parse(f"parameters.a {sign} results.b", AllNames())
            expected = {one for one, found in documents.items() if expression.holds(found, {"b": other})}
            where = (Experiment.position == 9, expression.to_sql(session))
            assert set(session.scalars(select(Experiment.id).where(*where))) == expected, (sign, other)


def own(experiment: Experiment) -> dict[str, Any]:
    """Return what an experiment has that nobody has claimed yet."""
    return {
        "id": experiment.id,
        "configuration": experiment.configuration_id,
        "repetition": experiment.repetition,
        "seed": experiment.seed,
        "status": ExperimentStatus.PENDING.value,
        "retired": experiment.retired,
        "attempts": 0,
        "outcome": None,
        "duration_s": None,
    }
