"""Why experiments failed, on both databases."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import update

from database.models import Attempt, Experiment
from database.session.lifecycle import SessionLocal
from tests.integration.meta.commanding import Commands, filled
from tests.integration.recording import add_series, add_worker, raised, record


def test_failures(commands: Commands) -> None:
    """Failures are grouped by cause, with an example and the command that shows it in full."""
    series_id, ids = filled()
    out = commands("failures", "first")
    first, second, rest = out.split("\n", 2)
    assert (first, second) == ("2 x error: ValueError: N", "    at /home/user/helpers.py:3 in helper")
    assert rest.startswith("    first 2")
    assert f"    experiment {ids[2]}: lr=0.1 model.depth=2\n" in out
    assert "    ValueError: 0.7\n" in out
    assert f"    in full: experiments show {ids[2]}\n" in out
    assert "1 x timed_out\n" in out
    one, two = commands.json("failures", "first")
    assert {*one} == {
        *("outcome", "error_type", "place", "pattern", "death", "count", "first_at", "last_at"),
        *("example", "parameters", "message", "traceback", "log_tail", "explanation"),
    }
    assert (one["pattern"], one["death"], one["parameters"]["model"]) == ("N", None, {"depth": 2})
    assert (two["outcome"], two["error_type"], two["place"]) == ("timed_out", None, None)
    with SessionLocal() as session:
        session.execute(update(Experiment).where(Experiment.series_id == series_id).values(retired=True))
        session.commit()
    assert commands("failures", "first") == "no experiment of first has failed\n"


#: What a process of a pool prints, and then nobody calculates what it was sent.
LOST_IN_PROCESS = """
Process ForkPoolWorker-1:
Traceback (most recent call last):
  File "/usr/lib/python3.11/multiprocessing/queues.py", line 367, in get
    return _ForkingPickler.loads(res)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^
AttributeError: Can't get attribute 'late' on <module 'train'>
"""


def test_a_process_that_could_not_load_what_it_was_sent(commands: Commands) -> None:
    """Its traceback in the log explains why the experiment waited until its timeout."""
    filled()
    one, two = commands.json("failures", "first")
    assert (one["explanation"], two["explanation"]) == (None, None)
    with SessionLocal() as session:
        lost = update(Attempt).where(Attempt.experiment_id == two["example"]).values(log_tail=LOST_IN_PROCESS)
        session.execute(lost)
        session.commit()
    shown = "could not load what it was sent (Can't get attribute 'late' on <module 'train'>); a pool waits"
    assert shown in commands("failures", "first")
    assert commands.json("failures", "first")[0]["explanation"] is None


def test_the_reason_comes_before_the_output(commands: Commands) -> None:
    """A program that prints hides no reason: first the message, then the place, then the output's end."""
    frames = "".join(f'  File "/lib/python3.11/x.py", line {n}, in f\n    g()\n' for n in range(40))
    end = {**raised(7, "no luck\nat all"), "log_tail": "\n".join(f"step {number}" for number in range(50))}
    end["traceback"] = end["traceback"].replace("ValueError: no", f"{frames}ValueError: no")
    with SessionLocal() as session:
        [failed, _] = record(session, add_worker(session), add_series(session, "first"), [end, end])
    place = "/home/user/helpers.py:7 in helper"
    report = Path(commands("report", "first").strip()).read_text()
    report = report[report.index('<h2 id="failures">') :]
    for text in (commands("failures", "first"), commands("show", str(failed)), report):
        places = [text.index(part) for part in ("ValueError: no luck", place, "step 49")]
        assert places == sorted(places)
        assert "at all" in text
    assert "step 43" not in commands("failures", "first")
    assert "Traceback (most recent call last):\n  [... 23 frames left out ...]\n  File" in report
