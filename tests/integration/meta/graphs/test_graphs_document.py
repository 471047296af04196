"""The example in docs/graphs.md that has every kind."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from database.models import Outcome
from experiments.series_file.loading import load_series_file
from experiments.series_file.sections.graph_kinds import GRAPH_KINDS
from meta.graphs.figure.registry import KINDS
from meta.records.attempts import AttemptRecord
from meta.statistics.estimators.curves import Curve
from tests.figures import make_drawn

TEXT = (Path(__file__).parents[4] / "docs" / "graphs.md").read_text(encoding="utf-8")


@pytest.fixture
def gallery(tmp_path: Path) -> Any:
    """Return the file of the example that has every kind."""
    (example,) = re.findall(r"```yaml\n(name: gallery\n.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "gallery.yaml"
    path.write_text(example, encoding="utf-8")
    return load_series_file(path).file


def test_the_example_has_every_kind_and_is_drawn(make_records, gallery) -> None:
    """Each graph of the example can be drawn of a series like it, and a report has its numbers."""
    assert {spec.kind for spec in gallery.graphs} == set(GRAPH_KINDS)

    def results(parameters: dict[str, Any], repetition: int) -> dict[str, float]:
        seed = [*map(ord, "".join(map(str, parameters.values()))), repetition]
        generator = np.random.default_rng(seed)
        return {"accuracy": 60 + 10 * generator.normal(), "time": generator.gamma(2.0)}

    records = make_records(
        {name: list(values) for name, values in gallery.grid.items()},
        results=results,
        curves=lambda p, r: {
            "loss": Curve(np.arange(30), results(p, r)["time"] * np.exp(-np.arange(30) / 9))
        },
        labels=gallery.metrics,
    )
    start = datetime(2026, 1, 1, tzinfo=UTC)
    attempt = AttemptRecord(1, 1, "h", "w", Outcome.COMPLETED, start, start + timedelta(seconds=9))
    times = {identity: np.arange(30.0) for identity in records.curves["loss"]}
    records = dataclasses.replace(records, attempts=[attempt], times={"loss": times})
    for spec in gallery.graphs:
        drawn = make_drawn(spec, records)
        assert drawn.figure.axes
        assert list(KINDS[drawn.plan.rules.name].rows(drawn.plan, drawn.data))
