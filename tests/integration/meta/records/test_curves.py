"""Reading curves: only what graphs need, shared where it is equal."""

from __future__ import annotations

from sqlalchemy import select, true

from database.models import Attempt, Experiment, ExperimentStatus, Outcome
from database.session.lifecycle import scoped_session
from meta.records.curves import metric_names, read_curves

PENDING = ExperimentStatus.PENDING


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


CASES = [
    ("completed", ["error", "completed"], [1, 2], 2),
    ("completed", ["error", "completed"], [1], None),
    ("failed", ["crashed", "timed_out"], [1, 2], 2),
    ("failed", ["crashed", "timed_out"], [1], None),
    ("cancelled", ["cancelled"], [1], 1),
    ("pending", ["error", "interrupted"], [1, 2], 2),
    ("pending", ["error", "released"], [1], 1),
    ("pending", ["error", "replaced"], [1, 2], 1),
    ("pending", ["replaced"], [1], None),
    ("claimed", ["error", "lost", None], [1, 2], 2),
    ("running", ["error", None], [1, 2], 2),
    ("running", ["error", None], [1], None),
    ("running", ["replaced", None], [1, 2], 2),
    ("completed", [], [1, 3], 3),  # a series that was made by hand
]


def test_a_curve_is_that_of_one_attempt(database_url: str, write_series, written) -> None:
    """The completed one, else the last that began; one that was replaced counts no longer."""

    def left(_parameters, repetition):
        _, outcomes, logged, expected = CASES[repetition]
        chunks = {(number, "loss", 0): ([0], [1.0 * number]) for number in logged}
        unseen = {
            (number, f"unseen {repetition}", 0): ([0], [0.0]) for number in logged if number != expected
        }
        return written(status=PENDING, chunks={**chunks, **unseen}, attempts=len(outcomes))

    with scoped_session() as session:
        series = write_series(session, left, repeat={"seeds": len(CASES)})
        experiments = session.scalars(select(Experiment).order_by(Experiment.repetition)).all()
        for experiment, (status, outcomes, _, _) in zip(experiments, CASES, strict=True):
            experiment.status = ExperimentStatus(status)
            experiment.worker_id = "w" if status in {"running", "claimed"} else None
            session.add_all(
                Attempt(experiment_id=experiment.id, number=number, worker_id="w", outcome=Outcome(outcome))
                for number, outcome in enumerate(outcomes, start=1)
                if outcome is not None
            )
        session.flush()
        found = {
            each.experiment_id: each.curve.readings.tolist()
            for each in read_curves(session, series, "loss", where=true())
        }
        assert [found.get(experiment.id) for experiment in experiments] == [
            None if expected is None else [float(expected)] for *_, expected in CASES
        ]
        assert metric_names(session, series) == ["loss"]
