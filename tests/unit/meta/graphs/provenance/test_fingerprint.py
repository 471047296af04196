"""What the fingerprint of a figure's data depends on, and what not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from database.models import Outcome
from experiments.series_file.models import MetricSection
from experiments.series_file.sections.graphs import GraphSpec
from meta.graphs.generation.requests import plan_graph
from meta.graphs.provenance.fingerprint import Fingerprints
from meta.graphs.provenance.origin import Origin
from meta.records.attempts import AttemptRecord
from meta.records.code_versions import ConfigurationCode, ExperimentsCode
from meta.records.errors import GraphError
from meta.records.series_records import RetiredRecord, SeriesRecords
from meta.statistics.estimators.curves import Curve

CURVE = GraphSpec(kind="curve", y="loss", x="step")
LINE = GraphSpec(kind="line", y="accuracy", x="lr")


@pytest.fixture
def records(make_records):
    return make_records(
        {"lr": [0.1, 0.2, 0.3]},
        results=lambda parameters, repetition: {
            "accuracy": parameters["lr"] + repetition,
            "time": 7.0,
            "metrics.loss.last": 1.0,
        },
        curves=lambda parameters, repetition: {
            "loss": Curve(np.arange(3), np.array([repetition, np.nan, parameters["lr"]])),
            "other": Curve(np.arange(2), np.zeros(2)),
        },
        repetitions=2,
    )


def fingerprint(spec, records) -> str:
    return Fingerprints().of(plan_graph(spec, records)[1])


def with_results(records, **results):
    """Return the records with other results of the first experiment."""
    first, *rest = records.configurations
    experiment = first.completed[0]
    changed = replace(experiment, results={**experiment.results, **results})
    completed = [changed, *first.completed[1:]]
    return replace(records, configurations=[replace(first, completed=completed), *rest])


def moved(records):
    """Return the same records under other ids, their results and parameters in another order."""
    curves = {
        metric: {1_000 - number: curve for number, curve in reversed(found.items())}
        for metric, found in records.curves.items()
    }
    configurations = [
        replace(
            found,
            id=500 - found.id,
            completed=[
                replace(
                    experiment, id=1_000 - experiment.id, results=dict(reversed(experiment.results.items()))
                )
                for experiment in found.completed
            ],
        )
        for found in records.configurations
    ]
    return replace(records, configurations=configurations, curves=curves)


def test_the_fingerprint_is_that_of_every_computer(records) -> None:
    """The same records have the same fingerprint everywhere; a change of the definition is seen here."""
    assert fingerprint(LINE, records) == "38120b7916604cb1c035254175a83c61036717d2fbe8d06dae78f16fa8031544"
    assert fingerprint(CURVE, records) == "9f15cb4e1fef14af3cfa4b554904db2c5896c61631255b9b866dac1cccc1c506"


@pytest.mark.parametrize("spec", [LINE, CURVE])
def test_ids_do_not_matter(records, spec: GraphSpec) -> None:
    """Another database gives other ids and may give names in another order."""
    assert fingerprint(spec, moved(records)) == fingerprint(spec, records)


def test_arrays_count_by_their_values(records) -> None:
    """Byte order and layout in memory are the computer's, not the data's."""
    curves = {
        number: Curve(curve.steps.astype(">i8"), np.repeat(curve.readings, 2)[::2].astype(">f8"))
        for number, curve in records.curves["loss"].items()
    }
    other = replace(records, curves={"loss": curves})
    assert fingerprint(CURVE, other) == fingerprint(CURVE, records)


def test_what_a_graph_does_not_show_does_not_matter(records) -> None:
    """Other results and metrics, the code that ran, names and labels are no part of a graph's data."""
    changed = with_results(records, time=8.0)
    changed = replace(
        changed,
        name="renamed",
        curves={**records.curves, "other": {}},
        experiments_code=ExperimentsCode([ConfigurationCode(1, 1, 2, 6)]),
        labels={"accuracy": MetricSection(label="Accuracy")},
    )
    assert fingerprint(LINE, changed) == fingerprint(LINE, records)
    assert fingerprint(CURVE, changed) == fingerprint(CURVE, records)


@pytest.mark.parametrize(
    "value", [0.1 + 1e-16, 1, True, "0.1", None, float("nan"), float("inf"), -0.0, [0.1]]
)
def test_each_value_matters(records, value: object) -> None:
    """Another result is other data, also where only its type or sign differs."""
    before = {fingerprint(LINE, with_results(records, accuracy=other)) for other in (0.1, 0.0, 1.0, "1")}
    assert fingerprint(LINE, with_results(records, accuracy=value)) not in before


def test_everything_on_the_figure_matters(records) -> None:
    """Readings, steps, parameters, repetitions, what is missing and the order of configurations."""
    first, second, third = records.configurations
    longer = {**records.curves["loss"], 1: Curve(np.arange(4), np.zeros(4))}
    later = {**records.curves["loss"], 1: replace(records.curves["loss"][1], steps=np.arange(1, 4))}
    changes = [
        replace(records, curves={"loss": longer}),
        replace(records, curves={"loss": later}),
        replace(records, configurations=[second, first, third]),
        replace(records, configurations=[first, second]),
        replace(records, configurations=[replace(first, parameters={"lr": 0.15}), second, third]),
        replace(records, configurations=[replace(first, completed=first.completed[1:]), second, third]),
        replace(records, configurations=[replace(first, unfinished={7: "error"}), second, third]),
        replace(records, no_longer_named=[RetiredRecord(9, {}, [1])]),
        replace(records, shares_seeds=False),
    ]
    found = {fingerprint(CURVE, changed) for changed in changes}
    assert len(found) == len(changes)
    assert fingerprint(CURVE, records) not in found


def test_what_is_known_from_other_experiments_is_beside_the_data(records) -> None:
    """The fingerprint is that of what is shown; another kind of result is another figure all the same."""
    some = GraphSpec(kind="bar", y="accuracy", x="lr", where={"lr": 0.1})
    first, second, third = records.configurations

    def origin(reading: float) -> Origin:
        changed = replace(third, completed=[replace(third.completed[0], results={"accuracy": reading})])
        part = plan_graph(some, replace(records, configurations=[first, second, changed]))[1]
        return Origin.of("a", some, part, Fingerprints())

    origins = [origin(reading) for reading in (1.5, 9.5, -1.5)]
    assert len({found.fingerprint for found in origins}) == 1
    assert origins[0].digest() == origins[1].digest() != origins[2].digest()
    positive = {"is_rate": False, "is_positive": True, "is_negative": False, "is_share": False}
    assert origins[0].measures == {"accuracy": positive}
    assert origins[2].measures == {"accuracy": {**positive, "is_positive": False}}
    assert Origin.of("a", LINE, plan_graph(LINE, records)[1], Fingerprints()).measures == {}


def test_figures_of_earlier_programs_are_of_the_same_data(records) -> None:
    """An error counts as it did when it was called `failed`, in what is missing and in time lines."""
    first, *others = records.configurations
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    def with_errors(outcome: str) -> SeriesRecords:
        unfinished = {7: outcome, 8: outcome, 9: "lost"}
        attempts = [AttemptRecord(1, 1, "here", "w", outcome, moment, moment)]
        return replace(
            records, configurations=[replace(first, unfinished=unfinished), *others], attempts=attempts
        )

    timeline = GraphSpec(kind="timeline")
    for spec in (CURVE, timeline):
        assert fingerprint(spec, with_errors(Outcome.ERROR)) == fingerprint(spec, with_errors("failed"))
        assert fingerprint(spec, with_errors(Outcome.ERROR)) != fingerprint(spec, with_errors("crashed"))


def test_the_extract_is_all_that_is_needed(records) -> None:
    """Nothing that the specification does not name goes to the process that draws."""
    _, part = plan_graph(GraphSpec(kind="bar", y="loss", x="lr"), records)
    assert part.curves == {}
    assert part.configurations[0].completed[0].results == {"metrics.loss.last": 1.0}
    assert list(plan_graph(CURVE, records)[1].curves) == ["loss"]


def test_a_wrong_name_is_told_with_all_the_right_ones(records) -> None:
    """The advice names results that the extract of the graph would not have."""
    with pytest.raises(GraphError, match="did you mean 'accuracy'"):
        plan_graph(GraphSpec(kind="bar", y="acuracy", x="lr"), records)
