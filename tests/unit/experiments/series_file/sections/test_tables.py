"""The `tables` section: what it means in short and in full, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from experiments.series_file.loading import load_series_file
from experiments.series_file.models import SeriesFile
from experiments.series_file.reading.errors import SeriesFileError
from experiments.series_file.sections.tables import TableSpec


def loaded(**table: Any) -> TableSpec:
    document = {
        "name": "t",
        "run": {"function": "a:b"},
        "grid": {"optimizer.name": ["sgd", "adam"], "dataset": ["digits"]},
        "tables": [{"y": "accuracy", "rows": "optimizer.name", **table}],
    }
    file = load_series_file(document).file
    dumped = file.model_dump(mode="json")
    assert SeriesFile.recorded(dumped) == file
    assert load_series_file({**document, "tables": dumped["tables"]}).file == file
    return file.tables[0]


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("mean±ci95", ("mean", "ci", 0.95, False)),
        ("median +- bca90", ("median", "bca", 0.9, False)),
        ("iqm [ci99.9]", ("iqm", "ci", 0.999, True)),
        ("mean±t95", ("mean", "t", 0.95, False)),
        ("iqm [expanded90]", ("iqm", "expanded", 0.9, True)),
        ("mean±sd", ("mean", "sd", None, False)),
        ("median", ("median", "none", None, False)),
    ],
)
def test_show_is_short_for_estimator_and_interval(show: str, expected: tuple[object, ...]) -> None:
    """What `show` says is the same as estimator, interval, level and ends, and survives the database."""
    spec = loaded(show=show)
    found = (spec.estimator, spec.interval, spec.level and round(spec.level, 9), spec.ends)
    assert found == expected


def test_an_expression_is_no_name() -> None:
    """`where` is an expression or gives values of parameters."""
    where = "dataset == 'digits' and accuracy > 0.5"
    assert loaded(where=where).where == where
    assert loaded(where={"dataset": "digits"}).where == {"dataset": "digits"}


def test_one_name_needs_no_list() -> None:
    """A single row, column, format, or order of the only row's values is written plainly."""
    spec = loaded(columns="dataset", to="latex", order=["adam"])
    assert (spec.rows, spec.columns, spec.to) == (("optimizer.name",), ("dataset",), ("latex",))
    assert spec.order == {"optimizer.name": ("adam",)}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"columns": "datset"}, "columns: cannot be 'datset'; did you mean 'dataset'"),
        ({"columns": ["optimizer.name"]}, "already among rows"),
        ({"over": "data"}, "over: cannot be 'data'"),
        ({"where": {"datast": 1}}, "where.datast: cannot be 'datast'; did you mean 'dataset'"),
        ({"where": "dataset = 'digits'"}, "character 9: compare with =="),
        (
            {"where": "status == 'done'"},
            "where: at \"'done'\", character 11: status is never 'done'; status: ",
        ),
        ({"show": "mean ± "}, "show: must be an estimator, alone or with an interval"),
        ({"show": "meen±ci95"}, "estimator: must be 'mean', "),
        ({"show": "mean±ci95", "level": 0.9}, "level: is given by show: mean±ci95 already"),
        ({"show": "median±sd"}, "interval: cannot be 'sd' of the median, which has ci, exact"),
        (
            {"interval": "sd", "over": "dataset"},
            "interval: cannot be 'sd': where configurations are averaged",
        ),
        ({"strata": "datset"}, "strata: 'datset' is neither shown nor averaged over"),
        (
            {"over": "dataset", "strata": "dataset", "paired": False},
            "strata: is contradicted by paired: false",
        ),
        ({"paired": False, "significance": False}, "paired: means nothing without over and significance"),
        ({"show": "iqm [t95]"}, "interval: cannot be 't' of the iqm, which has ci, expanded, percentile"),
        (
            {"normalise": {"by": "dataset", "low": 0, "high": 1}},
            "normalise.by: 'dataset' is neither shown nor averaged over here",
        ),
        ({"missing": "never"}, "missing: is not a key here"),
        ({"within": "row"}, "within: cannot be 'row' in a table without columns"),
        ({"baseline": "sgd", "significance": False}, "baseline: means nothing with significance: false"),
        (
            {"rows": ["optimizer.name", "dataset"], "baseline": "sgd"},
            "baseline: must give a value of each of the rows",
        ),
        ({"to": "pdf"}, "to[0]: must be 'markdown', 'latex', 'csv' or 'html'"),
        ({"labels": {"optimizer": "x"}}, "labels.optimizer: 'optimizer' is not shown; did you mean"),
        ({"colums": "dataset"}, "colums: is not a key here; did you mean 'columns'"),
        ({"rows": []}, "rows: must not be empty"),
    ],
)
def test_what_does_not_fit_is_refused(table: dict[str, Any], message: str) -> None:
    """Each key that is wrong is told with its place and what could have been written."""
    with pytest.raises(SeriesFileError) as caught:
        loaded(**table)
    assert f"tables[0].{message.partition(':')[0]}" in str(caught.value) or message in str(caught.value)
    assert message in str(caught.value)


def test_problems_have_their_line(tmp_path: Path) -> None:
    """In a file, a table's problem is told with the line; two tables of one name are told apart."""
    path = tmp_path / "säries.yaml"
    path.write_text(
        "name: t\nrun: {function: a:b}\ngrid: {lr: [1, 2]}\ntables:\n"
        "  - {y: loss, rows: lr, name: one}\n  - {y: loss, rows: lr, name: one}\n",
        encoding="utf-8",
    )
    with pytest.raises(
        SeriesFileError, match=r"säries\.yaml:6: tables\[1\]\.name: 'one' is the name of tables"
    ):
        load_series_file(path)
