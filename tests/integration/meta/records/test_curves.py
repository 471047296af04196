"""Reading curves: only what graphs need, shared where it is equal."""

from __future__ import annotations

from database.models import ExperimentStatus
from database.session.lifecycle import scoped_session
from meta.records.curves import metric_names, read_curves


def test_only_completed_and_named_experiments_have_curves(database_url: str, write_series, written) -> None:
    """Running, failed and retired experiments logged points too, which graphs do not read."""
    statuses = list(ExperimentStatus)

    def left(parameters, _repetition):
        status = statuses[parameters["k"] % len(statuses)]
        retired = parameters["k"] >= len(statuses)
        return written(
            status=status, retired=retired, chunks={(1, "loss", 0): ([0], [1.0 * parameters["k"]])}
        )

    with scoped_session() as session:
        series = write_series(session, left, grid={"k": list(range(2 * len(statuses)))})
        curves = [logged.curve for logged in read_curves(session, series, "loss")]
    completed = statuses.index(ExperimentStatus.COMPLETED)
    assert [curve.readings.tolist() for curve in curves] == [[float(completed)]]


def test_equal_steps_are_one_array(database_url: str, write_series, written) -> None:
    """Experiments that logged at the same steps share them, which makes a matrix of them cheap."""

    def left(_parameters, repetition):
        return written(chunks={(1, "loss", 0): (range(repetition % 2, 5), [0.0] * (5 - repetition % 2))})

    with scoped_session() as session:
        series = write_series(session, left, repeat={"seeds": 6})
        curves = [logged.curve for logged in read_curves(session, series, "loss")]
    assert len({id(curve.steps) for curve in curves}) == 2
    assert [len(curve.steps) for curve in curves] == [5, 4, 5, 4, 5, 4]


def test_names_are_those_of_one_series(database_url: str, write_series, written) -> None:
    """Metrics of another series in the same database are not among them."""
    with scoped_session() as session:
        first = write_series(session, lambda _p, _r: written(chunks={(1, "é b", 0): ([0], [0.0])}))
        write_series(session, lambda _p, _r: written(chunks={(1, "other", 0): ([0], [0.0])}), name="second")
        assert metric_names(session, first) == ["é b"]
