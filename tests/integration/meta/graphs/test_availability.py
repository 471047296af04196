"""Whether a run says that there are graphs to draw."""

from __future__ import annotations

from pathlib import Path

import pytest

from database.models import ExperimentSeries
from database.session.lifecycle import SessionLocal
from meta.commands.group import run_command
from meta.graphs.generation.availability import can_be_drawn
from tests.integration.recording import add_series, add_worker, completed, record

NOTHING = {"text": "x", "lists": [1.0], "nan": float("nan"), "nested": {"none": None}}


def test_what_can_be_drawn(database_url: str) -> None:
    """A finite number, however deep, a logged metric or a graph that is asked for; nothing else."""
    with SessionLocal() as session:
        for name, results in {
            "nothing": NOTHING,
            "nested": {**NOTHING, "a": {"b": 1}},
            "logged": {"metrics": {"loss": {"last": 0.5}}},
        }.items():
            series_id = add_series(session, name=name)
            record(session, add_worker(session), series_id, [completed(**results)])
        assert [can_be_drawn(session, name) for name in ("nothing", "nested", "logged", "unknown")] == [
            *(False, True, True, False)
        ]
        series = session.get_one(ExperimentSeries, add_series(session, name="asks"))
        assert not can_be_drawn(session, "asks")
        series.resolved = {**series.resolved, "graphs": [{"y": "text"}]}
        session.commit()
        assert can_be_drawn(session, "asks")


@pytest.mark.parametrize(("returned", "is_told"), [("{'y': 0.5}", True), ("{'text': 'x'}", False)])
def test_end_of_a_run(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, returned: str, is_told: bool
) -> None:
    """The command names the graphs where there are some, else what a function returns to have some."""
    (tmp_path / "target.py").write_text(f"def main(x):\n    return {returned}\n")
    (tmp_path / "s.yaml").write_text("name: s\nrun: {function: target.py:main}\ngrid: {x: [1]}\n")
    assert run_command(["run", str(tmp_path / "s.yaml"), "--workers", "0", "--quiet"]) == 0
    told = capsys.readouterr().out
    assert ("draw its graphs: experiments graphs s" in told) == is_told
    assert ('there is no number to draw: return some, as in `return {"loss": 0.1}`' in told) != is_told
