"""What is told of a result of which some values could not be stored, on both databases."""

from __future__ import annotations

import math

from database.models import Outcome, exact_json
from database.session.lifecycle import SessionLocal
from meta.frames import load_experiments
from tests.integration.meta.commanding import Commands
from tests.integration.recording import add_series, add_worker, completed, record


def test_partial_results(commands: Commands) -> None:
    """What was valid of an invalid result is shown with its attempt, and counts nowhere."""
    end = {
        "outcome": Outcome.INVALID_RESULT,
        "error_type": "InvalidResult",
        "error_message": "result['v'] is of type object",
        "partial": exact_json.encode({"kept": {"loss": math.nan, "n": 7}}),
        "log_tail": "starting object",
    }
    with SessionLocal() as session:
        series_id = add_series(session, "first", [{"lr": 1}], repetitions=2)
        _, invalid = record(session, add_worker(session), series_id, [completed(loss=math.nan), end])
    assert "\npartial result:\n    kept.loss  nan\n    kept.n     7\n" in commands("show", str(invalid))
    data = commands.json("show", str(invalid))
    assert data["attempts"][0]["partial"] == {"kept": {"loss": {"$float": "nan"}, "n": 7}}
    listed = {row["id"]: row["results"] for row in commands.json("list", "first")}
    assert listed == {row: commands.json("show", str(row))["results"] for row in listed}
    assert listed[invalid] is None
    commands("list", "first", "--where", "kept.n == 7", code=2)
    assert "there is nothing named kept.n" in commands.err
    assert "kept" not in commands("export", "first")
    lines = commands("failures", "first").splitlines()
    assert lines[0] == "1 x invalid_result: result['v'] is of type object"
    assert lines[2:4] == ["    last lines it wrote:", "        starting object"]
    assert "kept.n" not in load_experiments("first")
    frame = load_experiments("first", partial=True).set_index("id")
    assert frame.loc[invalid, ["status", "kept.n"]].tolist() == ["failed", 7]
