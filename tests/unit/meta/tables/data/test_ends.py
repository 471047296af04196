"""Both ends of an interval stand where half of its width would mislead, for all cells of the column."""

from __future__ import annotations

import pytest

from experiments.series_file.models import MetricSection
from experiments.series_file.sections.tables import TableSpec
from meta.tables.data.ends import BothEnds
from meta.tables.data.table import make_table
from meta.tables.formats.cell_text import PLAIN, cell_text

EVEN = [0.1, 0.2, 0.3, 0.4, 0.5]


def table(make_records, results, repetitions: int = 5, label: MetricSection | None = None, **asked):
    records = make_records(
        {"lr": [1, 2], "data": ["a", "b"]},
        results=results,
        repetitions=repetitions,
        labels={"score": label or MetricSection(goal="max")},
    )
    return make_table(TableSpec(y="score", rows=("lr",), columns=("data",), **asked), records)


def texts(made) -> list[str]:
    return [cell_text(made, place, PLAIN) for place in made.cells.cells]


def test_half_of_a_symmetric_interval_stands_after_the_sign(make_records) -> None:
    """Where nothing misleads, a table is as it was asked for."""
    made = table(make_records, lambda p, r: {"score": EVEN[r] + p["lr"]})
    assert made.ends == BothEnds()
    assert texts(made) == ["1.30 ± 0.20"] * 2 + ["2.30 ± 0.20"] * 2
    assert "Both ends" not in " ".join(made.notes)


def test_a_lopsided_interval_shows_both_ends_of_its_column(make_records) -> None:
    """One cell with a side 1.5 times as long as the other is enough, for its column only."""
    skewed = [0.0, 0.1, 0.2, 0.3, 5.0]

    def results(parameters, repetition: int):
        is_skewed = parameters == {"lr": 2, "data": "b"}
        return {"score": skewed[repetition] if is_skewed else EVEN[repetition]}

    made = table(make_records, results, estimator="median")
    assert made.ends == BothEnds(frozenset({(1,)}), lopsided=True)
    assert texts(made) == ["0.30 ± 0.20", "0.30 [0.10, 0.50]", "0.30 ± 0.20", "0.20 [0.00, 5.0]"]
    assert "Both ends of some columns are shown, as an interval reaches further to one side." in " ".join(
        made.notes
    )


@pytest.mark.parametrize(
    ("sign", "bounds", "beyond"),
    [
        (1, None, False),
        (1, (0, None), True),
        (1, (-1, 1), False),
        (-1, (None, 0), True),
        (-1, (-1, 1), False),
    ],
)
def test_half_that_reaches_beyond_what_is_possible(make_records, sign: int, bounds, beyond: bool) -> None:
    """An interval that is not lopsided may reach further than readings can."""
    near = [0.02, 0.3, 0.3, 0.3, 0.63]
    label = MetricSection(goal="max", bounds=bounds)
    made = table(make_records, lambda _p, r: {"score": sign * near[r]}, label=label, estimator="median")
    assert (made.ends.beyond, made.ends.lopsided) == (beyond, False)


def test_rates_lie_between_0_and_1(make_records) -> None:
    """Of a rate that is always reached, half of an interval after the sign would lie beyond 1."""

    def results(parameters, repetition: int):
        return {"score": parameters["lr"] == 1 or repetition == 0}

    made = table(make_records, results, repetitions=10)
    assert texts(made) == ["1.00 [0.69, 1.00]"] * 2 + ["0.10 [0.00, 0.45]*"] * 2
    assert made.ends.beyond
    assert "Both ends are shown, as" in " ".join(made.notes)


def test_a_standard_deviation_is_no_half_of_an_interval(make_records) -> None:
    """What is asked for by `mean±sd` is the spread itself, whatever is possible."""

    def results(_parameters, repetition: int):
        return {"score": repetition == 0}

    made = table(make_records, results, interval="sd")
    assert made.ends == BothEnds()
    assert texts(made)[0] == "0.20 ± 0.45"


def test_ends_that_are_asked_for_are_those_of_all_columns(make_records) -> None:
    """Then the note has no reason to give."""
    made = table(make_records, lambda _p, r: {"score": EVEN[r]}, ends=True)
    assert (made.ends.columns, made.ends.unasked) == ({(0,), (1,)}, False)
    assert texts(made)[0] == "0.30 [0.10, 0.50]"


def test_two_repetitions_say_so(make_records) -> None:
    """Their estimate has no interval, and would look as good as that of many."""
    made = table(make_records, lambda _p, r: {"score": EVEN[r]}, repetitions=2)
    assert texts(made) == ["0.1500 (n = 2)"] * 4
    without = table(make_records, lambda _p, r: {"score": EVEN[r]}, repetitions=2, interval="none")
    assert texts(without) == ["0.1500"] * 4
